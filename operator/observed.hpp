#pragma once
// Everything that plan() may know of one training: what the cluster holds, what the aggregator
// reports, and the time. observe.cpp is the one place that gathers it. These are plain values, so
// that tests can write them down.
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/k8s/resource.hpp"
#include "common/spec/federated_training.hpp"
#include "common/wire/messages.hpp"
#include "operator/status.hpp"
#include "operator/time.hpp"

namespace genesis::control {

/// Settings of this installation of the operator, the same for all trainings.
struct Settings {
  std::string aggregator_image;
  std::string worker_image;
  std::string operator_namespace;  // the namespace of the operator's own pods
  // What authors of trainings may use (allowed.hpp).
  std::vector<std::string> allowed_volumes{"persistentVolumeClaim"};
  std::vector<std::string> allowed_images;  // prefixes; "": the repositories of the images above
  std::chrono::seconds poll{2};             // between two requests to a running aggregator
  std::chrono::seconds pod_patience{30};    // until a missing or silent pod is reported
  std::chrono::seconds scheduling_patience{3};  // until a pod without a node is reported
  std::chrono::seconds api_patience{2};  // until a persisting error of the API server is reported
};

/// The FederatedTraining itself. `spec` is valid unless `invalid` says what is wrong with it; then
/// `spec` is the default.
struct Training {
  std::string ns;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  bool is_deleting = false;  // its children are deleted through their owner references
  spec::FederatedTraining spec;
  std::string managed_by;  // spec.managedBy, also of a spec that is invalid
  std::string invalid;
  TrainingStatus status;
  Record recorded;  // status.children, and what has been created since it was written
  // Whether participants that name no storage get a claim: there is a default StorageClass.
  bool has_default_storage = false;
};

/// The value of spec.managedBy that stands for this operator.
inline constexpr std::string_view kController = "federated.genesis.dev/genesis-operator";
/// Whether another controller looks after the training, as the contract of Kueue has it: then this
/// operator neither makes nor writes anything.
[[nodiscard]] bool is_managed_elsewhere(const Training& training);

/// What is read of a Job.
struct JobState {
  SystemTime created;
  bool suspend = false;
  bool is_held = false;               // suspended by somebody else than the operator
  std::optional<SystemTime> started;  // or resumed the last time
  std::int64_t failures = 0;          // pods that have failed so far
  bool is_complete = false;
  bool is_failed = false;
  std::string reason;   // of its Failed condition
  std::string message;  // likewise
};

/// What is read of a Service.
struct ServiceState {
  std::int64_t node_port = 0;    // 0 if it has none
  std::string balancer_address;  // IP or host name of the load balancer, "" while there is none
};

/// A certificate authority whose certificates the training's programs trust.
struct AuthorityState {
  std::string pem;
  std::string key;  // SHA-256 of its public key, in hexadecimal
  SystemTime not_before;
  SystemTime not_after;
};

/// What is read of a Secret that holds a certificate.
struct CertificateState {
  SystemTime not_before;  // of the certificate
  SystemTime not_after;
  std::string issuer;                       // the key of the authority that has signed it
  std::vector<AuthorityState> authorities;  // that are trusted, the newest first
  std::vector<AuthorityState> previous;     // of the operator's Secret: those before
  SystemTime trusted_since;                 // since when the newest is among them
};

/// An object of one of the kinds below.
struct Child {
  std::string uid;
  bool is_ours = true;       // the training is its controlling owner, and the operator created it
  bool is_impostor = false;  // the first, but not the second
  bool is_retained = false;  // a claim that outlives the training it was made for
  std::string origin;        // what it has as the code of its origin (origin.hpp)
  std::string content;       // what it has as the digest of what it holds (kContent)
  std::string found;         // of NAME-deny: the digest of what it does hold
  bool is_deleting = false;
  bool is_outdated = false;     // a failed Job of ours that is to go, so that a new one starts
  std::optional<JobState> job;  // of our Jobs
  std::optional<ServiceState> service;          // of our Services
  std::optional<CertificateState> certificate;  // of our Secrets, once one was read
  std::string spec;                             // JSON, of our Services and NetworkPolicies
};

/// The kinds of a training's children. This is the only list of them. Clean-up deletes them in this
/// order: Jobs first, so that no pod loses what it has mounted.
inline constexpr std::array kChildKinds = {k8s::kJobs,
                                           k8s::kSecrets,
                                           k8s::kConfigMaps,
                                           k8s::kServices,
                                           k8s::kNetworkPolicies,
                                           k8s::kPersistentVolumeClaims};

/// Those of them that are watched. Secrets are read one by one, by the names on record: who may
/// list Secrets may read all of them.
inline constexpr std::array kWatchedKinds = {k8s::kJobs,
                                             k8s::kConfigMaps,
                                             k8s::kServices,
                                             k8s::kNetworkPolicies,
                                             k8s::kPersistentVolumeClaims};

/// What the aggregator reports about a site when it exits.
struct SiteOutcome {
  std::int64_t rows = 0;
  std::int64_t last_round = 0;
};

/// The result of a training, which the aggregator writes as its termination message.
struct TrainingOutcome {
  std::string model_sha256;      // "" if the message has none
  std::int64_t model_bytes = 0;  // 0 if the message has none
  std::map<std::string, SiteOutcome> sites;
};

/// How a container ended.
struct Termination {
  int exit_code = 0;
  std::string reason;                      // "OOMKilled", "Error", "Completed"
  std::string message;                     // its termination message, or the end of its log
  std::optional<TrainingOutcome> outcome;  // if the message is one
};

struct Pod {
  std::string name;
  std::string job;
  SystemTime created;
  std::string phase;        // Pending, Running, Succeeded, Failed
  bool is_running = false;  // its container is running
  bool is_deleting = false;
  std::string reason;  // of a pod that the kubelet has ended: "Evicted"
  std::string message;
  std::optional<Termination> last;    // the latest termination of its container
  std::optional<Termination> before;  // of the pod of its Job before it
  std::string waiting_reason;         // "ImagePullBackOff"
  std::string waiting_message;
  std::string unschedulable;  // the scheduler's message
  std::string image;          // as its Job names it
  std::string image_id;       // as the node has resolved it, "" before that
  std::string host_ip;
  std::string ip;
};

/// An error of the API server that a retry may get past: a 500, a webhook that does not answer.
struct TransientError {
  std::string message;  // "Job a: failed calling webhook"
  SystemTime since;     // the first of the consecutive passes that it ended
};

/// Gives each pod, in order of creation, the end of the pod of its Job before it. A pod that was
/// deleted has none to give: somebody has ended it.
void link_ends(std::vector<Pod>& pods);

/// The children of one training, by kind and name.
class Children {
 public:
  using ByName = std::map<std::string, Child>;

  /// The children of `kind`, which has to be one of kChildKinds.
  [[nodiscard]] ByName& of(const k8s::Resource& kind);
  [[nodiscard]] const ByName& of(const k8s::Resource& kind) const;

  /// The child of that kind and name, or null.
  [[nodiscard]] const Child* find(const k8s::Resource& kind, const std::string& name) const;
  /// Our Job of that name, or null.
  [[nodiscard]] const JobState* job(const std::string& name) const;
  /// Our Service of that name, or null.
  [[nodiscard]] const ServiceState* service(const std::string& name) const;
  /// The newest pod of the Job of that name, or null.
  [[nodiscard]] const Pod* newest_pod(std::string_view job) const;

  std::vector<Pod> pods;  // of our Jobs, in order of creation

 private:
  std::array<ByName, kChildKinds.size()> by_kind_;
};

/// Where the key of a training's encrypted sums is.
enum class KeyState {
  kMissing,
  kBeingMade,
  kMade,       // to be stored
  kUnchecked,  // in its Secret, of which it is not known yet whether it can be used
  kUsable,     // in its Secret
};

struct Observed {
  std::optional<Training> training;
  Children children;
  std::optional<wire::StatusReport> report;         // absent while the aggregator does not answer
  std::string report_error;                         // why it does not
  std::vector<std::string> not_allowed;             // Secrets that this training must not use
  std::map<std::string, std::string> missing_data;  // by participant: "there is no ConfigMap a"
  KeyState key = KeyState::kMissing;                // of a training that needs one
  std::optional<SystemTime> key_since;              // when it was first known to be made
  std::string key_problem;                          // what is wrong with the key, "" if nothing
  std::map<std::string, SystemTime> last_pod;       // by Job: when it was last known to have one
  std::string user_authority;                       // that of spec.security.tls as it is now, or ""
  bool may_write_progress = true;                   // or what only counts on has to wait
  std::chrono::seconds poll{0};  // at least until the aggregator is asked again, see Settings
  // What this pass has met so far:
  std::vector<std::string> refusals;              // "Job a: exceeded quota"
  std::optional<TransientError> transient_error;  // that ended the changes of this pass
  SystemTime now;
};

}  // namespace genesis::control
