// What plan() reads of the cluster's objects, also after the informers have dropped the rest.
#include "operator/shapes.hpp"

#include <map>

#include "operator/causes.hpp"
#include "operator/judge.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

Json a_pod() {
  return Json::parse(R"({
    "metadata": {"name": "w-1", "namespace": "demo", "creationTimestamp": "2026-01-01T00:00:05Z",
      "labels": {"a": "b"}, "ownerReferences": [{"kind": "Job", "name": "w", "uid": "u",
      "controller": true}]},
    "spec": {"containers": [{"name": "worker"}]},
    "status": {"phase": "Running", "hostIP": "10.0.0.2", "podIP": "10.1.0.7",
      "conditions": [{"type": "PodScheduled", "status": "True"}],
      "containerStatuses": [{"image": "x", "state": {"waiting": {"reason": "CrashLoopBackOff",
        "message": "back-off"}}, "lastState": {"terminated": {"exitCode": 3, "reason": "Error",
        "message": "bad rows\n"}}}]}})");
}

}  // namespace

TEST_CASE("operator: a pod is read alike before and after its slimming", "[operator]") {
  Json object = a_pod();
  for (int pass = 0; pass < 2; ++pass) {
    const Pod pod = pod_from(object);
    CHECK(pod.job == "w");
    CHECK(pod.phase == "Running");
    CHECK(pod.ip == "10.1.0.7");
    CHECK(pod.host_ip == "10.0.0.2");
    CHECK_FALSE(pod.is_running);
    CHECK(pod.waiting_reason == "CrashLoopBackOff");
    REQUIRE(pod.last);
    CHECK(pod.last->exit_code == 3);
    CHECK(last_line(*pod.last) == "bad rows");
    CHECK(pod.created == kStart + std::chrono::seconds(5));
    selection_of(k8s::kPods).keep(object);
  }
  CHECK_FALSE(object.contains("spec"));
}

TEST_CASE("operator: a Job is read alike before and after its slimming", "[operator]") {
  Json object = Json::parse(R"({"metadata": {"name": "j", "uid": "1", "ownerReferences": [
      {"kind": "FederatedTraining", "name": "t", "uid": "u", "controller": true}]},
    "spec": {"suspend": true, "template": {}}, "status": {"failed": 2, "conditions": [
      {"type": "FailureTarget", "status": "True", "message": "limit"}]}})");
  for (int pass = 0; pass < 2; ++pass) {
    const Child child = child_from(k8s::kJobs, object, "u");
    CHECK(child.is_ours);
    REQUIRE(child.job);
    CHECK(child.job->suspend);
    CHECK(child.job->failures == 2);
    CHECK(child.job->is_failed);
    CHECK(child.job->message == "limit");
    CHECK_FALSE(child_from(k8s::kJobs, object, "another").is_ours);
    selection_of(k8s::kJobs).keep(object);
  }
}

TEST_CASE("operator: whose suspension of a Job it is can be told, before and after its slimming",
          "[operator]") {
  for (const auto& [annotation, is_held] :
       std::map<std::string, bool>{{R"("federated.genesis.dev/suspended": "false")", true},
                                   {R"("federated.genesis.dev/suspended": "true")", false},
                                   {"", false}}) {
    Json object = Json::parse(R"({"metadata": {"name": "j", "annotations": {)" + annotation +
                              R"(}}, "spec": {"suspend": true},
                               "status": {"startTime": "2026-01-01T00:00:05Z"}})");
    for (int pass = 0; pass < 2; ++pass) {
      const Child child = child_from(k8s::kJobs, object, "u");
      REQUIRE(child.job);
      CHECK(child.job->is_held == is_held);
      CHECK(child.job->started == kStart + std::chrono::seconds(5));
      selection_of(k8s::kJobs).keep(object);
    }
  }
}

TEST_CASE("operator: the aggregator's termination message is read as the outcome", "[operator]") {
  const auto outcome = outcome_from(
      R"({"modelSha256":"ab","modelBytes":12,"clients":{"a":{"rows":7,"lastRound":5},"b":3}})"
      "\n");
  REQUIRE(outcome);
  CHECK(outcome->model_sha256 == "ab");
  CHECK(outcome->model_bytes == 12);
  REQUIRE(outcome->sites.size() == 2);
  CHECK(outcome->sites.at("a").rows == 7);
  CHECK(outcome->sites.at("a").last_round == 5);
  CHECK(outcome->sites.at("b").rows == 0);
}

TEST_CASE("operator: a termination message of another kind is no outcome", "[operator]") {
  for (const std::string& message : {std::string(),
                                     std::string("round 2: too few updates"),
                                     std::string("{\"modelSha256\":"),
                                     std::string("[]"),
                                     std::string(100'000, '{')}) {
    CHECK_FALSE(outcome_from(message));
  }
  const auto odd = outcome_from(R"({"modelSha256":7,"modelBytes":"x","clients":[1]})");
  REQUIRE(odd);
  CHECK(odd->model_sha256.empty());
  CHECK(odd->model_bytes == 0);
  CHECK(odd->sites.empty());
}

TEST_CASE("operator: objects of any shape are read without harm", "[operator]") {
  for (const char* const text : {"null",
                                 "[]",
                                 "{}",
                                 R"({"metadata": 7, "spec": [], "status": "x"})",
                                 R"({"status": {"containerStatuses": [7], "conditions": [[]]}})",
                                 R"({"spec": {"ports": [1]}, "status": {"loadBalancer": 3}})"}) {
    CAPTURE(text);
    std::vector<k8s::Resource> resources(kChildKinds.begin(), kChildKinds.end());
    resources.push_back(k8s::kPods);
    resources.push_back(k8s::kFederatedTrainings);
    for (const auto& resource : resources) {
      Json object = Json::parse(text);
      (void)pod_from(object);
      (void)child_from(resource, object, "u");
      CHECK_FALSE(training_from(object, parse_spec(object)).invalid.empty());
      selection_of(resource).keep(object);
      CHECK(object.is_object());
    }
  }
}

TEST_CASE("operator: status survives JSON", "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  cluster.report(wire::Phase::kTraining, 3).estimated_remaining_seconds = 12.4;
  cluster.reconcile();
  const auto status = cluster.status();
  CHECK(status_from_json(to_json(status)) == status);
  CHECK(to_json(status).at("round").at("estimatedRemainingSeconds") == 12);
  CHECK(status_from_json(Json("odd")) == TrainingStatus());
}

TEST_CASE("operator: time is written as the API server does", "[operator]") {
  CHECK(to_rfc3339(kStart) == "2026-01-01T00:00:00Z");
  CHECK(parse_rfc3339("2026-01-01T00:00:00Z") == kStart);
  CHECK(parse_rfc3339("2026-01-01T00:00:00.123456Z") == kStart);
  for (const char* const text : {"", "2026", "2026-01-01T00:00:00+01:00", "2026-13-01T00:00:00Z"}) {
    CHECK_FALSE(parse_rfc3339(text));
  }
}

}  // namespace genesis::control
