#pragma once
// What plan() sees, in few words, and a cluster that does what a plan says: the one place where
// tests pretend to be Kubernetes. Jobs and pods change only where a test says so.
#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/exit_code.hpp"
#include "common/base/overloaded.hpp"
#include "common/spec/parse.hpp"
#include "operator/plan.hpp"
#include "operator/reasons.hpp"
#include "operator/shapes.hpp"

namespace genesis::control {

inline constexpr SystemTime kStart{std::chrono::seconds(1'767'225'600)};  // 2026-01-01T00:00:00Z

inline const Settings& settings() {
  static const Settings kSettings{.aggregator_image = "localhost/genesis-aggregator:1",
                                  .worker_image = "localhost/genesis-worker:1",
                                  .operator_namespace = "genesis-system",
                                  .allowed_volumes = {"persistentVolumeClaim", "configMap"},
                                  .allowed_images = {}};
  return kSettings;
}

/// hospitals in namespace demo, whose spec is `flow`.
inline Training a_training(std::string_view flow) {
  Training training;
  training.ns = "demo";
  training.name = "hospitals";
  training.uid = "uid-of-hospitals";
  training.generation = 1;
  training.spec = spec::parse(
                      "apiVersion: federated.genesis.dev/v1alpha1\n"
                      "kind: FederatedTraining\nmetadata: {name: hospitals}\nspec: " +
                          std::string(flow),
                      "test")
                      .value();
  return training;
}

inline constexpr std::string_view kThreeSites =
    "{seed: 7, rounds: {count: 5, minClients: 2}, backoffLimit: 2, participants: ["
    "{name: a, data: {path: /data/a.csv, volume: {configMap: {name: a}}}}, "
    "{name: b, data: {path: /data/b.csv, volume: {configMap: {name: b}}}, storage: {size: 100Mi}}, "
    "{name: c, data: {path: /data/c.csv, volume: {configMap: {name: c}}}}]}";

/// Sums are encrypted; site far is outside the cluster.
inline constexpr std::string_view kEncrypted =
    "{seed: 7, rounds: {count: 5, minClients: 3}, privacy: {secureAggregation: "
    "{encryption: paillier, keyBits: 2048}}, aggregator: {service: {address: "
    "'fed.example.org:443'}}, "
    "participants: ["
    "{name: a, data: {path: /data/a.csv, volume: {configMap: {name: a}}}}, "
    "{name: b, data: {path: /data/b.csv, volume: {configMap: {name: b}}}}, "
    "{name: far, external: true}]}";

class Cluster {
 public:
  explicit Cluster(Training training) {
    seen.training = std::move(training);
    seen.now = kStart;
  }
  explicit Cluster(std::string_view flow) : Cluster(a_training(flow)) {}

  Observed seen;
  std::vector<std::string> events;

  /// Plans once and carries the plan out; what it did, in words.
  std::vector<std::string> reconcile() {
    const Plan made = plan(seen, settings());
    std::vector<std::string> done;
    for (const auto& action : made.actions) {
      done.push_back(describe(action));
      carry_out(action);
    }
    requeue_after = made.requeue_after;
    return done;
  }
  std::optional<std::chrono::seconds> requeue_after;

  TrainingStatus& status() { return seen.training->status; }
  const Condition& condition(std::string_view type) { return *status().condition(type); }
  JobState& job(const std::string& name) {
    return *seen.children.of(k8s::kJobs).at("hospitals-" + name).job;
  }

  Cluster& after(std::chrono::seconds time) {
    seen.now += time;
    return *this;
  }

  /// A new pod of that Job, whose container runs.
  Pod& start_pod(const std::string& name) {
    Pod pod;
    pod.job = "hospitals-" + name;
    pod.name = pod.job + "-" + std::to_string(++made_);
    pod.created = seen.now;
    pod.phase = "Running";
    pod.is_running = true;
    pod.host_ip = "10.0.0.2";
    seen.children.pods.push_back(pod);
    return seen.children.pods.back();
  }
  void start_pods() {
    for (const auto& [name, job] : seen.children.of(k8s::kJobs)) {
      start_pod(name.substr(std::string_view("hospitals-").size()));
    }
  }
  Pod& pod(const std::string& name) {
    return *std::find_if(seen.children.pods.rbegin(), seen.children.pods.rend(), [&](const Pod& p) {
      return p.job == "hospitals-" + name;
    });
  }
  struct End {
    int exit_code;
    std::string reason;
    std::string message;
  };
  void end_pod(const std::string& name, End how) {
    auto& ended = pod(name);
    ended.phase = how.exit_code == 0 ? "Succeeded" : "Failed";
    ended.is_running = false;
    Termination last;
    last.exit_code = how.exit_code;
    last.reason = std::move(how.reason);
    last.message = std::move(how.message);
    last.outcome = outcome_from(last.message);
    ended.last = std::move(last);
  }
  void complete_job(const std::string& name, std::string message = "") {
    end_pod(name, {0, "Completed", std::move(message)});
    job(name).is_complete = true;
  }
  void fail_job(const std::string& name, End how) {
    end_pod(name, std::move(how));
    job(name).is_failed = true;
    job(name).message = "Job has reached the specified backoff limit";
  }

  wire::StatusReport& report(wire::Phase phase, std::uint32_t round) {
    wire::StatusReport report;
    report.phase = phase;
    report.current_round = RoundId{round};
    report.total_rounds = 5;
    report.joined = 3;
    for (const char* const id : {"a", "b", "c"}) {
      wire::ClientReport client;
      client.id = id;
      client.state = phase == wire::Phase::kTraining ? "training" : "joined";
      client.rows = 100;
      client.last_round = RoundId{round == 0 ? 0 : round - 1};
      report.clients.push_back(client);
    }
    seen.report = report;
    return *seen.report;
  }

 private:
  void carry_out(const Action& action) {
    std::visit(Overloaded{
                   [&](const ApplyObject& a) { apply(a); },
                   [&](const MakeKey&) { seen.key = KeyState::kBeingMade; },
                   [&](const RenewSecret&) {},  // Secrets have no content here
                   [&](const DeleteObject& a) { remove(a); },
                   [&](const PatchStatus& a) {
                     // Through JSON, as in the cluster.
                     status() = status_from_json(to_json(a.status));
                   },
                   [&](const EmitEvent& a) { events.push_back(a.reason); },
               },
               action);
  }

  void apply(const ApplyObject& action) {
    const auto& kind = action.desired.resource;
    const auto name = action.desired.name();
    auto& child = seen.children.of(kind)[name];
    if (action.uid.empty()) {
      child.uid = "uid-of-" + name;
    }
    if (kind == k8s::kConfigMaps) {
      child = child_from(kind, action.desired.object, seen.training->uid);
      child.uid = "uid-of-" + name;
      child.is_ours = true;  // a change does not name the owner again
    }
    if (kind == k8s::kServices) {
      child.service.emplace();
    }
    if (kind == k8s::kJobs) {
      if (!child.job) {
        child.job.emplace();
        child.job->created = seen.now;
      }
      child.job->suspend = action.desired.object.at("spec").at("suspend").get<bool>();
      if (child.job->suspend) {
        std::erase_if(seen.children.pods,
                      [&](const Pod& pod) { return pod.job == name && pod.phase == "Running"; });
      }
    }
  }

  void remove(const DeleteObject& action) { seen.children.of(action.resource).erase(action.name); }

  int made_ = 0;
};

/// Three sites in round 2.
inline Cluster a_running_cluster() {
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.start_pods();
  cluster.report(wire::Phase::kTraining, 2);
  cluster.after(std::chrono::seconds(5)).reconcile();
  return cluster;
}

}  // namespace genesis::control
