#pragma once
// The objects that a training consists of, as pure functions of its spec: no cluster, no clock, no
// key material. Secrets come without data, with a SecretSpec from which credentials.cpp fills them
// when they are created. Golden files: tests/golden/operator.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/k8s/json.hpp"
#include "common/k8s/resource.hpp"
#include "common/spec/federated_training.hpp"
#include "operator/naming.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

inline constexpr std::uint16_t kAggregatorPort = 8443;
inline constexpr std::uint16_t kMetricsPort = 9090;  // /metrics, /healthz and /readyz, plain HTTP

inline constexpr const char* kPolicyKey = "policy.yaml";  // in the ConfigMap of a policyRef
inline constexpr const char* kDenyKey = "deny.txt";       // in NAME-deny

/// What one of our Secrets is to hold, without the key material itself.
struct SecretSpec {
  enum class Kind {
    kOperator,  // the authority and the token (generated unless spec.security names them), and the
                // certificate by which the operator reads the aggregator's status
    kAggregator,   // a server certificate for `names`
    kParticipant,  // a client certificate for `client`
    kJoin,         // bundle.yaml for a site outside the cluster: `url`, names.front(), a client
                   // certificate, the token, and the key of encrypted sums
    kPaillier,     // that key
  };
  Kind kind = Kind::kOperator;
  std::vector<std::string> names;
  std::string client;
  std::string url;
  bool operator==(const SecretSpec&) const = default;
};

/// A child as it is to be created. The object is complete, but for the data of a Secret.
struct Desired {
  k8s::Resource resource;
  Json object;
  std::optional<SecretSpec> secret;

  [[nodiscard]] std::string name() const;  // metadata.name
};

/// Whether sums of the training are encrypted with a key, which the operator makes for the sites.
[[nodiscard]] bool needs_key(const spec::FederatedTraining& spec);
/// The size of the modulus of that key.
[[nodiscard]] unsigned key_bits(const spec::FederatedTraining& spec);
/// The least size that the training accepts.
[[nodiscard]] unsigned least_key_bits(const spec::FederatedTraining& spec);

/// DNS names of the training's Service. Clients verify the first.
[[nodiscard]] std::vector<std::string> service_names(const Training& training);
[[nodiscard]] std::string service_url(const Training& training);

/// The metadata of a child: name, labels and owner.
[[nodiscard]] Json child_metadata(const Training& training,
                                  const std::string& name,
                                  std::string_view component);

/// The part of the spec that the aggregator and the workers read. It has everything that changes
/// the model and nothing about pods and life cycle, so that a training that was suspended continues
/// from its own checkpoints.
[[nodiscard]] spec::FederatedTraining training_part(const spec::FederatedTraining& spec);

/// What NAME-deny is to hold, in full: with `uid`, as a change of that object.
[[nodiscard]] Desired deny_list(const Training& training, const std::string& uid = "");
/// Digest of what it is to hold.
[[nodiscard]] std::string deny_digest(const Training& training);

/// Whether the object in the cluster, by what is read of it, has what `desired` says. Of what is
/// not read that is taken for granted.
[[nodiscard]] bool is_as_desired(const Desired& desired, const Child& child);
/// The same object as a change of the one with that uid.
[[nodiscard]] Desired change_of(Desired desired, const std::string& uid);

/// The claim for the state of this participant's worker: what its storage says or, where there is a
/// default StorageClass, one of 1Gi. Nothing if the state is lost with the pod. A claim that was
/// made once stays in use.
[[nodiscard]] std::optional<spec::Storage> storage_of(const Training& training,
                                                      const spec::Participant& participant);
/// That claim, as it is created.
[[nodiscard]] Desired worker_claim(const Training& training, const spec::Participant& participant);

/// The claim with the model. With `uid`, as a change by which the training takes over the claim
/// that an earlier one has left.
[[nodiscard]] Desired model_claim(const Training& training, const std::string& uid = "");

/// The children that exist from the start: Secrets, ConfigMap, claims, Service, policies and Jobs,
/// in the order in which they are created.
[[nodiscard]] std::vector<Desired> children_of(const Training& training, const Settings& settings);

/// The children that generate rows from the finished model.
[[nodiscard]] std::vector<Desired> generate_children(const Training& training,
                                                     const Settings& settings);

/// The Secret for a site outside the cluster, which reaches the aggregator at `url`.
[[nodiscard]] Desired join_secret(const Training& training,
                                  const std::string& participant,
                                  const std::string& url);

// Single objects. Jobs are in pods.cpp, policies in network.cpp.
[[nodiscard]] Json aggregator_job(const Training& training, const Settings& settings);
[[nodiscard]] Json worker_job(const Training& training,
                              const spec::Participant& participant,
                              const Settings& settings);
[[nodiscard]] Json generate_job(const Training& training, const Settings& settings);
[[nodiscard]] Json aggregator_policy(const Training& training, const Settings& settings);
[[nodiscard]] Json worker_policy(const Training& training);
[[nodiscard]] Json generate_policy(const Training& training);

}  // namespace genesis::control
