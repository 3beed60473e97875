#include "common/fetch/plan.hpp"

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::fetch;

namespace {

const std::string kDigest(64, 'a');

Json a_training() {
  return Json::parse(R"({
    "metadata": {"namespace": "lab", "name": "hospitals", "uid": "u-1"},
    "spec": {"output": {"rows": 1000, "nodeSelector": {"disk": "ssd"}}},
    "status": {"phase": "Succeeded", "rounds": "3/3",
               "conditions": [{"type": "Complete", "status": "True"}],
               "images": {"worker": "registry/w@sha256:1"},
               "model": {"path": "hospitals-model:/model.safetensors", "bytes": 5}}})");
}

Json with_phase(const char* phase, Json conditions) {
  Json training = a_training();
  training["status"]["phase"] = phase;
  training["status"]["conditions"] = std::move(conditions);
  return training;
}

Json a_pod(const char* status) {
  return Json{{"metadata", {{"name", "p"}}}, {"status", Json::parse(status)}};
}

}  // namespace

TEST_CASE("fetch: a finished training says where its files are and what reads them", "[fetch]") {
  Json training = a_training();
  training["status"]["model"]["sha256"] = kDigest;
  const auto source = source_of(training, "");
  REQUIRE(source);
  CHECK(source->claim == "hospitals-model");
  CHECK(source->model_sha256 == kDigest);
  CHECK(source->has_rows);
  CHECK(source->image == "registry/w@sha256:1");
  CHECK(source_of(training, "mine:2")->image == "mine:2");

  training["spec"]["output"]["image"] = "registry/other:3";
  CHECK(source_of(training, "")->image == "registry/other:3");
  training["status"]["images"]["registry/other:3"] = "registry/other@sha256:3";
  CHECK(source_of(training, "")->image == "registry/other@sha256:3");
}

TEST_CASE("fetch: a training that is not finished is refused with where it is", "[fetch]") {
  const auto running = source_of(with_phase("Running", Json::array()), "");
  CHECK(running.error().code == Errc::kFailedPrecondition);
  CHECK_THAT(running.error().message, ContainsSubstring("Running, round 3/3"));
  CHECK_THAT(running.error().message, ContainsSubstring("ft/hospitals"));

  const auto failed = source_of(with_phase("Failed",
                                           Json::array({{{"type", "Failed"},
                                                         {"status", "True"},
                                                         {"reason", "QuorumImpossible"},
                                                         {"message", "1 of 2 sites"}}})),
                                "");
  CHECK_THAT(failed.error().message, ContainsSubstring("QuorumImpossible: 1 of 2 sites"));

  Json unseen = a_training();
  unseen.erase("status");
  CHECK_THAT(source_of(unseen, "").error().message, ContainsSubstring("not seen by an operator"));
}

TEST_CASE("fetch: without a worker image in the status the user has to name one", "[fetch]") {
  Json training = a_training();
  training["status"].erase("images");
  CHECK_THAT(source_of(training, "").error().message, ContainsSubstring("name one"));
}

TEST_CASE("fetch: the pod meets PodSecurity restricted and reads the claim alone", "[fetch]") {
  const Json pod = pod_of(*source_of(a_training(), ""), "hospitals-fetch-0");
  const Json& spec = pod["spec"];
  CHECK(spec["securityContext"]["runAsNonRoot"] == true);
  CHECK(spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault");
  CHECK(spec["automountServiceAccountToken"] == false);
  CHECK(spec["nodeSelector"] == Json{{"disk", "ssd"}});
  CHECK(spec["volumes"].size() == 1);
  const Json& container = spec["containers"][0];
  CHECK(container["securityContext"]["allowPrivilegeEscalation"] == false);
  CHECK(container["securityContext"]["capabilities"]["drop"] == Json::array({"ALL"}));
  CHECK(container["volumeMounts"][0]["readOnly"] == true);
  CHECK(pod["metadata"]["ownerReferences"][0]["uid"] == "u-1");
  // No NetworkPolicy of the training, and no selector of the operator, may take it for theirs.
  CHECK_FALSE(pod["metadata"]["labels"].contains("federated.genesis.dev/training"));
}

TEST_CASE("fetch: why a pod does not run is said as soon as the cluster knows", "[fetch]") {
  CHECK(view_of(a_pod(R"({"phase": "Pending"})")).state == PodState::kStarting);
  CHECK(view_of(a_pod(R"({"containerStatuses": [{"state": {"running": {}}}]})")).state ==
        PodState::kRunning);

  const auto image = view_of(a_pod(
      R"({"phase": "Pending", "containerStatuses": [{"image": "a:1", "state": {"waiting":
          {"reason": "ImagePullBackOff", "message": "not found"}}}]})"));
  CHECK(image.state == PodState::kFailed);
  CHECK(image.reason == "image a:1: ImagePullBackOff: not found");
  const auto pulling = view_of(a_pod(
      R"({"containerStatuses": [{"image": "a:1", "state": {"waiting": {"reason": "ErrImagePull"}}}]})"));
  CHECK(pulling.state == PodState::kStarting);
  CHECK(pulling.reason == "image a:1: ErrImagePull");

  const auto nowhere = view_of(a_pod(
      R"({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
          "reason": "Unschedulable", "message": "0/1 nodes are available"}]})"));
  CHECK(nowhere.state == PodState::kStarting);  // a node may still come
  CHECK(nowhere.reason == "Unschedulable: 0/1 nodes are available");

  const auto ended = view_of(a_pod(
      R"({"phase": "Failed", "containerStatuses": [{"image": "old:1", "state": {"terminated":
          {"exitCode": 2, "reason": "Error"}}}]})"));
  CHECK(ended.state == PodState::kFailed);
  CHECK_THAT(ended.reason, ContainsSubstring("exit code 2"));
  CHECK_THAT(ended.reason, ContainsSubstring("old:1"));

  Json deleted = a_pod(R"({"containerStatuses": [{"state": {"running": {}}}]})");
  deleted["metadata"]["deletionTimestamp"] = "2026-11-27T00:00:00Z";
  CHECK(view_of(deleted).state == PodState::kFailed);
}

TEST_CASE("fetch: a claim that goes or has gone is refused", "[fetch]") {
  CHECK(check_claim(Json::parse(R"({"status": {"phase": "Bound"}})")));
  CHECK(check_claim(Json::parse(R"({"status": {"phase": "Lost"}})")).error().code ==
        Errc::kDataLoss);
  CHECK(check_claim(Json::parse(R"({"metadata": {"deletionTimestamp": "2026-11-27T00:00:00Z"}})"))
            .error()
            .code == Errc::kFailedPrecondition);
}

TEST_CASE("fetch: files that are missing or another's are told before any is fetched", "[fetch]") {
  Json training = a_training();
  training["status"]["model"]["sha256"] = kDigest;
  const Source source = *source_of(training, "");
  const File model{"model.safetensors", 5, kDigest};
  const File rows{"synthetic.csv", 5, kDigest};
  CHECK(check_files(source, {model, rows}));
  CHECK_THAT(check_files(source, {model}).error().message, ContainsSubstring("synthetic.csv"));
  CHECK_THAT(check_files(source, {rows}).error().message, ContainsSubstring("model.safetensors"));
  File other = model;
  other.sha256 = std::string(64, 'b');
  CHECK(check_files(source, {other, rows}).error().code == Errc::kDataLoss);

  training["spec"]["output"]["rows"] = 0;
  CHECK(check_files(*source_of(training, ""), {model}));
}

TEST_CASE("fetch: a card of another model is told", "[fetch]") {
  CHECK(check_card(R"({"modelSha256":"ab"})", "ab"));
  CHECK(check_card(R"({"modelSha256":"cd"})", "ab").error().code == Errc::kDataLoss);
  CHECK(check_card("no JSON", "ab").error().code == Errc::kDataLoss);
}
