// What the status says is so: a site that is missing, the cause of an end, one late answer.
#include <cstdlib>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/file.hpp"
#include "operator/allowed.hpp"
#include "operator/causes.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

using namespace std::chrono_literals;
using Done = std::vector<std::string>;

// The end of a training of a and b alone, and of the rows.
void end_without_c(Cluster& cluster) {
  cluster.seen.report.reset();
  cluster.complete_job("aggregator",
                       R"({"modelSha256":"ab","modelBytes":12,"clients":)"
                       R"({"a":{"rows":7,"lastRound":5},"b":{"rows":7,"lastRound":5}}})");
  cluster.after(1s).reconcile();
  cluster.complete_job("worker-a");
  cluster.complete_job("worker-b");
  cluster.start_pod("generate");
  cluster.complete_job("generate");
  cluster.after(1s).reconcile();
}

// Ready, Progressing and Stalled: "+" where it is true.
std::string summary(Cluster& cluster) {
  std::string text;
  for (const auto type : {kReady, kProgressing, kStalled}) {
    text += cluster.condition(type).holds ? "+" : "-";
  }
  return text;
}

// The object as kstatus gets it: tests/lint/kstatus_test.py asks kstatus what it makes of it, and
// compares that with the name's first word.
void check_golden(const std::string& name, Cluster& cluster) {
  const std::string path = source_file("tests/golden/operator/status/" + name + ".json");
  const Json object{{"apiVersion", k8s::kFederatedTrainings.api_version()},
                    {"kind", k8s::kFederatedTrainings.kind},
                    {"metadata",
                     {{"name", cluster.seen.training->name},
                      {"namespace", cluster.seen.training->ns},
                      {"generation", cluster.seen.training->generation}}},
                    {"status", to_json(cluster.status())}};
  if (std::getenv("GENESIS_WRITE_GOLDEN") != nullptr) {
    REQUIRE(write_file_atomic(path, object.dump(2) + "\n"));
  }
  const auto expected = read_file(path, 1U << 20U);
  REQUIRE(expected);
  CHECK(object.dump(2) + "\n" == *expected);
}

}  // namespace

TEST_CASE("operator: a training that ends without a named site says so, with the site's reason",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  std::string why;
  SECTION("a bad line") {
    cluster.end_pod("worker-c", {kExitPermanentError, "Error", "/data/c.csv: line 7: 3 cells"});
    why = "/data/c.csv: line 7: 3 cells";
  }
  SECTION("an image that cannot be had") {
    auto& pod = cluster.pod("worker-c");
    pod.phase = "Pending";
    pod.is_running = false;
    pod.waiting_reason = "ImagePullBackOff";
    pod.waiting_message = "no such image";
    why = "ImagePullBackOff: no such image";
  }
  SECTION("a claim that is not there") {
    auto& pod = cluster.pod("worker-c");
    pod.phase = "Pending";
    pod.is_running = false;
    pod.unschedulable = "persistentvolumeclaim \"c\" not found";
    why = "persistentvolumeclaim \"c\" not found";
  }
  cluster.report(wire::Phase::kTraining, 2).clients.pop_back();
  cluster.after(5s).reconcile();
  CHECK(cluster.condition(kDegraded).holds);
  end_without_c(cluster);
  CHECK(cluster.status().phase == "Succeeded");
  CHECK(cluster.status().reason == reason::kPartialParticipation);
  CHECK(cluster.condition(kComplete).reason == reason::kPartialParticipation);
  CHECK_THAT(cluster.condition(kComplete).message,
             ContainsSubstring("without the rows of c (" + why + ")"));
  CHECK(cluster.condition(kDegraded).holds);
  CHECK(cluster.condition(kDegraded).reason == reason::kParticipantFailed);
  CHECK(cluster.condition(kDegraded).message == "participant c: " + why);
  CHECK(std::ranges::count(cluster.events, reason::kPartialParticipation) == 1);
  // Also once its objects have gone.
  cluster.after(60s).reconcile();
  cluster.seen.children.of(k8s::kJobs).clear();
  cluster.seen.children.pods.clear();
  cluster.reconcile();
  CHECK(cluster.condition(kDegraded).message == "participant c: " + why);
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: a site that left in mid-training is told with its last round", "[operator]") {
  Cluster cluster = a_running_cluster();
  auto& client = cluster.report(wire::Phase::kTraining, 4).clients.at(2);
  client.state = "lost";
  client.last_round = RoundId{2};
  cluster.fail_job("worker-c", {1, "Error", "disk full"});
  cluster.reconcile();
  cluster.seen.report.reset();
  cluster.complete_job("aggregator",
                       R"({"clients":{"a":{"rows":7,"lastRound":5},"b":{"rows":7,"lastRound":5},)"
                       R"("c":{"rows":7,"lastRound":2}}})");
  cluster.after(1s).reconcile();
  cluster.start_pod("generate");
  cluster.complete_job("generate");
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kDegraded).message == "participant c: not after round 2: disk full");
  CHECK(cluster.condition(kComplete).reason == reason::kPartialParticipation);
}

TEST_CASE("operator: a site that the aggregator does not name at its end is absent", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.complete_job("worker-c");  // it came too late, and was told of the end
  end_without_c(cluster);
  CHECK(cluster.condition(kDegraded).message == "participant c: it did not take part");
  CHECK(cluster.status().participants.at(2).state == kStateAbsent);
  CHECK(cluster.after(1s).reconcile().empty());
}

TEST_CASE("operator: a training with all its sites is complete without a word", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.report.reset();
  cluster.complete_job("aggregator",
                       R"({"clients":{"a":{"rows":7,"lastRound":5},"b":{"rows":7,"lastRound":5},)"
                       R"("c":{"rows":7,"lastRound":4}}})");  // c was late in the last round
  cluster.after(1s).reconcile();
  cluster.start_pod("generate");
  cluster.complete_job("generate");
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kComplete).reason == reason::kRowsReady);
  CHECK_FALSE(cluster.condition(kDegraded).holds);
}

TEST_CASE("operator: what the platform did is told before what the log says", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.report(wire::Phase::kTraining, 2).clients.at(0).state = "lost";
  SECTION("a kill for memory") {
    cluster.end_pod("worker-a", {137, "OOMKilled", "info joined client=a"});
    cluster.reconcile();
    CHECK_THAT(cluster.condition(kDegraded).message,
               ContainsSubstring("participant a: OOMKilled: it needed more memory than its limit"));
  }
  SECTION("a signal") {
    cluster.end_pod("worker-a", {139, "Error", "info joined client=a"});
    cluster.reconcile();
    CHECK(cluster.condition(kDegraded).message == "participant a: exit code 139 (SIGSEGV)");
  }
  SECTION("an eviction") {
    auto& pod = cluster.pod("worker-a");
    pod.phase = "Failed";
    pod.is_running = false;
    pod.reason = "Evicted";
    pod.message = "The node was low on resource: memory.";
    cluster.reconcile();
    CHECK(cluster.condition(kDegraded).message ==
          "participant a: Evicted: The node was low on resource: memory.");
  }
  CHECK(cluster.condition(kDegraded).reason == reason::kParticipantFailed);
  CHECK(cluster.status().participants.at(0).reason ==
        cluster.condition(kDegraded).message.substr(std::string("participant a: ").size()));
}

TEST_CASE("operator: what a site ended with outlives the pod that the Job deletes", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.report(wire::Phase::kTraining, 2).clients.at(2).state = "lost";
  cluster.end_pod("worker-c", {1, "Error", "column 'age' is not in the table"});
  cluster.reconcile();
  std::erase_if(cluster.seen.children.pods,
                [](const Pod& pod) { return pod.job == "hospitals-worker-c"; });
  cluster.job("worker-c").is_failed = true;
  cluster.job("worker-c").message = "Job has reached the specified backoff limit";
  cluster.reconcile();
  CHECK(cluster.status().participants.at(2).reason == "column 'age' is not in the table");
}

TEST_CASE("operator: a pod that has no node yet is no news, one that finds none is", "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  auto& pod = cluster.pod("worker-a");
  pod.phase = "Pending";
  pod.is_running = false;
  pod.unschedulable = "waiting for first consumer";
  cluster.after(1s).reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  CHECK(cluster.requeue_after <= 3s);
  cluster.after(3s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kPodUnschedulable);
}

TEST_CASE("operator: Ready, Progressing and Stalled sum the other conditions up", "[operator]") {
  Cluster cluster = a_running_cluster();
  CHECK(summary(cluster) == "-+-");
  CHECK(cluster.status().rounds == "2/5");
  CHECK(cluster.status().joined == "3/3");
  CHECK(cluster.status().reason == reason::kRunningRounds);
  check_golden("InProgress-running", cluster);
  SECTION("complete") {
    cluster.seen.report.reset();
    cluster.complete_job("aggregator", "{}");
    cluster.reconcile();
    CHECK(summary(cluster) == "-+-");
    cluster.start_pod("generate");
    cluster.complete_job("generate");
    cluster.reconcile();
    CHECK(summary(cluster) == "+--");
    CHECK(cluster.status().reason == reason::kRowsReady);
    check_golden("Current-complete", cluster);
  }
  SECTION("complete without a site") {
    end_without_c(cluster);
    CHECK(summary(cluster) == "+--");
    check_golden("Current-partial", cluster);
  }
  SECTION("failed") {
    cluster.seen.report.reset();
    cluster.fail_job("aggregator", {kExitPermanentError, "Error", "round 2: too few updates"});
    cluster.reconcile();
    CHECK(summary(cluster) == "--+");
    CHECK(cluster.condition(kStalled).reason == reason::kTrainingFailed);
    CHECK(cluster.condition(kStalled).message == "round 2: too few updates");
    check_golden("Failed-training", cluster);
  }
  SECTION("suspended") {
    cluster.seen.training->spec.suspend = true;
    cluster.reconcile();
    cluster.seen.report.reset();
    cluster.reconcile();
    CHECK(summary(cluster) == "---");
    CHECK(cluster.status().reason == reason::kSuspendedBySpec);
    check_golden("InProgress-suspended", cluster);
  }
  SECTION("invalid") {
    cluster.seen.training->invalid = "spec.rounds.count: 0 is below 1";
    cluster.reconcile();
    CHECK(summary(cluster) == "--+");
    CHECK(cluster.status().reason == reason::kInvalidSpec);
    check_golden("Failed-invalid", cluster);
  }
  // The other conditions have their events.
  CHECK(std::ranges::count(cluster.events, reason::kInProgress) == 0);
}

TEST_CASE("operator: without minClients a site that is lost for good fails the training",
          "[operator]") {
  Cluster cluster(
      "{participants: [{name: a, data: {path: /d/a, volume: {configMap: {name: a}}}}, "
      "{name: b, data: {path: /d/b, volume: {configMap: {name: b}}}}]}");
  cluster.reconcile();
  CHECK(cluster.status().min_clients == 2);
  cluster.start_pods();
  cluster.fail_job("worker-b", {kExitPermanentError, "Error", "/d/b: line 7: 3 cells"});
  cluster.reconcile();
  CHECK(cluster.condition(kFailed).reason == reason::kQuorumImpossible);
  CHECK_THAT(cluster.condition(kFailed).message, ContainsSubstring("b: /d/b: line 7: 3 cells"));
}

TEST_CASE("operator: with enough clients and not yet all it says whom it waits for, and how long",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  auto& report = cluster.report(wire::Phase::kJoining, 0);
  report.clients.pop_back();
  report.joined = 2;
  cluster.reconcile();
  CHECK(cluster.condition(kQuorumReached).message ==
        "2 clients have joined; rounds.minClients is 2; waiting for c, at most until "
        "rounds.startDeadlineSeconds (600) have passed since the aggregator started");
}

TEST_CASE("operator: an aggregator that hangs is blamed, and not the sites that cannot reach it",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.report.reset();
  cluster.seen.report_error = "no answer within 2 s";
  cluster.end_pod("worker-a", {kExitUnavailable, "Error", "the server does not answer"});
  cluster.end_pod("worker-b", {1, "Error", "disk full"});
  cluster.after(60s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kAggregatorUnreachable);
  CHECK(cluster.condition(kDegraded).message ==
        "the aggregator runs and does not answer: no answer within 2 s; participant b: disk full");
}

TEST_CASE("operator: a drain is no failure, and what a pod ended with is told of the next one",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  auto& client = cluster.report(wire::Phase::kTraining, 2).clients.at(0);
  cluster.end_pod("worker-a", {143, "Error", ""});
  SECTION("a drain") {
    cluster.pod("worker-a").is_deleting = true;
    cluster.reconcile();
    CHECK_FALSE(cluster.condition(kDegraded).holds);
    cluster.start_pod("worker-a");
    link_ends(cluster.seen.children.pods);
    client.state = "lost";
    client.reason = "silent for 10 s";
    cluster.reconcile();
    CHECK(cluster.condition(kDegraded).reason == reason::kParticipantAbsent);
  }
  SECTION("a failure") {
    cluster.end_pod("worker-a", {1, "Error", "disk full"});
    cluster.start_pod("worker-a");
    link_ends(cluster.seen.children.pods);
    client.state = "lost";
    cluster.reconcile();
    CHECK(cluster.condition(kDegraded).message == "participant a: disk full");
    client.state = "training";
    cluster.reconcile();
    CHECK_FALSE(cluster.condition(kDegraded).holds);
  }
}

TEST_CASE("operator: a ConfigMap with rows that is not there is named", "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  const auto references = data_references(cluster.seen.training->spec);
  REQUIRE(references.size() == 3);
  cluster.seen.missing_data["b"] = why_no_data(references.at(1));
  cluster.reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kPodNotStarting);
  CHECK(cluster.condition(kDegraded).message ==
        "participant b: spec.participants[1].data.volume.configMap: there is no ConfigMap b; "
        "create it, with the file of data.path in it");
}

TEST_CASE("operator: a claim that somebody deletes is told of, and a model that is gone",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->recorded["PersistentVolumeClaim/hospitals-model"] = "u";
  auto& claims = cluster.seen.children.of(k8s::kPersistentVolumeClaims);
  claims.at("hospitals-model").is_deleting = true;
  cluster.reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kClaimTerminating);
  CHECK_THAT(cluster.condition(kDegraded).message, ContainsSubstring("hospitals-model is being"));
  cluster.seen.report.reset();
  cluster.complete_job("aggregator", "{}");
  cluster.reconcile();
  claims.erase("hospitals-model");
  cluster.reconcile();
  CHECK(cluster.condition(kFailed).reason == reason::kModelLost);
}

TEST_CASE("operator: a claim that an earlier training has left is taken as the spec says",
          "[operator]") {
  Cluster cluster(kThreeSites);
  auto& claims = cluster.seen.children.of(k8s::kPersistentVolumeClaims);
  Child left;
  left.uid = "old";
  left.is_ours = false;
  left.is_retained = true;
  claims["hospitals-model"] = left;
  CHECK(cluster.reconcile() == Done{"status Pending", "event ModelClaimExists"});
  CHECK_FALSE(cluster.status().start_time);
  CHECK(cluster.condition(kStalled).holds);
  SECTION("reuse") {
    cluster.seen.training->spec.output.existing_claim = spec::ExistingClaim::kReuse;
    const auto done = cluster.reconcile();
    CHECK(done.front() == "change PersistentVolumeClaim hospitals-model");
    CHECK(std::ranges::count(done, "create Job hospitals-aggregator") == 1);
  }
  SECTION("replace") {
    cluster.seen.training->spec.output.existing_claim = spec::ExistingClaim::kReplace;
    CHECK(cluster.reconcile().front() == "delete PersistentVolumeClaim hospitals-model");
    const auto done = cluster.reconcile();
    CHECK(std::ranges::count(done, "create PersistentVolumeClaim hospitals-model") == 1);
  }
}

TEST_CASE("operator: a site that did not hear of the end has succeeded too, and had time to",
          "[operator]") {
  Cluster cluster(
      "{output: {rows: 0}, participants: [{name: a, data: {path: /d/a, volume: {configMap: {name: "
      "a}}}}]}");
  cluster.reconcile();
  cluster.start_pods();
  auto& report = cluster.report(wire::Phase::kJoining, 0);
  report.clients.resize(1);
  report.joined = 1;
  cluster.reconcile();
  CHECK(cluster.status().participants.at(0).state == "Joined");
  cluster.seen.report.reset();
  cluster.complete_job("aggregator", R"({"clients":{"a":{"rows":7,"lastRound":10}}})");
  cluster.after(3600s).reconcile();
  CHECK(cluster.condition(kComplete).holds);
  CHECK(cluster.status().participants.at(0).state == "Succeeded");
  CHECK_FALSE(cluster.job("worker-a").suspend);
  cluster.after(29s).reconcile();
  CHECK_FALSE(cluster.job("worker-a").suspend);
  cluster.after(2s).reconcile();
  CHECK(cluster.job("worker-a").suspend);
}

TEST_CASE("operator: counters wait for their turn, conditions do not", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.may_write_progress = false;
  cluster.report(wire::Phase::kTraining, 3);
  CHECK(cluster.after(1s).reconcile().empty());
  CHECK(cluster.requeue_after == 1s);
  cluster.report(wire::Phase::kTraining, 3).clients.at(0).state = "lost";
  CHECK(cluster.after(1s).reconcile() == Done{"status Running", "event ParticipantAbsent"});
  CHECK(cluster.status().round->current == 3);
}

}  // namespace genesis::control
