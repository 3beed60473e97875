#pragma once
// What `genesis fetch` does, as functions of what the cluster holds: which claim has the files of a
// training, the pod that reads them, and what keeps that pod from running. Pure.
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "common/fetch/volume.hpp"
#include "common/k8s/json.hpp"

namespace genesis::fetch {

using k8s::Json;

/// A training whose files can be fetched.
struct Source {
  std::string ns;
  std::string training;
  std::string uid;
  std::string claim;         // with the files
  std::string model_sha256;  // hexadecimal, "" if the status does not say it
  bool has_rows = false;     // whether there have to be synthetic rows
  std::string image;         // with genesis-federated
  Json settings;             // spec.output: where the training's own reader of the claim runs
};

/// What to fetch of this FederatedTraining; `image` is the one that the user names, or "". Errors:
/// kFailedPrecondition while it is not finished, or has failed, with its state and what to do;
/// kInvalidArgument where neither status nor user name an image.
[[nodiscard]] Result<Source> source_of(const Json& training, const std::string& image);

inline constexpr const char* kContainer = "fetch";

/// The pod that holds the claim, read-only, for the commands that list and send the files. It meets
/// the PodSecurity level "restricted", has no credentials, and needs no network.
[[nodiscard]] Json pod_of(const Source& source, const std::string& name);

enum class PodState {
  kStarting,
  kRunning,
  kFailed,  // it will not run any more, or not without a person
};
struct PodView {
  PodState state = PodState::kStarting;
  std::string reason;  // "image localhost/a:1: ErrImageNeverPull: …", "" if nothing is known
};
[[nodiscard]] PodView view_of(const Json& pod);

/// An error if the claim is being deleted, or has no volume any more.
[[nodiscard]] Status check_claim(const Json& claim);

/// An error if files that have to be there are missing, or the model is not the one of the status.
[[nodiscard]] Status check_files(const Source& source, const std::vector<File>& files);

/// An error unless `card` is the model card of that model.
[[nodiscard]] Status check_card(std::string_view card, const std::string& model_sha256);

}  // namespace genesis::fetch
