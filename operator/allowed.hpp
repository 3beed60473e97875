#pragma once
// What the author of a FederatedTraining may make the operator use: kinds of volumes, container
// images, and Secrets. Pure. Who may create a FederatedTraining gets no more than this, whatever
// the operator itself may do in the namespace.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/k8s/json.hpp"
#include "common/spec/federated_training.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

using k8s::Json;

/// Label by which the owner of a Secret lets trainings use it. Its value is the name of the one
/// training, or kAnyTraining.
inline constexpr std::string_view kAllowTraining = "federated.genesis.dev/allow-training";
/// No training can have this name: names are in lower case.
inline constexpr std::string_view kAnyTraining = "ANY";

/// Errors: kInvalidArgument for a kind of volume that an operator cannot allow.
[[nodiscard]] Status check_volume_kinds(std::span<const std::string> kinds);
/// Errors: kInvalidArgument for a prefix that is no repository or registry.
[[nodiscard]] Status check_image_prefixes(std::span<const std::string> prefixes);

/// The image without its tag and digest.
[[nodiscard]] std::string repository_of(std::string_view image);
/// Whether the image is in the repository `prefix` or in one below it. A prefix ends at a
/// separator: registry.example/team allows registry.example/team/worker:1 and
/// registry.example/team:1, but not registry.example/teams:1.
[[nodiscard]] bool is_below(std::string_view image, std::string_view prefix);

/// What the spec asks for and this operator does not allow: the field, what is wrong and what to
/// do. Secrets aside, for they have to be read.
[[nodiscard]] std::vector<std::string> not_allowed(const spec::FederatedTraining& spec,
                                                   const Settings& settings);

/// The largest modulus that the operator makes a key for: making one must not take hours.
inline constexpr unsigned kMostKeyBits = 4096;

/// A Secret that the spec names.
struct SecretReference {
  std::string field;  // "spec.security.tls.secretName"
  std::string name;
  bool operator==(const SecretReference&) const = default;
};
[[nodiscard]] std::vector<SecretReference> secret_references(const spec::FederatedTraining& spec);

/// A ConfigMap with a site's policy that the spec names.
struct PolicyReference {
  std::string field;  // "spec.participants[0].policyRef.name"
  std::string name;
  bool operator==(const PolicyReference&) const = default;
};
[[nodiscard]] std::vector<PolicyReference> policy_references(const spec::FederatedTraining& spec);
/// A ConfigMap that holds the rows of a participant.
struct DataReference {
  std::string participant;
  std::string field;  // "spec.participants[0].data.volume.configMap"
  std::string name;
  bool operator==(const DataReference&) const = default;
};
[[nodiscard]] std::vector<DataReference> data_references(const spec::FederatedTraining& spec);
/// What is said of one that does not exist.
[[nodiscard]] std::string why_no_data(const DataReference& reference);

/// What keeps a worker from reading its policy there: null where there is no such ConfigMap. ""
/// where nothing does.
[[nodiscard]] std::string why_no_policy(const Json& config_map, const PolicyReference& reference);

/// Why that training must not use this Secret, or "" if it may.
[[nodiscard]] std::string why_not_allowed(const Json& secret,
                                          const SecretReference& reference,
                                          std::string_view training);
/// What is said of a Secret that does not exist.
[[nodiscard]] std::string why_missing(const SecretReference& reference, std::string_view training);

}  // namespace genesis::control
