#pragma once
// What of a Job may change while the training is suspended: images, resources and where pods run.
// Pure.
#include <map>
#include <optional>
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

/// The image of a Job's pods: of the default for `role` ("aggregator", "worker") or of what the
/// spec names, the very one with which the training started, if it has.
[[nodiscard]] std::string image_of(const Training& training,
                                   const std::optional<std::string>& named,
                                   const std::string& role,
                                   const std::string& usual);

/// REPOSITORY@sha256:… of an image that a node has resolved to `image_id`; the image as it is named
/// where that is no digest of its repository (one that was loaded by hand).
[[nodiscard]] std::string pinned_image(const std::string& image, const std::string& image_id);

/// The images in force, with those that pods have been resolved to since.
[[nodiscard]] std::map<std::string, std::string> images_of(const Training& training,
                                                           const Children& children);

}  // namespace genesis::control
