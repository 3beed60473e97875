#pragma once
// What of a Job may change while the training is suspended: images, resources and where pods run.
// Pure.
#include <string>

#include "common/spec/federated_training.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

/// Digest of these settings, which the Job has as its kContent.
[[nodiscard]] std::string digest_of(const spec::PodSettings& settings);

/// The settings of the training's Job of that name; those of a new PodSettings where it has none.
[[nodiscard]] spec::PodSettings settings_of(const Training& training, const std::string& job);

/// The spec without any of them: what must not change once the training has started.
[[nodiscard]] spec::FederatedTraining without_pod_settings(spec::FederatedTraining spec);

}  // namespace genesis::control
