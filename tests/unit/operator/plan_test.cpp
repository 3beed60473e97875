// One training through its life, and the laws of plan(): what has been carried out plans nothing.
#include "operator/plan.hpp"

#include <string>
#include <vector>

#include "operator/judge.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

using namespace std::chrono_literals;
using Done = std::vector<std::string>;

constexpr std::string_view kMade = "create ";

std::size_t made(const Done& done) {
  return static_cast<std::size_t>(
      std::ranges::count_if(done, [](const auto& text) { return text.starts_with(kMade); }));
}

}  // namespace

TEST_CASE("operator: a new training gets its children in the order in which they are needed",
          "[operator]") {
  Cluster cluster(kThreeSites);
  CHECK(cluster.reconcile() == Done{"create Secret hospitals-operator",
                                    "create Secret hospitals-aggregator",
                                    "create ConfigMap hospitals-training",
                                    "create ConfigMap hospitals-deny",
                                    "create PersistentVolumeClaim hospitals-model",
                                    "create Service hospitals-aggregator",
                                    "create NetworkPolicy hospitals-aggregator",
                                    "create NetworkPolicy hospitals-workers",
                                    "create Job hospitals-aggregator",
                                    "create Secret hospitals-worker-a",
                                    "create Job hospitals-worker-a",
                                    "create Secret hospitals-worker-b",
                                    "create PersistentVolumeClaim hospitals-worker-b",
                                    "create Job hospitals-worker-b",
                                    "create Secret hospitals-worker-c",
                                    "create Job hospitals-worker-c",
                                    "status Pending"});
  CHECK(cluster.reconcile().empty());
  CHECK(cluster.status().start_time == kStart);
  CHECK(cluster.condition(kQuorumReached).reason == reason::kWaitingForClients);
}

TEST_CASE("operator: pods wait for the key of encrypted sums, and all else is there before",
          "[operator]") {
  Cluster cluster(kEncrypted);
  CHECK(cluster.reconcile() == Done{"make a key of 2048 bits",
                                    "create Secret hospitals-operator",
                                    "create Secret hospitals-aggregator",
                                    "create ConfigMap hospitals-training",
                                    "create ConfigMap hospitals-deny",
                                    "create PersistentVolumeClaim hospitals-model",
                                    "create Service hospitals-aggregator",
                                    "create NetworkPolicy hospitals-aggregator",
                                    "create NetworkPolicy hospitals-workers",
                                    "create Secret hospitals-worker-a",
                                    "create Secret hospitals-worker-b",
                                    "status Pending"});
  CHECK(cluster.reconcile().empty());
  CHECK_THAT(cluster.condition(kTraining).message, ContainsSubstring("key of the encrypted sums"));
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  cluster.seen.key = KeyState::kMade;
  CHECK(cluster.reconcile() == Done{"create Secret hospitals-paillier",
                                    "create Job hospitals-aggregator",
                                    "create Job hospitals-worker-a",
                                    "create Job hospitals-worker-b",
                                    "create Secret hospitals-join-far",
                                    "status Pending"});
  CHECK_THAT(cluster.condition(kTraining).message, ContainsSubstring("waiting for clients"));
  cluster.seen.key = KeyState::kUnchecked;
  CHECK(cluster.reconcile().empty());
  cluster.seen.key = KeyState::kUsable;
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: the time that a key takes is not the aggregator's", "[operator]") {
  Cluster cluster(kEncrypted);
  cluster.reconcile();
  const std::chrono::seconds limit(cluster.seen.training->spec.rounds.start_deadline_seconds);
  cluster.after(2 * limit).reconcile();
  CHECK_FALSE(cluster.status().holds(kFailed));
  cluster.seen.key = KeyState::kMade;
  cluster.seen.key_since = cluster.seen.now;
  cluster.reconcile();
  CHECK_FALSE(cluster.status().holds(kFailed));
  cluster.seen.key = KeyState::kUsable;
  cluster.after(limit - 1s).reconcile();
  CHECK_FALSE(cluster.status().holds(kFailed));
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kFailed).reason == reason::kStartDeadlineExceeded);
}

TEST_CASE("operator: a key that cannot be stored does not keep a training waiting for ever",
          "[operator]") {
  Cluster cluster(kEncrypted);
  cluster.reconcile();
  auto& seen = cluster.seen;
  const std::chrono::seconds limit(seen.training->spec.rounds.start_deadline_seconds);
  cluster.after(2 * limit);
  seen.key = GENERATE(KeyState::kMade, KeyState::kUnchecked, KeyState::kUsable);
  seen.key_since = seen.now;
  const auto pass = [&] {
    cluster.reconcile();
    seen.children.of(k8s::kSecrets).erase("hospitals-paillier");  // as if it had been refused
    seen.children.of(k8s::kJobs).clear();
  };
  pass();
  cluster.after(limit - 1s);
  pass();
  CHECK_FALSE(cluster.status().holds(kFailed));
  cluster.after(1s);
  pass();
  CHECK(cluster.condition(kFailed).reason == reason::kStartDeadlineExceeded);
}

TEST_CASE("operator: a key that cannot be used is told of and never replaced", "[operator]") {
  Cluster cluster(kEncrypted);
  cluster.reconcile();
  cluster.seen.key = KeyState::kMade;
  cluster.reconcile();
  auto& seen = cluster.seen;
  SECTION("it is broken") {
    seen.key = KeyState::kUnchecked;
    seen.key_problem = "Secret hospitals-paillier: has no key paillier.key";
  }
  SECTION("it was deleted") {
    seen.training->recorded["Secret/hospitals-paillier"] = "uid-of-hospitals-paillier";
    seen.children.of(k8s::kSecrets).erase("hospitals-paillier");
    seen.key = KeyState::kMissing;
  }
  seen.children.of(k8s::kJobs).erase("hospitals-worker-b");
  CHECK(cluster.reconcile() == Done{"status Pending", "event PaillierKeyUnusable"});
  CHECK(cluster.condition(kDegraded).reason == reason::kPaillierKeyUnusable);
  CHECK_THAT(cluster.condition(kDegraded).message, ContainsSubstring("Secret hospitals-paillier"));
  CHECK(cluster.condition(kStalled).holds);
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: without its key, a training that runs is still protected", "[operator]") {
  Cluster cluster(kEncrypted);
  cluster.reconcile();
  auto& seen = cluster.seen;
  seen.key = KeyState::kMade;
  cluster.reconcile();
  cluster.start_pods();
  seen.training->recorded["Secret/hospitals-paillier"] = "uid-of-hospitals-paillier";
  seen.children.of(k8s::kSecrets).erase("hospitals-paillier");
  seen.key = GENERATE(KeyState::kMissing, KeyState::kMade);  // as made, it is still in memory
  cluster.reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kPaillierKeyUnusable);

  seen.training->spec.security.deny = {"far"};
  CHECK(cluster.reconcile() == Done{"change ConfigMap hospitals-deny"});
  seen.children.of(k8s::kNetworkPolicies).erase("hospitals-workers");
  seen.children.of(k8s::kServices).erase("hospitals-aggregator");
  seen.children.of(k8s::kSecrets).erase("hospitals-join-far");
  seen.children.of(k8s::kJobs).erase("hospitals-worker-b");
  CHECK(cluster.reconcile() ==
        Done{"create Service hospitals-aggregator", "create NetworkPolicy hospitals-workers"});
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: a site can be excluded whatever keeps children from being created",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.children.of(k8s::kServices).at("hospitals-aggregator").is_ours = false;
  cluster.reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kForeignObject);
  cluster.seen.training->spec.security.deny = {"b"};
  CHECK(cluster.reconcile() == Done{"change ConfigMap hospitals-deny"});
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: a child that was deleted is made again", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.children.of(k8s::kNetworkPolicies).erase("hospitals-workers");
  CHECK(cluster.reconcile() == Done{"create NetworkPolicy hospitals-workers"});
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: rounds show in the status, and their training is told once", "[operator]") {
  Cluster cluster = a_running_cluster();
  CHECK(cluster.status().phase == "Running");
  CHECK(cluster.status().round->current == 2);
  CHECK(cluster.status().clients == 3);
  CHECK(cluster.events == Done{"EnoughClients", "RunningRounds"});
  CHECK(cluster.requeue_after == settings().poll);
  cluster.report(wire::Phase::kTraining, 3);
  CHECK(cluster.after(2s).reconcile() == Done{"status Running"});
  CHECK(cluster.events.size() == 2);
  CHECK(cluster.status().participants.at(0).state == "Training");
  CHECK(cluster.status().participants.at(0).last_round == 2);
}

TEST_CASE("operator: an aggregator that does not answer leaves what was known", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.report.reset();
  cluster.seen.report_error = "connection refused";
  CHECK(cluster.reconcile().empty());
  cluster.after(60s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kAggregatorUnreachable);
  CHECK(cluster.condition(kQuorumReached).holds);
  CHECK(cluster.status().round->current == 2);
  cluster.report(wire::Phase::kTraining, 3);
  cluster.reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
}

TEST_CASE("operator: what the aggregator warns of is a condition and an event", "[operator]") {
  Cluster cluster = a_running_cluster();
  auto& report = cluster.report(wire::Phase::kTraining, 2);
  report.warnings = {"client a claims 99.0% of all rows"};
  cluster.reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kTrainingWarning);
  CHECK(cluster.condition(kDegraded).message == "client a claims 99.0% of all rows");
  CHECK(cluster.events.back() == reason::kTrainingWarning);
  cluster.report(wire::Phase::kTraining, 2).warnings.clear();
  cluster.reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
}

TEST_CASE("operator: a site whose pod looks well but that the aggregator has lost is told of once",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  auto& client = cluster.report(wire::Phase::kTraining, 2).clients.at(1);
  client.state = "lost";
  client.reason = "silent for 60 s";
  cluster.seen.report->joined = 2;
  cluster.reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kParticipantAbsent);
  CHECK(cluster.condition(kDegraded).message == "participant b is lost: silent for 60 s");
  CHECK(cluster.status().clients == 2);
  CHECK(cluster.status().participants.at(1).state == "Lost");
  CHECK(cluster.events.back() == reason::kParticipantAbsent);
  CHECK(cluster.after(2s).reconcile().empty());
  client.state = "training";
  client.reason = "";
  cluster.reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
}

TEST_CASE("operator: a deny list that somebody else has changed is as it was, and told of",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->spec.security.deny = {"b"};
  cluster.reconcile();
  const Plan unchanged = plan(cluster.seen, settings());
  CHECK(unchanged.actions.empty());
  cluster.seen.children.of(k8s::kConfigMaps).at("hospitals-deny").found = "another";
  const Plan made = plan(cluster.seen, settings());
  REQUIRE(made.actions.size() == 1);
  CHECK(std::get<ApplyObject>(made.actions.front()).healed ==
        "ConfigMap hospitals-deny was changed by somebody else; it is as it was");
}

TEST_CASE("operator: a pod that a drain has ended is missed only when none takes its place",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.after(3600s).reconcile();
  std::erase_if(cluster.seen.children.pods,
                [](const Pod& pod) { return pod.job == "hospitals-worker-a"; });
  cluster.seen.last_pod["hospitals-worker-a"] = cluster.seen.now;
  cluster.after(5s).reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  cluster.after(30s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kPodMissing);
}

TEST_CASE("operator: sites outside the cluster are told to wait for a load balancer's address",
          "[operator]") {
  Cluster cluster(
      "{participants: [{name: far, external: true}], aggregator: {service: {type: LoadBalancer}}}");
  cluster.reconcile();
  cluster.after(10s).reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  cluster.start_pods();
  cluster.after(30s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kServicePending);
  cluster.seen.children.of(k8s::kServices).at("hospitals-aggregator").service->balancer_address =
      "192.0.2.1";
  cluster.after(1s).reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
}

TEST_CASE("operator: the deny list follows spec.security.deny while the training runs",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->spec.security.deny = {"b", "c"};
  CHECK(cluster.reconcile() == Done{"change ConfigMap hospitals-deny"});
  CHECK(cluster.reconcile().empty());
  CHECK_FALSE(cluster.condition(kDegraded).holds);  // it is no change of what is trained
  cluster.seen.training->spec.security.deny = {"b"};
  CHECK(cluster.reconcile() == Done{"change ConfigMap hospitals-deny"});

  // Not one that is somebody else's, nor after the end.
  cluster.seen.training->spec.security.deny.clear();
  auto& list = cluster.seen.children.of(k8s::kConfigMaps).at("hospitals-deny");
  list.is_ours = false;
  CHECK(std::ranges::none_of(cluster.reconcile(),
                             [](const auto& done) { return done.starts_with("change "); }));
  list.is_ours = true;
  cluster.seen.report.reset();
  cluster.fail_job("aggregator", {3, "Error", "failed"});
  cluster.reconcile();
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: a site that was evicted takes no part, and that is no problem", "[operator]") {
  Cluster cluster = a_running_cluster();
  auto& client = cluster.report(wire::Phase::kTraining, 2).clients.at(1);
  client.state = "evicted";
  client.reason = "its certificates are refused";
  cluster.seen.report->joined = 2;
  cluster.reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  CHECK(cluster.status().clients == 2);
  CHECK(cluster.status().participants.at(1).state == "Evicted");
  CHECK(cluster.status().participants.at(1).reason == "its certificates are refused");
}

TEST_CASE("operator: what a site brings about cannot make the status too long to be written",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  auto& client = cluster.report(wire::Phase::kTraining, 2).clients.at(1);
  client.state = "quarantined";
  client.reason = "invalid update: " + std::string(100'000, 'x') + "\n\x1b[2J";
  cluster.reconcile();
  CHECK(cluster.status().participants.at(1).reason.size() <= kLongestMessage);
  CHECK(cluster.condition(kDegraded).message.size() <= kLongestMessage);
  CHECK(cluster.condition(kDegraded).message.find('\x1b') == std::string::npos);
  cluster.report(wire::Phase::kFailed, 2).reason = std::string(100'000, 'x');
  cluster.reconcile();
  CHECK(cluster.condition(kFailed).message.size() <= kLongestMessage);
}

TEST_CASE("operator: after the last round rows are made, then it is complete", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.report.reset();
  cluster.complete_job("aggregator",
                       R"({"modelSha256":"ab","modelBytes":12,)"
                       R"("clients":{"a":{"rows":7,"lastRound":5},"b":{"rows":7,"lastRound":5},)"
                       R"("c":{"rows":7,"lastRound":5},"x":{"rows":1,"lastRound":1}}})");
  CHECK(cluster.reconcile() == Done{"create NetworkPolicy hospitals-generate",
                                    "create Job hospitals-generate",
                                    "status Generating",
                                    "event TrainingFinished"});
  CHECK(cluster.reconcile().empty());
  CHECK(cluster.status().model == ModelStatus{"ab", 12, "hospitals-model:/model.safetensors"});
  CHECK(cluster.status().participants.at(0).rows == 7);
  CHECK(cluster.status().participants.at(0).last_round == 5);
  CHECK(cluster.status().clients == 3);
  for (const char* const worker : {"worker-a", "worker-b", "worker-c"}) {
    cluster.complete_job(worker);
  }
  cluster.start_pod("generate");
  cluster.complete_job("generate");
  CHECK(cluster.after(9s).reconcile() == Done{"status Succeeded", "event RowsReady"});
  CHECK(cluster.reconcile().empty());
  CHECK(cluster.status().completion_time == cluster.seen.now);
  CHECK(cluster.status().participants.at(1).state == "Succeeded");
  CHECK_FALSE(cluster.requeue_after);  // idle from here on
}

TEST_CASE("operator: a training that was over between two looks tells what its end says",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  cluster.job("aggregator").is_complete = true;  // of its pod there is no news yet
  cluster.reconcile();
  CHECK_FALSE(cluster.status().model);
  cluster.complete_job("aggregator", R"({"modelSha256":"ab","modelBytes":12})");
  cluster.reconcile();
  CHECK(cluster.status().model->sha256 == "ab");
  CHECK(cluster.condition(kQuorumReached).reason == reason::kEnoughClients);
  CHECK(cluster.condition(kTraining).reason == reason::kTrainingFinished);
}

TEST_CASE("operator: without rows to make, the model is the end", "[operator]") {
  Cluster cluster(
      "{rounds: {minClients: 1}, output: {rows: 0}, participants: "
      "[{name: a, data: {path: /data/a.csv}}]}");
  cluster.reconcile();
  cluster.start_pods();
  cluster.complete_job("worker-a");
  cluster.complete_job("aggregator", "{}");
  CHECK(cluster.reconcile() == Done{"status Succeeded",
                                    "event EnoughClients",
                                    "event TrainingFinished",
                                    "event ModelReady"});
}

TEST_CASE("operator: a worker that has not heard of the end is stopped later", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.complete_job("worker-a");
  cluster.complete_job("worker-b");
  cluster.complete_job("aggregator", "{}");
  cluster.reconcile();
  cluster.start_pod("generate");
  CHECK(cluster.requeue_after == 30s);
  CHECK(cluster.after(30s).reconcile() == Done{"change Job hospitals-worker-c"});
  CHECK(cluster.job("worker-c").suspend);
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: suspended from the start, nothing is made until it is resumed", "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.seen.training->spec.suspend = true;
  CHECK(cluster.reconcile() == Done{"status Suspended", "event SuspendedBySpec"});
  CHECK_FALSE(cluster.status().start_time);
  CHECK(cluster.reconcile().empty());
  cluster.seen.training->spec.suspend = false;
  CHECK(made(cluster.after(60s).reconcile()) == 16);
  CHECK(cluster.status().start_time == cluster.seen.now);
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: suspension stops all Jobs and keeps them, resumption starts them again",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->spec.suspend = true;
  CHECK(cluster.reconcile() == Done{"change Job hospitals-aggregator",
                                    "change Job hospitals-worker-a",
                                    "change Job hospitals-worker-b",
                                    "change Job hospitals-worker-c",
                                    "status Suspended",
                                    "event TrainingStopped"});
  CHECK(cluster.condition(kSuspended).reason == reason::kSuspending);
  cluster.seen.report.reset();
  CHECK(cluster.reconcile() == Done{"status Suspended", "event SuspendedBySpec"});
  CHECK(cluster.condition(kSuspended).holds);
  CHECK(cluster.status().round->current == 2);
  CHECK(cluster.reconcile().empty());

  cluster.seen.training->spec.suspend = false;
  CHECK(cluster.after(1h).reconcile() == Done{"change Job hospitals-aggregator",
                                              "change Job hospitals-worker-a",
                                              "change Job hospitals-worker-b",
                                              "change Job hospitals-worker-c",
                                              "status Pending",
                                              "event Resumed"});
  CHECK(cluster.condition(kSuspended).since == cluster.seen.now);
  CHECK(cluster.reconcile().empty());
  cluster.start_pods();
  cluster.report(wire::Phase::kTraining, 3);
  cluster.reconcile();
  CHECK(cluster.status().phase == "Running");
}

TEST_CASE("operator: a Job that somebody else has suspended stays so, and the status says so",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.job("worker-b").suspend = true;
  cluster.job("worker-b").is_held = true;
  std::erase_if(cluster.seen.children.pods,
                [](const Pod& pod) { return pod.job == "hospitals-worker-b"; });
  cluster.reconcile();
  CHECK(cluster.job("worker-b").suspend);
  CHECK(cluster.condition(kDegraded).holds);
  CHECK(cluster.condition(kDegraded).reason == reason::kJobSuspended);
  CHECK_THAT(cluster.condition(kDegraded).message, ContainsSubstring("hospitals-worker-b"));
  CHECK(cluster.status().participants.at(1).state == "Suspended");
  CHECK_THAT(cluster.status().participants.at(1).reason, ContainsSubstring("not by this operator"));
  CHECK(cluster.reconcile().empty());

  // Neither a suspension of the training nor its end takes it from them.
  cluster.seen.training->spec.suspend = true;
  CHECK(std::ranges::count(cluster.reconcile(), "change Job hospitals-worker-b") == 0);
  cluster.seen.training->spec.suspend = false;
  CHECK(std::ranges::count(cluster.reconcile(), "change Job hospitals-worker-b") == 0);
  CHECK(cluster.job("worker-b").suspend);

  cluster.job("worker-b").suspend = false;  // they resume it
  cluster.job("worker-b").is_held = false;
  cluster.start_pods();
  cluster.report(wire::Phase::kTraining, 3);
  cluster.reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  CHECK(cluster.status().participants.at(1).reason.empty());
}

TEST_CASE("operator: the time that the aggregator's Job waits in a queue is no lateness",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  for (const char* const job : {"aggregator", "worker-a", "worker-b", "worker-c"}) {
    cluster.job(job).suspend = true;
    cluster.job(job).is_held = true;
  }
  cluster.after(24h).reconcile();
  CHECK_FALSE(cluster.status().holds(kFailed));
  CHECK(cluster.condition(kDegraded).reason == reason::kJobSuspended);

  cluster.job("aggregator").suspend = false;
  cluster.job("aggregator").is_held = false;
  cluster.job("aggregator").started = cluster.seen.now;
  cluster.reconcile();
  CHECK_FALSE(cluster.status().holds(kFailed));
  cluster.after(600s).reconcile();
  CHECK(cluster.condition(kFailed).reason == reason::kStartDeadlineExceeded);
}

TEST_CASE("operator: activeDeadlineSeconds counts from the start and from a resumption",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.seen.training->spec.active_deadline_seconds = 100;
  cluster.reconcile();
  cluster.start_pods();
  cluster.report(wire::Phase::kTraining, 1);
  cluster.after(90s).reconcile();
  cluster.seen.training->spec.suspend = true;
  cluster.reconcile();
  cluster.seen.report.reset();
  cluster.after(1000s).reconcile();
  CHECK_FALSE(cluster.status().holds(kFailed));
  cluster.seen.training->spec.suspend = false;
  cluster.reconcile();
  cluster.start_pods();
  cluster.report(wire::Phase::kTraining, 2);
  cluster.after(99s).reconcile();
  CHECK_FALSE(cluster.status().holds(kFailed));
  CHECK(cluster.requeue_after == 1s);
  const auto done = cluster.after(1s).reconcile();
  CHECK(cluster.condition(kFailed).reason == reason::kDeadlineExceeded);
  CHECK(std::ranges::count(done, "status Failed") == 1);
  CHECK(cluster.job("aggregator").suspend);
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: an aggregator that never starts fails the training at the start deadline",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.reconcile();
  CHECK(cluster.requeue_after == 30s);  // the first look at missing pods
  cluster.after(31s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kPodMissing);
  cluster.after(600s).reconcile();
  CHECK(cluster.condition(kFailed).reason == reason::kStartDeadlineExceeded);
}

TEST_CASE("operator: what the aggregator fails with is why the training failed", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.report.reset();
  cluster.fail_job("aggregator",
                   {kExitPermanentError, "Error", "round 2: 1 of 2 needed updates came\n"});
  cluster.reconcile();
  CHECK(cluster.status().phase == "Failed");
  CHECK(cluster.condition(kFailed).reason == reason::kTrainingFailed);
  CHECK(cluster.condition(kFailed).message == "round 2: 1 of 2 needed updates came");
  CHECK(cluster.events.back() == "TrainingFailed");
  CHECK(cluster.reconcile().empty());
  // Final: the Job may go, the verdict stays.
  cluster.seen.children.of(k8s::kJobs).clear();
  cluster.seen.children.pods.clear();
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: a site whose privacy budget is spent is told by a reason of its own",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  cluster.end_pod("worker-c",
                  {kExitPermanentError,
                   "Error",
                   "log\ngenesis federated client: c: privacy budget exhausted: data set c has "
                   "spent epsilon 3.000 of 4.000\n"});
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kPrivacyBudgetExhausted);
}

TEST_CASE("operator: a bad table is told at once; the training goes on while the rest is enough",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  cluster.end_pod("worker-c",
                  {kExitPermanentError, "Error", "log\n/data/c.csv: line 7: 3 cells, not 4\n"});
  cluster.after(1s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kParticipantFailed);
  CHECK(cluster.condition(kDegraded).message ==
        "participant c: /data/c.csv: line 7: 3 cells, not 4");
  CHECK(cluster.status().participants.at(2).state == "Failed");
  CHECK(cluster.reconcile().empty());

  SECTION("and fails where it is not") {
    cluster.end_pod("worker-b", {kExitPermanentError, "Error", "/data/b.csv: no such file"});
    cluster.reconcile();
    CHECK(cluster.condition(kFailed).reason == reason::kQuorumImpossible);
    CHECK_THAT(cluster.condition(kFailed).message, ContainsSubstring("b: /data/b.csv: no such"));
    CHECK(cluster.reconcile().empty());
  }
}

TEST_CASE("operator: pods that cannot start say so in Degraded", "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  auto& pod = cluster.pod("worker-a");
  pod.phase = "Pending";
  pod.is_running = false;
  SECTION("an image that cannot be had") {
    pod.waiting_reason = "ImagePullBackOff";
    pod.waiting_message = "no such image";
    cluster.reconcile();
    CHECK(cluster.condition(kDegraded).reason == reason::kPodNotStarting);
  }
  SECTION("no node for it") {
    pod.unschedulable = "0/1 nodes are available";
    cluster.after(5s).reconcile();
    CHECK(cluster.condition(kDegraded).reason == reason::kPodUnschedulable);
  }
  SECTION("a volume that does not come") {
    pod.waiting_reason = "ContainerCreating";
    cluster.after(10s).reconcile();
    CHECK_FALSE(cluster.condition(kDegraded).holds);
    cluster.after(120s).reconcile();
    CHECK(cluster.condition(kDegraded).reason == reason::kPodNotStarting);
  }
}

TEST_CASE("operator: an object that is not ours is never changed, and stops the rest",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.seen.children.of(k8s::kJobs)["hospitals-worker-b"].is_ours = false;
  CHECK(cluster.reconcile() == Done{"status Pending", "event ForeignObject"});
  CHECK_THAT(cluster.condition(kDegraded).message,
             ContainsSubstring("Job hospitals-worker-b already exists"));
  CHECK(cluster.reconcile().empty());
  cluster.seen.training->spec.suspend = true;
  for (const auto& text : cluster.reconcile()) {
    CHECK_FALSE(text.starts_with("change"));
  }
  cluster.seen.training->spec.suspend = false;
  cluster.seen.children.of(k8s::kJobs).clear();
  CHECK(made(cluster.reconcile()) == 16);
}

TEST_CASE("operator: after its time all goes but the model", "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->spec.ttl_seconds_after_finished = 60;
  cluster.complete_job("aggregator", "{}");
  for (const char* const worker : {"worker-a", "worker-b", "worker-c"}) {
    cluster.complete_job(worker);
  }
  cluster.reconcile();
  cluster.start_pod("generate");
  cluster.complete_job("generate");
  cluster.reconcile();
  CHECK(cluster.reconcile().empty());
  CHECK(cluster.requeue_after == 60s);
  cluster.after(60s).reconcile();
  CHECK(cluster.seen.children.of(k8s::kJobs).empty());
  CHECK(cluster.seen.children.of(k8s::kSecrets).empty());
  CHECK(cluster.seen.children.of(k8s::kServices).empty());
  CHECK(cluster.seen.children.of(k8s::kNetworkPolicies).empty());
  REQUIRE(cluster.seen.children.of(k8s::kPersistentVolumeClaims).size() == 1);
  CHECK(cluster.seen.children.of(k8s::kPersistentVolumeClaims).contains("hospitals-model"));
  CHECK(cluster.reconcile().empty());
  CHECK(cluster.status().phase == "Succeeded");
}

TEST_CASE("operator: a training that is being deleted is left to its owner references",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->is_deleting = true;
  cluster.seen.children = {};
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: a spec that was changed after the start is reported and not followed",
          "[operator]") {
  Cluster cluster = a_running_cluster();
  cluster.seen.training->spec.rounds.count = 9;
  CHECK(cluster.reconcile() == Done{"status Running", "event SpecChanged"});
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: a site outside gets its bundle once its way in is known", "[operator]") {
  Cluster cluster(
      "{rounds: {minClients: 1}, aggregator: {service: {type: NodePort}}, participants: "
      "[{name: a, data: {path: /data/a.csv}}, {name: far, external: true}]}");
  cluster.reconcile();
  CHECK_FALSE(cluster.seen.children.of(k8s::kJobs).contains("hospitals-worker-far"));
  CHECK_FALSE(cluster.seen.children.of(k8s::kSecrets).contains("hospitals-join-far"));
  cluster.seen.children.of(k8s::kServices).at("hospitals-aggregator").service->node_port = 30123;
  cluster.start_pods();
  const auto planned = plan(cluster.seen, settings());
  const auto& apply = std::get<ApplyObject>(planned.actions.front());
  CHECK(apply.desired.name() == "hospitals-join-far");
  CHECK(apply.desired.secret->url == "https://10.0.0.2:30123");
  cluster.reconcile();
  CHECK(cluster.reconcile().empty());
}

TEST_CASE("operator: what the API server refuses shows in Degraded", "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.seen.refusals = {"Job hospitals-worker-a: exceeded quota"};
  cluster.reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kApplyFailed);
  CHECK(cluster.condition(kDegraded).message == "Job hospitals-worker-a: exceeded quota");
}

TEST_CASE("operator: an error of the API server shows in Degraded once it has lasted",
          "[operator]") {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  const std::string what = "Job hospitals-worker-a: failed calling webhook \"a.example\"";
  cluster.seen.transient_error = TransientError{what, cluster.seen.now};
  cluster.reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  cluster.after(2s).reconcile();
  CHECK(cluster.condition(kDegraded).reason == reason::kApplyFailed);
  CHECK(cluster.condition(kDegraded).message == what);
  cluster.seen.transient_error.reset();
  cluster.reconcile();
  CHECK_FALSE(cluster.condition(kDegraded).holds);
}

}  // namespace genesis::control
