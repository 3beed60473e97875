#pragma once
// Names and labels of a training's children. Pure. The names are deterministic, so that an operator
// with a stale cache cannot create a second child.
#include <string>
#include <string_view>

#include "common/k8s/json.hpp"

namespace genesis::control {

inline constexpr std::string_view kManager = "genesis-operator";
inline constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kComponent = "app.kubernetes.io/component";
inline constexpr std::string_view kTrainingLabel = "federated.genesis.dev/training";
inline constexpr std::string_view kParticipantLabel = "federated.genesis.dev/participant";

/// Annotation of a child that changes: the digest of what it holds.
inline constexpr std::string_view kContent = "federated.genesis.dev/content-sha256";

/// Annotation of a Job: "true" while the operator keeps it suspended, "false" while it lets it run.
/// A Job of ours that is suspended with "false" was suspended by somebody else, such as a queue.
inline constexpr std::string_view kSuspendedByUs = "federated.genesis.dev/suspended";

/// Annotation of a claim that outlives its training and so has no owner: NAME/UID of the training.
inline constexpr std::string_view kRetainedFor = "federated.genesis.dev/retained-for";

/// CN of the client certificate with which the operator reads /v1/status.
inline constexpr std::string_view kObserver = "genesis-observer";

/// TRAINING-SUFFIX as a DNS-1035 label. If that is longer than 63 characters or not such a label,
/// it is altered, and 8 hex digits of a digest of the original are appended.
[[nodiscard]] std::string child_name(std::string_view training, std::string_view suffix);

/// The value of kTrainingLabel.
[[nodiscard]] std::string training_label(std::string_view training);

struct Names {
  explicit Names(std::string_view training);

  std::string operator_secret;  // Secret: authority, token, the operator's client certificate
  std::string paillier;         // Secret with the key of encrypted sums
  std::string aggregator;       // Job, Service, NetworkPolicy, Secret with its certificate
  std::string training;         // ConfigMap with the spec
  std::string deny;             // ConfigMap with the certificates that are refused
  std::string model;            // PersistentVolumeClaim: checkpoints, model and synthetic rows
  std::string workers;          // NetworkPolicy
  std::string generate;         // Job, NetworkPolicy
  [[nodiscard]] std::string worker(std::string_view participant) const;  // Job, Secret, claim
  [[nodiscard]] std::string join(std::string_view participant) const;    // Secret

 private:
  std::string name_;
};

}  // namespace genesis::control
