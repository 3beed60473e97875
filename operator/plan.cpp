#include "operator/plan.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/overloaded.hpp"
#include "operator/conditions.hpp"
#include "operator/judge.hpp"
#include "operator/reasons.hpp"

namespace genesis::control {
namespace {

// Workers end by themselves once the aggregator has told them; after so long they are stopped.
constexpr std::chrono::seconds kFarewell{30};

const Child* find_child(const Children& children, const Desired& desired) {
  const auto in = [&](const auto& map) -> const Child* {
    const auto found = map.find(desired.name());
    return found == map.end() ? nullptr : &found->second;
  };
  if (desired.resource == k8s::kSecrets) return in(children.secrets);
  if (desired.resource == k8s::kConfigMaps) return in(children.config_maps);
  if (desired.resource == k8s::kPersistentVolumeClaims) return in(children.volume_claims);
  if (desired.resource == k8s::kNetworkPolicies) return in(children.network_policies);
  if (desired.resource == k8s::kServices) {
    const auto found = children.services.find(desired.name());
    return found == children.services.end() ? nullptr : &found->second.object;
  }
  const auto found = children.jobs.find(desired.name());
  return found == children.jobs.end() ? nullptr : &found->second.object;
}

class Planner {
 public:
  Planner(const Training& training, const Observed& seen, const Settings& settings)
      : training_(training),
        seen_(seen),
        settings_(settings),
        names_(training.name),
        verdict_(judge(training, seen, settings)) {}

  Plan make() {
    switch (verdict_.stage) {
      case Stage::kInvalid:
      case Stage::kHeld:
        break;
      case Stage::kTraining:
      case Stage::kSuspending:
      case Stage::kSuspended:
        // A name that is taken stops everything: half a training helps nobody.
        if (!is_blocked()) {
          ensure(children_of(training_, settings_));
          ensure(join_secrets());
        }
        suspend_jobs(training_.spec.suspend);
        break;
      case Stage::kGenerating:
        if (!is_blocked()) {
          ensure(generate_children(training_, settings_));
        }
        say_farewell();
        break;
      case Stage::kComplete:
        say_farewell();
        clear_up();
        break;
      case Stage::kFailed:
        suspend_jobs(true);
        clear_up();
        break;
    }
    report();
    if (verdict_.look_again) {
      requeue(*verdict_.look_again - seen_.now);
    }
    if (is_polled()) {
      requeue(settings_.poll);
    }
    return std::move(plan_);
  }

 private:
  void requeue(std::chrono::seconds after) {
    after = std::max(after, std::chrono::seconds(1));
    plan_.requeue_after = std::min(plan_.requeue_after.value_or(after), after);
  }

  bool is_blocked() const {
    return std::ranges::any_of(verdict_.problems, [](const Problem& problem) {
      return problem.reason == reason::kForeignObject;
    });
  }

  void ensure(std::vector<Desired> children) {
    for (auto& desired : children) {
      if (find_child(seen_.children, desired) == nullptr) {
        plan_.actions.emplace_back(ApplyObject{std::move(desired), ""});
      }
    }
  }

  // How a site outside reaches the aggregator, once that is known.
  std::optional<std::string> external_url() const {
    const auto& service = training_.spec.aggregator.service;
    const auto https = [](const std::string& host, std::int64_t port) {
      const bool is_v6 = host.find(':') != std::string::npos;
      return "https://" + (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
    };
    if (service.address) {
      return "https://" + *service.address;
    }
    const auto found = seen_.children.services.find(names_.aggregator);
    switch (service.type) {
      case spec::ServiceType::kClusterIP:
        return service_url(training_);
      case spec::ServiceType::kLoadBalancer:
        if (found != seen_.children.services.end() && !found->second.balancer_address.empty()) {
          return https(found->second.balancer_address, kAggregatorPort);
        }
        break;
      case spec::ServiceType::kNodePort: {
        const auto* const pod = newest_pod(seen_.children, names_.aggregator);
        if (found != seen_.children.services.end() && found->second.node_port != 0 &&
            pod != nullptr && !pod->host_ip.empty()) {
          return https(pod->host_ip, found->second.node_port);
        }
        break;
      }
    }
    return std::nullopt;
  }

  std::vector<Desired> join_secrets() const {
    std::vector<Desired> secrets;
    if (const auto url = external_url()) {
      for (const auto& participant : training_.spec.participants) {
        if (participant.external) {
          secrets.push_back(join_secret(training_, participant.name, *url));
        }
      }
    }
    return secrets;
  }

  void suspend_jobs(bool suspend) {
    for (const auto& [name, job] : seen_.children.jobs) {
      suspend_job(name, job, suspend);
    }
  }

  void suspend_job(const std::string& name, const Job& job, bool suspend) {
    if (!is_unfinished(job) || job.suspend == suspend) {
      return;
    }
    Json object{
        {"apiVersion", k8s::kJobs.api_version()},
        {"kind", k8s::kJobs.kind},
        {"metadata", {{"name", name}, {"namespace", training_.ns}, {"uid", job.object.uid}}},
        {"spec", {{"suspend", suspend}}}};
    plan_.actions.emplace_back(
        ApplyObject{Desired{k8s::kJobs, std::move(object), std::nullopt}, job.object.uid});
  }

  static bool is_unfinished(const Job& job) {
    return job.object.is_ours && !job.object.is_leaving && !job.is_complete && !job.is_failed;
  }

  // Workers that have not heard of the end are stopped, a while after the model was there.
  void say_farewell() {
    const auto* const training = training_.status.condition(kTraining);
    const bool is_noted = training != nullptr && training->reason == reason::kTrainingFinished;
    const SystemTime end = (is_noted ? training->since : seen_.now) + kFarewell;
    for (const auto& [name, job] : seen_.children.jobs) {
      if (name == names_.generate || !is_unfinished(job) || job.suspend) {
        continue;
      }
      if (seen_.now < end) {
        requeue(end - seen_.now);
      } else {
        suspend_job(name, job, true);
      }
    }
  }

  // ttlSecondsAfterFinished: all goes but the claim with the model.
  void clear_up() {
    const auto ttl = training_.spec.ttl_seconds_after_finished;
    if (!ttl) {
      return;
    }
    const SystemTime end =
        training_.status.completion_time.value_or(seen_.now) + std::chrono::seconds(*ttl);
    if (seen_.now < end || !training_.status.completion_time) {
      requeue(end - seen_.now);
      return;
    }
    const auto remove =
        [&](const k8s::Resource& resource, const std::string& name, const Child& child) {
          if (child.is_ours && !child.is_leaving) {
            plan_.actions.emplace_back(DeleteObject{resource, name, child.uid});
          }
        };
    const auto& children = seen_.children;
    for (const auto& [name, job] : children.jobs) remove(k8s::kJobs, name, job.object);
    for (const auto& [name, child] : children.secrets) remove(k8s::kSecrets, name, child);
    for (const auto& [name, child] : children.config_maps) remove(k8s::kConfigMaps, name, child);
    for (const auto& [name, service] : children.services) {
      remove(k8s::kServices, name, service.object);
    }
    for (const auto& [name, child] : children.network_policies) {
      remove(k8s::kNetworkPolicies, name, child);
    }
    for (const auto& [name, child] : children.volume_claims) {
      if (name != names_.model) {
        remove(k8s::kPersistentVolumeClaims, name, child);
      }
    }
  }

  void report() {
    const auto status = status_after(training_, seen_, verdict_);
    if (status == training_.status) {
      return;
    }
    for (const auto& condition : status.conditions) {
      emit_change(training_.status.condition(condition.type), condition);
    }
    plan_.actions.emplace_back(PatchStatus{status});
  }

  // What people should hear of: what begins to hold, ceases to, or is wrong in another way.
  void emit_change(const Condition* before, const Condition& after) {
    const bool held = before != nullptr && before->holds;
    const bool is_bad = after.type == kDegraded || after.type == kFailed;
    const bool is_news = after.holds
                             ? !held || before->reason != after.reason ||
                                   (is_bad && before->message != after.message)
                             : held || (before != nullptr && before->reason != after.reason &&
                                        after.reason == reason::kTrainingFinished);
    if (is_news) {
      plan_.actions.emplace_back(EmitEvent{after.holds && is_bad, after.reason, after.message});
    }
  }

  bool is_polled() const {
    if (verdict_.stage != Stage::kTraining) {
      return false;
    }
    const auto* const pod = newest_pod(seen_.children, names_.aggregator);
    return pod != nullptr && pod->is_running;
  }

  const Training& training_;
  const Observed& seen_;
  const Settings& settings_;
  Names names_;
  Verdict verdict_;
  Plan plan_;
};

}  // namespace

Plan plan(const Observed& seen, const Settings& settings) {
  if (!seen.training || seen.training->is_leaving) {
    return {};  // owner references take the children along, with us or without
  }
  return Planner(*seen.training, seen, settings).make();
}

std::string describe(const Action& action) {
  return std::visit(Overloaded{
                        [](const ApplyObject& a) {
                          return (a.uid.empty() ? "create " : "change ") +
                                 std::string(a.desired.resource.kind) + " " + a.desired.name();
                        },
                        [](const DeleteObject& a) {
                          return "delete " + std::string(a.resource.kind) + " " + a.name;
                        },
                        [](const PatchStatus& a) { return "status " + a.status.phase; },
                        [](const EmitEvent& a) { return "event " + a.reason; },
                    },
                    action);
}

}  // namespace genesis::control
