#pragma once
// Deterministic names and labels of what belongs to a training: a stale cache can't make a second
// child. Pure.
#include <string>
#include <string_view>

#include "common/k8s/json.hpp"

namespace genesis::control {

inline constexpr std::string_view kManager = "genesis-operator";
inline constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kComponent = "app.kubernetes.io/component";
inline constexpr std::string_view kTrainingLabel = "federated.genesis.dev/training";
inline constexpr std::string_view kParticipantLabel = "federated.genesis.dev/participant";

/// CN of the certificate by which the operator reads /v1/status.
inline constexpr std::string_view kObserver = "genesis-observer";

/// TRAINING-SUFFIX as a DNS-1035 label. What does not fit 63 characters, or is no such label, is
/// cut and gets 8 hex digits of a digest of the whole instead.
[[nodiscard]] std::string child_name(std::string_view training, std::string_view suffix);

/// The value of kTrainingLabel.
[[nodiscard]] std::string training_label(std::string_view training);

struct Names {
  explicit Names(std::string_view training);

  std::string operator_secret;  // authority, token, the operator's client certificate
  std::string aggregator;       // Job, Service, policy, and Secret with its certificate
  std::string training;         // ConfigMap with the spec
  std::string model;            // claim with checkpoints, model and rows
  std::string workers;          // policy
  std::string generate;         // Job and policy
  [[nodiscard]] std::string worker(std::string_view participant) const;  // Job, Secret, claim
  [[nodiscard]] std::string join(std::string_view participant) const;    // Secret

 private:
  std::string name_;
};

}  // namespace genesis::control
