#include "operator/plan.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <nlohmann/json.hpp>

#include "common/base/overloaded.hpp"
#include "operator/conditions.hpp"
#include "operator/judge.hpp"
#include "operator/reasons.hpp"
#include "operator/restart.hpp"

namespace genesis::control {
namespace {

// Workers exit by themselves once the aggregator has told them of the end. Those that have not done
// so after this time are stopped.
constexpr std::chrono::seconds kDrain{30};
// Until counters are written again that were not the last time.
constexpr std::chrono::seconds kProgressAge{1};

bool is_unfinished(const Child& child) {
  return child.is_ours && !child.is_deleting && child.job && !child.job->is_complete &&
         !child.job->is_failed;
}

class Planner {
 public:
  Planner(const Restarts& restarts, const TrainingStatus& status, const Settings& settings)
      : restarts_(restarts),
        training_(*restarts.seen.training),
        seen_(restarts.seen),
        written_(status),
        settings_(settings),
        names_(training_.name),
        verdict_(judge(training_, seen_, settings)) {}

  Plan make() {
    delete_outdated();
    switch (verdict_.stage) {
      case Stage::kInvalid:
      case Stage::kHeld:
      case Stage::kRefused:
        break;
      case Stage::kTraining:
      case Stage::kSuspending:
      case Stage::kSuspended:
        keep_children();
        update_deny_list();
        // What is not allowed any more does not resume either. What runs is left to end.
        if (training_.spec.suspend || !(has_problem(reason::kNotAllowed) || is_key_unusable())) {
          suspend_jobs(training_.spec.suspend);
        }
        break;
      case Stage::kGenerating:
        if (!is_blocked()) {
          ensure(generate_children(training_, settings_));
        }
        drain_workers();
        break;
      case Stage::kComplete:
        drain_workers();
        clean_up();
        break;
      case Stage::kFailed:
        suspend_jobs(true);
        clean_up();
        break;
    }
    report();
    tell_of_restarts();
    if (verdict_.look_again) {
      requeue(*verdict_.look_again - seen_.now);
    }
    if (is_polled()) {
      requeue(std::max(settings_.poll, seen_.poll));
    }
    return std::move(plan_);
  }

 private:
  // A name conflict and what is not allowed keep all children from being created: part of a
  // training is of no use. Certificates of those that there are do not wait for that.
  void keep_children() {
    auto children = children_so_far();
    if (has_key()) {
      std::ranges::move(join_secrets(), std::back_inserter(children));
    }
    renew(children);
    if (!is_blocked() && has_model_claim()) {
      make_key();
      ensure(std::move(children));
    }
  }

  void requeue(std::chrono::seconds after) {
    after = std::max(after, std::chrono::seconds(1));
    plan_.requeue_after = std::min(plan_.requeue_after.value_or(after), after);
  }

  bool has_problem(std::string_view reason) const {
    return std::ranges::any_of(verdict_.problems,
                               [&](const Problem& problem) { return problem.reason == reason; });
  }

  bool is_blocked() const {
    return has_problem(reason::kForeignObject) || has_problem(reason::kNotAllowed) ||
           has_problem(reason::kModelClaimExists);
  }

  bool is_key_unusable() const { return has_problem(reason::kPaillierKeyUnusable); }

  // Whether no pod has to wait for the key of encrypted sums.
  bool has_key() const {
    const bool is_there = seen_.key == KeyState::kMade || seen_.key == KeyState::kUsable;
    return !needs_key(training_.spec) || (is_there && !is_key_unusable());
  }

  void make_key() {
    const bool is_stored = seen_.children.find(k8s::kSecrets, names_.paillier) != nullptr;
    if (needs_key(training_.spec) && seen_.key == KeyState::kMissing && !is_stored &&
        !is_key_unusable()) {
      plan_.actions.emplace_back(MakeKey{key_bits(training_.spec)});
    }
  }

  // Without the key, and without Jobs, as long as there is no key; without Jobs too while the spec
  // that they are to read is replaced. What protects the pods that run is made again all the same.
  std::vector<Desired> children_so_far() const {
    auto children = children_of(training_, settings_);
    std::erase_if(children, [&](const Desired& desired) {
      const bool is_job = desired.resource == k8s::kJobs;
      return (!has_key() && (is_job || desired.name() == names_.paillier)) ||
             (!has_spec() && is_job);
    });
    return children;
  }

  // Their places are taken once they have gone.
  void delete_outdated() {
    for (const auto& kind : {k8s::kJobs, k8s::kConfigMaps}) {
      for (const auto& [name, child] : seen_.children.of(kind)) {
        if (child.is_outdated && !child.is_deleting) {
          plan_.actions.emplace_back(DeleteObject{kind, name, child.uid});
        }
      }
    }
  }

  // Whether NAME-training is there, or made before any Job is.
  bool has_spec() const {
    const auto* const spec = seen_.children.find(k8s::kConfigMaps, names_.training);
    return spec == nullptr || !(spec->is_outdated || spec->is_deleting);
  }

  void tell_of_restarts() {
    if (restarts_.is_retried) {
      plan_.actions.emplace_back(EmitEvent{false,
                                           std::string(reason::kRetried),
                                           "spec.retry was raised; the training starts again from "
                                           "its last checkpoint"});
    }
    if (restarts_.is_extended) {
      plan_.actions.emplace_back(EmitEvent{false,
                                           std::string(reason::kExtended),
                                           "rounds.count was raised to " +
                                               std::to_string(training_.spec.rounds.count) +
                                               "; the training goes on from its final checkpoint"});
    }
    for (const auto& name : restarts_.replaced) {
      plan_.actions.emplace_back(
          EmitEvent{true,
                    std::string(reason::kJobReplaced),
                    "Job " + name +
                        " has failed more often than backoffLimit allows; it is replaced, for "
                        "there was progress since it started"});
    }
  }

  void ensure(std::vector<Desired> children) {
    for (auto& desired : children) {
      const auto* const child = seen_.children.find(desired.resource, desired.name());
      const std::string what = std::string(desired.resource.kind) + " " + desired.name();
      if (child == nullptr) {
        const bool was_there =
            training_.recorded.contains(record_key(desired.resource.kind, desired.name()));
        plan_.actions.emplace_back(ApplyObject{
            std::move(desired), "", was_there ? what + " was deleted; it is created again" : ""});
      } else if (child->is_ours && !child->is_deleting && !is_as_desired(desired, *child)) {
        plan_.actions.emplace_back(
            ApplyObject{change_of(std::move(desired), child->uid),
                        child->uid,
                        what + " was changed by somebody else; it is as it was"});
      }
    }
  }

  // Certificates that end, and authorities that have changed.
  void renew(const std::vector<Desired>& children) {
    const auto made = renewals(training_, seen_, children);
    std::vector<std::string> renewed;
    for (const auto& renewal : made.due) {
      const auto desired = std::ranges::find(children, renewal.secret, &Desired::name);
      const auto* const child = seen_.children.find(k8s::kSecrets, renewal.secret);
      plan_.actions.emplace_back(RenewSecret{*desired, child->uid, renewal, made.authorities});
      if (renewal.what != Renewal::What::kAuthorities) {
        renewed.push_back(renewal.secret);
      }
    }
    if (made.look_again) {
      requeue(*made.look_again - seen_.now);
    }
    tell_of_certificates(renewed);
  }

  void tell_of_certificates(const std::vector<std::string>& renewed) {
    if (!renewed.empty()) {
      const std::string more =
          renewed.size() > 1 ? " and of " + std::to_string(renewed.size() - 1) + " more" : "";
      plan_.actions.emplace_back(EmitEvent{false,
                                           std::string(reason::kCertificatesRenewed),
                                           "the certificate of Secret " + renewed.front() + more +
                                               " is renewed, with the same key"});
    }
    for (const auto& participant : training_.spec.participants) {
      const auto name = names_.join(participant.name);
      if (participant.external && std::ranges::find(renewed, name) != renewed.end()) {
        plan_.actions.emplace_back(EmitEvent{
            true,
            std::string(reason::kJoinBundleRenewed),
            "site " + participant.name + " needs its join bundle anew, until " +
                to_rfc3339(seen_.children.find(k8s::kSecrets, name)->certificate->not_after) +
                ": genesis federated bundle " + participant.name + " --training " +
                training_.name});
      }
    }
  }

  // Takes over or deletes the claim that an earlier training of this name has left, as the spec
  // says. False while it is being deleted.
  bool has_model_claim() {
    const auto* const claim = seen_.children.find(k8s::kPersistentVolumeClaims, names_.model);
    if (claim == nullptr || claim->is_ours || !claim->is_retained) {
      return true;
    }
    if (training_.spec.output.existing_claim == spec::ExistingClaim::kReuse) {
      plan_.actions.emplace_back(ApplyObject{model_claim(training_, claim->uid), claim->uid, ""});
      return true;
    }
    if (!claim->is_deleting) {
      plan_.actions.emplace_back(
          DeleteObject{k8s::kPersistentVolumeClaims, names_.model, claim->uid});
    }
    return false;
  }

  // spec.security.deny may change while the training runs. Pods go on whatever keeps children from
  // being created, so that a site can be excluded even then.
  void update_deny_list() {
    const auto* const list = seen_.children.find(k8s::kConfigMaps, names_.deny);
    const bool is_there = list != nullptr && list->is_ours && !list->is_deleting;
    const std::string digest = deny_digest(training_);
    if (is_there && (list->content != digest || list->found != digest)) {
      const bool is_drift = list->content == digest;
      plan_.actions.emplace_back(ApplyObject{
          deny_list(training_, list->uid),
          list->uid,
          is_drift ? "ConfigMap " + names_.deny + " was changed by somebody else; it is as it was"
                   : ""});
    }
  }

  // The URL at which sites outside the cluster reach the aggregator, once it is known.
  std::optional<std::string> external_url() const {
    const auto& service = training_.spec.aggregator.service;
    const auto https = [](const std::string& host, std::int64_t port) {
      const bool is_v6 = host.find(':') != std::string::npos;
      return "https://" + (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
    };
    if (service.address) {
      return "https://" + *service.address;
    }
    const auto* const state = seen_.children.service(names_.aggregator);
    switch (service.type) {
      case spec::ServiceType::kClusterIP:
        return service_url(training_);
      case spec::ServiceType::kLoadBalancer:
        if (state != nullptr && !state->balancer_address.empty()) {
          return https(state->balancer_address, kAggregatorPort);
        }
        break;
      case spec::ServiceType::kNodePort: {
        const auto* const pod = seen_.children.newest_pod(names_.aggregator);
        if (state != nullptr && state->node_port != 0 && pod != nullptr && !pod->host_ip.empty()) {
          return https(pod->host_ip, state->node_port);
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
    for (const auto& [name, child] : seen_.children.of(k8s::kJobs)) {
      suspend_job(name, child, suspend);
    }
  }

  // What somebody else has suspended stays so until they resume it.
  void suspend_job(const std::string& name, const Child& child, bool suspend) {
    if (!is_unfinished(child) || child.job->suspend == suspend || child.job->is_held) {
      return;
    }
    Json object{{"apiVersion", k8s::kJobs.api_version()},
                {"kind", k8s::kJobs.kind},
                {"metadata",
                 {{"name", name},
                  {"namespace", training_.ns},
                  {"uid", child.uid},
                  {"annotations", {{std::string(kSuspendedByUs), suspend ? "true" : "false"}}}}},
                {"spec", {{"suspend", suspend}}}};
    plan_.actions.emplace_back(
        ApplyObject{Desired{k8s::kJobs, std::move(object), std::nullopt}, child.uid, ""});
  }

  // Stops the workers that still run a while after the model is complete.
  void drain_workers() {
    const auto* const training = training_.status.condition(kTraining);
    const bool is_noted = training != nullptr && training->reason == reason::kTrainingFinished;
    const SystemTime end = (is_noted ? training->since : seen_.now) + kDrain;
    for (const auto& [name, child] : seen_.children.of(k8s::kJobs)) {
      if (name == names_.generate || !is_unfinished(child) || child.job->suspend) {
        continue;
      }
      if (seen_.now < end) {
        requeue(end - seen_.now);
      } else {
        suspend_job(name, child, true);
      }
    }
  }

  // After ttlSecondsAfterFinished: deletes all children but the claim with the model.
  void clean_up() {
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
    for (const auto& kind : kChildKinds) {
      for (const auto& [name, child] : seen_.children.of(kind)) {
        const bool is_model = kind == k8s::kPersistentVolumeClaims && name == names_.model;
        if (child.is_ours && !child.is_deleting && !is_model) {
          plan_.actions.emplace_back(DeleteObject{kind, name, child.uid});
        }
      }
    }
  }

  void report() {
    const auto status = status_after(training_, seen_, verdict_);
    if (status == written_) {
      return;
    }
    if (!seen_.may_write_progress && is_only_progress(status)) {
      requeue(kProgressAge);
      return;
    }
    plan_.actions.emplace_back(PatchStatus{status});
    constexpr std::array kSummary = {kReady, kProgressing, kStalled};  // of the other conditions
    for (const auto& condition : status.conditions) {
      if (std::ranges::find(kSummary, condition.type) != kSummary.end()) {
        continue;
      }
      emit_change(training_.status.condition(condition.type), condition);
    }
  }

  // Whether nothing but counters differs from the status that there is.
  bool is_only_progress(TrainingStatus status) const {
    const auto& before = written_;
    status.round = before.round;
    status.rounds = before.rounds;
    status.clients = before.clients;
    status.joined = before.joined;
    for (auto& participant : status.participants) {
      const auto old =
          std::ranges::find(before.participants, participant.name, &ParticipantStatus::name);
      if (old != before.participants.end()) {
        participant.rows = old->rows;
        participant.last_round = old->last_round;
      }
    }
    return status == before;
  }

  // An Event for each condition that becomes true or false, and for each new problem.
  void emit_change(const Condition* before, const Condition& after) {
    const bool held = before != nullptr && before->holds;
    const bool is_bad = after.type == kDegraded || after.type == kFailed ||
                        after.reason == reason::kPartialParticipation;
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
    const auto* const pod = seen_.children.newest_pod(names_.aggregator);
    return pod != nullptr && pod->is_running;
  }

  const Restarts& restarts_;
  const Training& training_;
  const Observed& seen_;
  const TrainingStatus& written_;  // what the cluster has
  const Settings& settings_;
  Names names_;
  Verdict verdict_;
  Plan plan_;
};

}  // namespace

Plan plan(const Observed& seen, const Settings& settings) {
  if (!seen.training || seen.training->is_deleting) {
    return {};  // the garbage collector deletes the children by their owner references
  }
  const Restarts restarts = restarted(seen);
  return Planner(restarts, seen.training->status, settings).make();
}

std::string describe(const Action& action) {
  return std::visit(
      Overloaded{
          [](const ApplyObject& a) {
            return (a.uid.empty() ? "create " : "change ") + std::string(a.desired.resource.kind) +
                   " " + a.desired.name();
          },
          [](const MakeKey& a) { return "make a key of " + std::to_string(a.bits) + " bits"; },
          [](const RenewSecret& a) { return "renew Secret " + a.desired.name(); },
          [](const DeleteObject& a) {
            return "delete " + std::string(a.resource.kind) + " " + a.name;
          },
          [](const PatchStatus& a) { return "status " + a.status.phase; },
          [](const EmitEvent& a) { return "event " + a.reason; },
      },
      action);
}

}  // namespace genesis::control
