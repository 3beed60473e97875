#include "common/fetch/plan.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "common/k8s/object.hpp"
#include "common/k8s/resource.hpp"

namespace genesis::fetch {
namespace {

constexpr int kUser = 65532;  // the user of the images, as of the training's own pods
constexpr std::chrono::hours kLongest{12};
constexpr std::size_t kMaxReason = 512;

// What a container waits for that does not come by itself. ErrImagePull is tried again, so it is
// left to ImagePullBackOff.
constexpr std::array kHopeless{"ImagePullBackOff",
                               "ErrImageNeverPull",
                               "InvalidImageName",
                               "CreateContainerConfigError",
                               "CreateContainerError",
                               "RunContainerError",
                               "CrashLoopBackOff"};

const Json* condition(const Json& status, std::string_view type) {
  for (const Json& one : member(status, "conditions")) {
    if (text_field(one, "type") == type) {
      return &one;
    }
  }
  return nullptr;
}

bool holds(const Json* condition) {
  return condition != nullptr && text_field(*condition, "status") == "True";
}

std::string said(const Json& object) {
  const std::string reason = text_field(object, "reason");
  const std::string message = text_field(object, "message");
  return printable(reason.empty() || message.empty() ? reason + message : reason + ": " + message,
                   kMaxReason);
}

// The image of the pods that generate rows, as it was resolved at the start of the training.
std::string image_of(const Json& training) {
  const std::string named = text_field(member(member(training, "spec"), "output"), "image");
  const std::string pinned =
      text_field(member(member(training, "status"), "images"), named.empty() ? "worker" : named);
  return pinned.empty() ? named : pinned;
}

}  // namespace

Result<Source> source_of(const Json& training, const std::string& image) {
  const Json& status = member(training, "status");
  const Json& output = member(member(training, "spec"), "output");
  const std::string name(k8s::metadata_text(training, "name"));
  const std::string phase = text_field(status, "phase");
  if (const Json* const failed = condition(status, "Failed"); holds(failed)) {
    return fail(Errc::kFailedPrecondition,
                "has failed, so there is nothing to fetch: " + said(*failed));
  }
  if (!holds(condition(status, "Complete"))) {
    const std::string state = phase.empty() ? "not seen by an operator yet" : phase;
    const std::string rounds = text_field(status, "rounds");
    return fail(Errc::kFailedPrecondition,
                "is not finished (" +
                    printable(state + (rounds.empty() ? "" : ", round " + rounds)) +
                    "); kubectl wait --for=condition=Complete ft/" + name + " waits for it");
  }
  Source source;
  source.ns = k8s::metadata_text(training, "namespace");
  source.training = name;
  source.uid = k8s::metadata_text(training, "uid");
  const Json& model = member(status, "model");
  const std::string path = text_field(model, "path");  // CLAIM:/model.safetensors
  source.claim = path.substr(0, path.find(':'));
  if (source.claim.empty()) {
    return fail(Errc::kFailedPrecondition,
                "status.model.path does not say where the model is; is the operator of the "
                "same version?");
  }
  source.model_sha256 = text_field(model, "sha256");
  source.has_rows = integer_field(output, "rows") > 0;
  source.settings = output.is_object() ? output : Json::object();
  source.image = image.empty() ? image_of(training) : image;
  if (source.image.empty()) {
    return fail(
        Errc::kInvalidArgument,
        "its status names no worker image; name one, such as that of the installed operator "
        "(GENESIS_WORKER_IMAGE)");
  }
  return source;
}

Json pod_of(const Source& source, const std::string& name) {
  Json container{{"name", kContainer},
                 {"image", source.image},
                 {"imagePullPolicy", "IfNotPresent"},
                 {"command", Json::array({"genesis-federated", "volume", "hold"})},
                 {"resources",
                  {{"requests", {{"cpu", "10m"}, {"memory", "32Mi"}}},
                   {"limits", {{"cpu", "1"}, {"memory", "256Mi"}}}}},
                 {"securityContext",
                  {{"allowPrivilegeEscalation", false},
                   {"readOnlyRootFilesystem", true},
                   {"capabilities", {{"drop", Json::array({"ALL"})}}}}},
                 {"volumeMounts",
                  Json::array({{{"name", "model"}, {"mountPath", "/model"}, {"readOnly", true}}})}};
  Json spec{{"restartPolicy", "Never"},
            {"activeDeadlineSeconds", std::chrono::seconds(kLongest).count()},
            {"terminationGracePeriodSeconds", 1},
            {"automountServiceAccountToken", false},
            {"enableServiceLinks", false},
            {"securityContext",
             {{"runAsNonRoot", true},
              {"runAsUser", kUser},
              {"runAsGroup", kUser},
              {"fsGroup", kUser},
              {"fsGroupChangePolicy", "OnRootMismatch"},
              {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
            {"containers", Json::array({std::move(container)})},
            {"volumes",
             Json::array(
                 {{{"name", "model"}, {"persistentVolumeClaim", {{"claimName", source.claim}}}}})}};
  for (const char* const field : {"nodeSelector",
                                  "tolerations",
                                  "affinity",
                                  "imagePullSecrets",
                                  "priorityClassName",
                                  "runtimeClassName",
                                  "schedulerName"}) {
    if (const Json& value = member(source.settings, field); !value.is_null()) {
      spec[field] = value;
    }
  }
  // Goes with the training at the latest. No label of the training's own pods: the operator and its
  // NetworkPolicies select by those.
  return Json{{"apiVersion", k8s::kPods.api_version()},
              {"kind", k8s::kPods.kind},
              {"metadata",
               {{"name", name},
                {"namespace", source.ns},
                {"labels",
                 {{"app.kubernetes.io/managed-by", "genesis-fetch"},
                  {"app.kubernetes.io/component", "fetch"}}},
                {"ownerReferences",
                 Json::array({{{"apiVersion", k8s::kFederatedTrainings.api_version()},
                               {"kind", k8s::kFederatedTrainings.kind},
                               {"name", source.training},
                               {"uid", source.uid}}})}}},
              {"spec", std::move(spec)}};
}

PodView view_of(const Json& pod) {
  const Json& status = member(pod, "status");
  const std::string phase = text_field(status, "phase");
  const Json& containers = member(status, "containerStatuses");
  const Json none;
  const Json& container = containers.is_array() && !containers.empty() ? containers.front() : none;
  const Json& state = member(container, "state");
  const Json& waiting = member(state, "waiting");
  const Json& terminated = member(state, "terminated");
  if (!k8s::metadata_text(pod, "deletionTimestamp").empty()) {
    return {PodState::kFailed, "somebody has deleted it"};
  }
  if (phase == "Failed" || phase == "Succeeded") {
    std::string why = said(status);
    if (terminated.is_object()) {
      why += (why.empty() ? "" : "; ") + std::string("exit code ") +
             std::to_string(integer_field(terminated, "exitCode")) + ": " + said(terminated) +
             "; does image " + text_field(container, "image") + " have this version of genesis?";
    }
    return {PodState::kFailed, why};
  }
  if (member(state, "running").is_object()) {
    return {PodState::kRunning, ""};
  }
  if (const std::string reason = text_field(waiting, "reason");
      !reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing") {
    const bool is_hopeless = std::ranges::find(kHopeless, reason) != kHopeless.end();
    return {is_hopeless ? PodState::kFailed : PodState::kStarting,
            "image " + printable(text_field(container, "image")) + ": " + said(waiting)};
  }
  const Json* const scheduled = condition(status, "PodScheduled");
  if (scheduled != nullptr && text_field(*scheduled, "status") == "False") {
    return {PodState::kStarting, said(*scheduled)};
  }
  return {PodState::kStarting, ""};
}

Status check_claim(const Json& claim) {
  if (!k8s::metadata_text(claim, "deletionTimestamp").empty()) {
    return fail(Errc::kFailedPrecondition,
                "somebody has deleted it, and it goes with the last pod that uses it");
  }
  if (text_field(member(claim, "status"), "phase") == "Lost") {
    return fail(Errc::kDataLoss, "its volume is not there any more");
  }
  return {};
}

Status check_files(const Source& source, const std::vector<File>& files) {
  const auto find = [&](std::string_view name) -> const File* {
    const auto found = std::ranges::find(files, name, &File::name);
    return found == files.end() ? nullptr : &*found;
  };
  const File* const model = find(kModel);
  if (model == nullptr || (source.has_rows && find(kRows) == nullptr)) {
    return fail(Errc::kDataLoss,
                "claim " + source.claim + ": has no " +
                    std::string(model == nullptr ? kModel : kRows) + " any more");
  }
  if (!source.model_sha256.empty() && model->sha256 != source.model_sha256) {
    return fail(Errc::kDataLoss,
                "claim " + source.claim + ": its model has the digest " + model->sha256 +
                    ", but the status of the training says " + printable(source.model_sha256) +
                    "; somebody has replaced it, or the volume is damaged");
  }
  return {};
}

Status check_card(std::string_view card, const std::string& model_sha256) {
  const Json json = Json::parse(card, nullptr, false);
  if (text_field(json, "modelSha256") != model_sha256) {
    return fail(Errc::kDataLoss, std::string(kCard) + ": is not the card of this model");
  }
  return {};
}

}  // namespace genesis::fetch
