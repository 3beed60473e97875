// What starts a failed training again, and what keeps a Job from coming to its limit.
#include "operator/restart.hpp"

#include <string>
#include <vector>

#include "operator/causes.hpp"
#include "operator/judge.hpp"
#include "operator/pod_settings.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

using namespace std::chrono_literals;
using Done = std::vector<std::string>;

auto count(const Done& done, const std::string& what) {
  return std::ranges::count(done, what);
}

// The garbage collector's and the Job controller's part: what is deleted has gone.
void remove_pods(Cluster& cluster, const std::string& name) {
  std::erase_if(cluster.seen.children.pods,
                [&](const Pod& pod) { return pod.job == "hospitals-" + name; });
}

}  // namespace

TEST_CASE("operator: spec.retry starts a failed training again from its checkpoint, once",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.report.reset();
  cluster.fail_job("aggregator", {kExitPermanentError, "Error", "round 2: too few updates"});
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kFailed).holds);
  CHECK(cluster.reconcile().empty());

  cluster.seen.training->spec.retry = 1;
  const Done done = cluster.after(60s).reconcile();
  CHECK(count(done, "delete Job hospitals-aggregator") == 1);
  CHECK(count(done, "delete Job hospitals-worker-a") == 1);
  CHECK(count(done, "event Retried") == 1);
  CHECK(count(done, "status Pending") == 1);
  CHECK_FALSE(cluster.condition(kFailed).holds);
  CHECK(cluster.status().retry == 1);
  CHECK_FALSE(cluster.status().completion_time);
  for (const char* const name : {"aggregator", "worker-a", "worker-b", "worker-c"}) {
    remove_pods(cluster, name);
  }
  const Done made = cluster.after(1s).reconcile();
  CHECK(count(made, "create Job hospitals-aggregator") == 1);
  CHECK(count(made, "create Job hospitals-worker-c") == 1);
  CHECK(count(made, "create PersistentVolumeClaim hospitals-model") == 0);
  cluster.start_pods();
  cluster.report(wire::Phase::kTraining, 3);
  cluster.after(1s).reconcile();
  CHECK(cluster.status().phase == "Running");

  // A second failure is final until the counter is raised again.
  cluster.seen.report.reset();
  cluster.fail_job("aggregator", {kExitPermanentError, "Error", "round 3: too few updates"});
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kFailed).holds);
  CHECK(cluster.after(1s).reconcile().empty());
}

TEST_CASE("operator: no second key is made for a retried training whose key is stored",
          "[operator]") {
  Cluster cluster(kEncrypted);
  cluster.reconcile();
  cluster.seen.key = KeyState::kMade;
  cluster.reconcile();
  cluster.seen.key = KeyState::kUsable;
  cluster.start_pods();
  cluster.fail_job("aggregator", {kExitPermanentError, "Error", "round 2: too few updates"});
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kFailed).holds);
  cluster.seen.key = KeyState::kMissing;  // of a training that has ended, nobody looks at it
  cluster.seen.training->spec.retry = 1;
  const Done done = cluster.after(1s).reconcile();
  CHECK(count(done, "event Retried") == 1);
  CHECK(count(done, "make a key of 2048 bits") == 0);
}

TEST_CASE("operator: a failed Job that has not gone yet does not fail the training again",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.report.reset();
  cluster.fail_job("aggregator", {1, "Error", "disk full"});
  cluster.after(1s).reconcile();
  const auto failed = cluster.seen.children.of(k8s::kJobs);
  cluster.seen.training->spec.retry = 1;
  cluster.after(60s).reconcile();
  cluster.seen.children.of(k8s::kJobs) = failed;  // the cache is late
  for (auto& [name, job] : cluster.seen.children.of(k8s::kJobs)) {
    job.is_deleting = true;
    job.is_outdated = true;  // there is no record of it any more
  }
  const Done done = cluster.after(1s).reconcile();
  CHECK(count(done, "create Job hospitals-aggregator") == 0);
  CHECK_FALSE(cluster.condition(kFailed).holds);
}

TEST_CASE("operator: a retry that was asked for while the training ran is not saved up",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->spec.retry = 1;
  cluster.after(1s).reconcile();
  CHECK(cluster.status().retry == 1);
  cluster.seen.report.reset();
  cluster.fail_job("aggregator", {kExitPermanentError, "Error", "round 2: too few updates"});
  cluster.after(1s).reconcile();
  CHECK(cluster.after(1s).reconcile().empty());
  CHECK(cluster.condition(kFailed).holds);
}

TEST_CASE("operator: backoffLimit counts anew once a site took part in further rounds",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  const auto fail = [&](std::uint32_t last_round) {
    auto& client = cluster.report(wire::Phase::kTraining, last_round + 1).clients.at(0);
    client.state = "lost";
    cluster.after(1s).reconcile();
    cluster.fail_job("worker-a", {1, "Error", "disk full"});
    cluster.job("worker-a").reason = "BackoffLimitExceeded";
    return cluster.after(1s).reconcile();
  };
  Done done = fail(1);
  CHECK(count(done, "delete Job hospitals-worker-a") == 1);
  CHECK(count(done, "event JobReplaced") == 1);
  CHECK(cluster.status().participants.at(0).state != kStateFailed);
  remove_pods(cluster, "worker-a");
  done = cluster.after(1s).reconcile();
  CHECK(count(done, "create Job hospitals-worker-a") == 1);
  cluster.start_pod("worker-a");
  SECTION("no progress since") {
    CHECK(count(fail(1), "delete Job hospitals-worker-a") == 0);
    CHECK(cluster.status().participants.at(0).state == kStateFailed);
  }
  SECTION("progress") {
    CHECK(count(fail(3), "delete Job hospitals-worker-a") == 1);
  }
  SECTION("a permanent error") {
    cluster.fail_job("worker-a", {kExitPermanentError, "Error", "line 7: 3 cells"});
    cluster.job("worker-a").reason = "PodFailurePolicy";
    CHECK(count(cluster.after(1s).reconcile(), "delete Job hospitals-worker-a") == 0);
    CHECK(cluster.status().participants.at(0).state == kStateFailed);
  }
}

TEST_CASE("operator: images and places of pods may change while the training is suspended",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  auto& training = *cluster.seen.training;
  const auto digest = spec_digest(training.spec);
  for (auto& [name, child] : cluster.seen.children.of(k8s::kJobs)) {
    child.content = digest_of(settings_of(training, name));
  }
  training.spec.suspend = true;
  training.spec.participants.front().pod.image = "localhost/genesis-worker:2";
  training.spec.aggregator.pod.node_selector = spec::Verbatim{R"({"zone":"b"})"};
  CHECK(spec_digest(training.spec) == digest);
  cluster.seen.report.reset();
  CHECK(count(cluster.reconcile(), "delete Job hospitals-worker-a") == 0);  // its pod still ends
  const Done done = cluster.reconcile();
  CHECK(count(done, "delete Job hospitals-worker-a") == 1);
  CHECK(count(done, "delete Job hospitals-aggregator") == 1);
  CHECK(count(done, "delete Job hospitals-worker-b") == 0);
  const Done made = cluster.reconcile();
  CHECK(count(made, "create Job hospitals-worker-a") == 1);
  CHECK(cluster.job("worker-a").suspend);
}

TEST_CASE("operator: a complete training goes on when rounds.count is raised, with the new spec",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->spec.output.rows = 0;
  cluster.status().spec_sha256 = spec_digest(cluster.seen.training->spec);
  cluster.report(wire::Phase::kComplete, 5);
  cluster.complete_job("aggregator");
  cluster.after(1s).reconcile();
  REQUIRE(cluster.condition(kComplete).holds);
  CHECK(cluster.status().rounds == "5/5");
  cluster.seen.report.reset();
  cluster.after(60s).reconcile();
  CHECK(cluster.reconcile().empty());

  cluster.seen.training->spec.rounds.count = 8;
  const Done done = cluster.after(60s).reconcile();
  CHECK(count(done, "delete Job hospitals-aggregator") == 1);
  CHECK(count(done, "delete ConfigMap hospitals-training") == 1);
  CHECK(count(done, "create Job hospitals-aggregator") == 0);
  CHECK(count(done, "event Extended") == 1);
  CHECK_FALSE(cluster.condition(kComplete).holds);
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  CHECK_FALSE(cluster.status().completion_time);
  CHECK(cluster.status().rounds == "5/8");
  for (const char* const name : {"aggregator", "worker-a", "worker-b", "worker-c"}) {
    remove_pods(cluster, name);
  }
  cluster.events.clear();
  const Done made = cluster.after(1s).reconcile();
  const auto at = [&](const std::string& what) { return std::ranges::find(made, what); };
  CHECK(at("create ConfigMap hospitals-training") < at("create Job hospitals-aggregator"));
  CHECK(count(made, "create Job hospitals-worker-c") == 1);
  CHECK(count(made, "create PersistentVolumeClaim hospitals-worker-b") == 0);
  CHECK(std::ranges::count(cluster.events, std::string(reason::kChildRestored)) == 0);
  cluster.start_pods();
  cluster.report(wire::Phase::kTraining, 6);
  cluster.after(1s).reconcile();
  CHECK(cluster.status().phase == "Running");
  cluster.report(wire::Phase::kComplete, 8);
  cluster.complete_job("aggregator");
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kComplete).holds);
  CHECK(cluster.status().rounds == "8/8");
}

TEST_CASE("operator: no Job is made before the spec that it is to read", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.children.of(k8s::kJobs).erase("hospitals-worker-a");
  auto& spec = cluster.seen.children.of(k8s::kConfigMaps).at("hospitals-training");
  spec.is_deleting = true;
  CHECK(count(cluster.reconcile(), "create Job hospitals-worker-a") == 0);
  cluster.seen.children.of(k8s::kConfigMaps).erase("hospitals-training");
  const Done made = cluster.reconcile();
  CHECK(std::ranges::find(made, "create ConfigMap hospitals-training") <
        std::ranges::find(made, "create Job hospitals-worker-a"));
}

TEST_CASE("operator: an upgrade of the operator leaves the images of a training as they are",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  auto& training = *cluster.seen.training;
  for (auto& [name, job] : cluster.seen.children.of(k8s::kJobs)) {
    job.content = digest_of(settings_of(training, name));
  }
  cluster.start_pods();
  cluster.reconcile();
  CHECK(cluster.status().images.empty());
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (auto& pod : cluster.seen.children.pods) {
    const bool is_worker = pod.job != "hospitals-aggregator";
    pod.image = is_worker ? settings().worker_image : settings().aggregator_image;
    pod.image_id = is_worker ? "sha256:" + std::string(64, 'b')  // loaded by hand
                             : "docker-pullable://localhost/genesis-aggregator" + digest;
  }
  cluster.after(1s).reconcile();
  const std::map<std::string, std::string> images{
      {"aggregator", "localhost/genesis-aggregator" + digest},
      {"worker", "localhost/genesis-worker:1"}};
  CHECK(cluster.status().images == images);
  Settings later = settings();
  later.aggregator_image = "localhost/genesis-aggregator:2";
  later.worker_image = "localhost/genesis-worker:2";
  const auto image = [](const Json& job) {
    return job.at("spec").at("template").at("spec").at("containers").at(0).at("image");
  };
  CHECK(image(aggregator_job(training, later)) == images.at("aggregator"));
  CHECK(image(worker_job(training, training.spec.participants.front(), later)) ==
        images.at("worker"));
  CHECK(image(generate_job(training, later)) == images.at("worker"));
  // What the spec names is the user's to change while the training is suspended.
  training.spec.aggregator.pod.image = "localhost/genesis-aggregator:3";
  CHECK(image(aggregator_job(training, later)) == "localhost/genesis-aggregator:3");
  cluster.after(1s).reconcile();
  CHECK(cluster.status().images == images);  // the pod is still of the old Job
}

TEST_CASE("operator: an image is pinned to a digest of its own repository alone", "[operator]") {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  CHECK(pinned_image("busybox:1", "docker.io/library/busybox" + digest) == "busybox" + digest);
  CHECK(pinned_image("team/a", "docker.io/team/a" + digest) == "team/a" + digest);
  CHECK(pinned_image("r.example:5000/a:1", "r.example:5000/a" + digest) ==
        "r.example:5000/a" + digest);
  CHECK(pinned_image("r.example/a:1", "docker.io/library/import-2026-01-01" + digest) ==
        "r.example/a:1");
  CHECK(pinned_image("r.example/a:1", "sha256:" + std::string(64, 'b')) == "r.example/a:1");
}

}  // namespace genesis::control
