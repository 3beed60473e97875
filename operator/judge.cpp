#include "operator/judge.hpp"

#include <algorithm>
#include <span>

#include "common/base/exit_code.hpp"
#include "common/base/text.hpp"
#include "common/crypto/digest.hpp"
#include "common/spec/parse.hpp"
#include "operator/allowed.hpp"
#include "operator/causes.hpp"
#include "operator/children.hpp"
#include "operator/naming.hpp"
#include "operator/pod_settings.hpp"
#include "operator/reasons.hpp"
#include "operator/renewal.hpp"

namespace genesis::control {
namespace {

// A failure or a problem that holds from `from` on, which may lie in the future: it is what will be
// wrong by then unless something else happens first.
struct Finding {
  std::string_view reason;
  std::string message;
  SystemTime from = SystemTime::min();
};

using Findings = std::vector<Finding>;

void note(std::optional<SystemTime>& earliest, SystemTime time) {
  earliest = std::min(earliest.value_or(time), time);
}

// One training as it was observed. Each member function answers one question about it.
class Judge {
 public:
  Judge(const Training& training, const Observed& seen, const Settings& settings)
      : training_(training),
        seen_(seen),
        settings_(settings),
        names_(training.name),
        not_allowed_(not_allowed(training.spec, settings)) {
    not_allowed_.insert(not_allowed_.end(), seen.not_allowed.begin(), seen.not_allowed.end());
  }

  Verdict judge() const {
    Verdict verdict = standing();
    for (const auto& finding : problems(verdict)) {
      if (finding.from <= seen_.now) {
        verdict.problems.push_back({finding.reason, printable(finding.message, kLongestMessage)});
      } else {
        note(verdict.look_again, finding.from);
      }
    }
    return verdict;
  }

 private:
  // The stage and what goes with it, without problems.
  Verdict standing() const {
    Verdict verdict;
    if (!training_.invalid.empty()) {
      verdict.stage = Stage::kInvalid;
      return verdict;
    }
    const auto& status = training_.status;
    verdict.model = status.model;
    for (const auto type : {kComplete, kFailed}) {
      if (status.holds(type)) {
        const auto& condition = *status.condition(type);
        verdict.stage = type == kComplete ? Stage::kComplete : Stage::kFailed;
        verdict.reason = condition.reason;
        verdict.message = condition.message;
        return verdict;
      }
    }
    if (!status.start_time && training_.spec.suspend) {
      verdict.stage = Stage::kHeld;
      return verdict;
    }
    if (!status.start_time && (!not_allowed_.empty() || has_foreign_model())) {
      verdict.stage = Stage::kRefused;
      return verdict;
    }
    if (is_trained()) {
      return after_training(with_outcome(std::move(verdict)));
    }
    if (const auto found = failure()) {
      return failed(std::move(verdict), *found);
    }
    if (training_.spec.suspend) {
      verdict.stage = has_pods() ? Stage::kSuspending : Stage::kSuspended;
      return verdict;
    }
    return unless_late(std::move(verdict), Stage::kTraining);
  }

  // Whether a deleted training of the same name has left its claim, and nobody has said what to do.
  bool has_foreign_model() const {
    const auto* const claim = seen_.children.find(k8s::kPersistentVolumeClaims, names_.model);
    return claim != nullptr && !claim->is_ours && claim->is_retained &&
           !training_.spec.output.existing_claim;
  }

  Verdict complete(Verdict verdict, std::string_view reason, std::string message) const {
    verdict.stage = Stage::kComplete;
    verdict.reason = reason;
    verdict.message = std::move(message);
    if (const auto out = left_out(training_, seen_.children, verdict.sites); !out.empty()) {
      verdict.reason = reason::kPartialParticipation;
      verdict.message += ", without the rows of";
      for (const auto& site : out) {
        verdict.message += (&site == &out.front() ? " " : "; ") + site.name + " (" + site.why + ")";
      }
      verdict.message = printable(verdict.message, kLongestMessage);
    }
    return verdict;
  }

  static Verdict failed(Verdict verdict, const Finding& failure) {
    verdict.stage = Stage::kFailed;
    verdict.reason = failure.reason;
    verdict.message = printable(failure.message, kLongestMessage);
    return verdict;
  }

  // In that stage, unless a deadline has passed.
  Verdict unless_late(Verdict verdict, Stage stage) const {
    verdict.stage = stage;
    for (const auto& deadline : deadlines()) {
      if (deadline.from <= seen_.now) {
        return failed(std::move(verdict), deadline);
      }
      note(verdict.look_again, deadline.from);
    }
    return verdict;
  }

  bool is_trained() const {
    const auto* const aggregator = seen_.children.job(names_.aggregator);
    const auto* const pod = seen_.children.newest_pod(names_.aggregator);
    const auto* const before = training_.status.condition(kTraining);
    // The Job and its pod are watched apart: one may be known to have ended before the other.
    const bool is_pod_over = pod == nullptr || !pod->is_running;
    return (aggregator != nullptr && aggregator->is_complete && is_pod_over) ||
           (before != nullptr && before->reason == reason::kTrainingFinished);
  }

  // What the aggregator has left in its termination message. Once its pod is gone, what the status
  // says of the model stays.
  Verdict with_outcome(Verdict verdict) const {
    ModelStatus model = verdict.model.value_or(ModelStatus());
    model.path = names_.model + ":/model.safetensors";
    const auto* const pod = seen_.children.newest_pod(names_.aggregator);
    if (pod != nullptr && pod->last && pod->last->outcome) {
      const auto& outcome = *pod->last->outcome;
      if (!outcome.model_sha256.empty()) {
        model.sha256 = outcome.model_sha256;
      }
      if (outcome.model_bytes > 0) {
        model.bytes = outcome.model_bytes;
      }
      for (const auto& participant : training_.spec.participants) {
        const auto site = outcome.sites.find(participant.name);
        if (site != outcome.sites.end()) {
          verdict.sites.insert(*site);
        }
      }
    }
    verdict.model = std::move(model);
    return verdict;
  }

  Verdict after_training(Verdict verdict) const {
    const auto rows = training_.spec.output.rows;
    const std::string where = "the model is in " + verdict.model->path;
    if (rows == 0) {
      return complete(std::move(verdict), reason::kModelReady, where);
    }
    const auto* const generate = seen_.children.job(names_.generate);
    const bool is_recorded =
        training_.recorded.contains(record_key(k8s::kPersistentVolumeClaims.kind, names_.model));
    if ((generate == nullptr || !generate->is_complete) && is_recorded &&
        seen_.children.find(k8s::kPersistentVolumeClaims, names_.model) == nullptr) {
      const Finding failure{reason::kModelLost,
                            "PersistentVolumeClaim " + names_.model +
                                ", which held the finished model, has been deleted; restore it "
                                "from a backup, or start a new training"};
      return failed(std::move(verdict), failure);
    }
    if (generate != nullptr && generate->is_complete) {
      return complete(std::move(verdict),
                      reason::kRowsReady,
                      where + ", " + std::to_string(rows) + " synthetic rows are in " +
                          names_.model + ":/synthetic.csv");
    }
    if (generate != nullptr && generate->is_failed) {
      const Finding failure{reason::kGenerateFailed,
                            "the model is complete, but no rows could be generated: " +
                                why_failed(*generate, names_.generate)};
      return failed(std::move(verdict), failure);
    }
    return unless_late(std::move(verdict), Stage::kGenerating);
  }

  std::string why_failed(const JobState& job, const std::string& name) const {
    const auto* const pod = seen_.children.newest_pod(name);
    std::string why = pod != nullptr ? why_ended(*pod) : std::string();
    return why.empty() ? job.message : why;
  }

  // Why training has failed, deadlines aside.
  std::optional<Finding> failure() const {
    if (seen_.report && seen_.report->phase == wire::Phase::kFailed) {
      return Finding{reason::kTrainingFailed, seen_.report->reason};
    }
    if (const auto* const aggregator = seen_.children.job(names_.aggregator);
        aggregator != nullptr && aggregator->is_failed) {
      const auto* const pod = seen_.children.newest_pod(names_.aggregator);
      const bool is_permanent =
          pod != nullptr && pod->last && pod->last->exit_code == kExitPermanentError;
      return Finding{is_permanent ? reason::kTrainingFailed : reason::kAggregatorFailed,
                     why_failed(*aggregator, names_.aggregator)};
    }
    return lost_quorum();
  }

  std::optional<Finding> lost_quorum() const {
    const auto& participants = training_.spec.participants;
    const auto needed = spec::min_clients_of(training_.spec);
    auto left = static_cast<std::int64_t>(participants.size());
    std::string why;
    for (const auto& participant : participants) {
      if (const auto lost = why_lost(training_, participant, seen_.children); !lost.empty()) {
        --left;
        why += (why.empty() ? "" : "; ") + participant.name + ": " + lost;
      }
    }
    if (participants.empty() || left >= needed) {
      return std::nullopt;
    }
    return Finding{reason::kQuorumImpossible,
                   std::to_string(left) + " of " + std::to_string(participants.size()) +
                       " participants can still take part, but rounds.minClients is " +
                       std::to_string(needed) + ": " + why};
  }

  bool has_pods() const {
    return std::ranges::any_of(seen_.children.pods, [](const Pod& pod) {
      return pod.phase == "Pending" || pod.phase == "Running";
    });
  }

  // The start of the training or its latest resumption.
  SystemTime active_since() const {
    const auto begun = training_.status.start_time.value_or(seen_.now);
    const auto start = std::max(begun, training_.status.retry_time.value_or(begun));
    const auto* const suspended = training_.status.condition(kSuspended);
    if (suspended != nullptr && suspended->holds) {
      return seen_.now;  // it is being resumed by this pass
    }
    const bool was_resumed = suspended != nullptr && suspended->reason == reason::kResumed;
    return was_resumed ? std::max(start, suspended->since) : start;
  }

  // The failures that the passing of time will bring.
  Findings deadlines() const {
    Findings found;
    const auto& spec = training_.spec;
    if (const auto limit = spec.active_deadline_seconds) {
      found.push_back({reason::kDeadlineExceeded,
                       "the training did not end within activeDeadlineSeconds, which is " +
                           std::to_string(*limit),
                       active_since() + std::chrono::seconds(*limit)});
    }
    // A running aggregator enforces the start deadline itself, and the deadline of each round.
    const auto* const pod = seen_.children.newest_pod(names_.aggregator);
    const bool has_run = pod != nullptr && (pod->is_running || pod->last);
    const auto* const job = seen_.children.job(names_.aggregator);
    const bool is_held = job != nullptr && job->is_held;
    if (!is_held && !is_trained() && !training_.status.holds(kQuorumReached) && !seen_.report &&
        !has_run && !awaits_key()) {
      const auto limit = spec.rounds.start_deadline_seconds;
      found.push_back({reason::kStartDeadlineExceeded,
                       "the aggregator did not start within rounds.startDeadlineSeconds, which "
                       "is " +
                           std::to_string(limit),
                       may_start_since() + std::chrono::seconds(limit)});
    }
    return found;
  }

  // Whether Jobs are not made yet, for the key of encrypted sums is still to be made. One that is
  // made and cannot be stored is waited for no longer than anything else.
  bool awaits_key() const {
    const bool is_to_be_made = seen_.key == KeyState::kMissing || seen_.key == KeyState::kBeingMade;
    return needs_key(training_.spec) && is_to_be_made && key_problem().empty() &&
           seen_.children.job(names_.aggregator) == nullptr;
  }

  // Neither the time that the making of a key has taken is the aggregator's, nor that in a queue.
  SystemTime may_start_since() const {
    const auto* const job = seen_.children.job(names_.aggregator);
    auto since = active_since();
    if (job != nullptr && job->started) {
      since = std::max(since, *job->started);  // after somebody else's suspension
    }
    if (!needs_key(training_.spec)) {
      return since;
    }
    return std::max(since, job != nullptr ? job->created : seen_.key_since.value_or(since));
  }

  // What is wrong with the key of encrypted sums, or "". Sites have pinned it, so that it is made
  // once: another one would end the training.
  std::string key_problem() const {
    if (!needs_key(training_.spec)) {
      return "";
    }
    const bool is_recorded =
        training_.recorded.contains(record_key(k8s::kSecrets.kind, names_.paillier));
    if (is_recorded && seen_.children.find(k8s::kSecrets, names_.paillier) == nullptr) {
      return "Secret " + names_.paillier +
             ", which held the key of the encrypted sums, has been deleted; no other is made, for "
             "the sites have begun with it. Pods that run go on, and no pod starts any more: "
             "delete the training and apply it again if it cannot end so";
    }
    return seen_.key_problem;
  }

  // Everything that is wrong in that stage, or will be.
  Findings problems(const Verdict& verdict) const {
    Findings found;
    switch (verdict.stage) {
      case Stage::kInvalid:
        found.push_back({reason::kInvalidSpec, training_.invalid});
        break;
      case Stage::kHeld:
      case Stage::kRefused:
        add_problems_of_objects(found);
        break;
      case Stage::kSuspending:
      case Stage::kSuspended:
        add_problems_of_objects(found);
        add_key_problem(found);
        add_expiry(found);
        break;
      case Stage::kTraining:
        add_problems_of_objects(found);
        add_key_problem(found);
        add_expiry(found);
        // What is wrong with the aggregator comes first: the sites only notice it.
        add_problem_of_pod(names_.aggregator, "the aggregator", found);
        add_unreachable_aggregator(found);
        for (const auto& participant : training_.spec.participants) {
          if (!participant.external) {
            add_problem_of_pod(
                names_.worker(participant.name), "participant " + participant.name, found);
            add_missing_data(participant, found);
          }
        }
        add_pending_service(found);
        add_absent_clients(found);
        add_held_jobs(found);
        add_warnings(found);
        break;
      case Stage::kGenerating:
        add_problems_of_objects(found);
        add_problem_of_pod(names_.generate, "the generating Job", found);
        add_held_jobs(found);
        break;
      case Stage::kComplete:
        add_left_out(verdict, found);
        break;
      case Stage::kFailed:
        break;
    }
    return found;
  }

  // What the finished model lacks.
  void add_left_out(const Verdict& verdict, Findings& found) const {
    for (const auto& site : left_out(training_, seen_.children, verdict.sites)) {
      found.push_back({reason::kParticipantFailed, "participant " + site.name + ": " + site.why});
    }
  }

  void add_problems_of_objects(Findings& found) const {
    for (const auto& refusal : not_allowed_) {
      found.push_back({reason::kNotAllowed, refusal});
    }
    if (has_foreign_model()) {
      found.push_back({reason::kModelClaimExists,
                       "PersistentVolumeClaim " + names_.model +
                           " holds what a deleted training of this name has left; set "
                           "output.existingClaim to reuse to go on from its checkpoint or to "
                           "replace to delete it, delete the claim, or rename the training"});
    }
    for (const auto& kind : kChildKinds) {
      for (const auto& [name, child] : seen_.children.of(kind)) {
        const bool is_left =
            child.is_retained && name == names_.model && kind == k8s::kPersistentVolumeClaims;
        if (!child.is_ours && !is_left) {
          found.push_back({reason::kForeignObject,
                           std::string(kind.kind) + " " + name +
                               (child.is_impostor
                                    ? " names this training as its owner, but the operator did not "
                                      "create it; find out who did, then delete it"
                                    : " already exists and does not belong to this training; "
                                      "delete it, or rename the training")});
        }
      }
    }
    for (const auto& [name, claim] : seen_.children.of(k8s::kPersistentVolumeClaims)) {
      if (claim.is_ours && claim.is_deleting) {
        found.push_back({reason::kClaimTerminating,
                         "PersistentVolumeClaim " + name +
                             " is being deleted: it goes, with what it holds, as soon as no pod "
                             "uses it; to keep that, copy it while the pod runs"});
      }
    }
    for (const auto& refusal : seen_.refusals) {
      found.push_back({reason::kApplyFailed, refusal});
    }
    if (const auto& error = seen_.transient_error) {
      found.push_back(
          {reason::kApplyFailed, error->message, error->since + settings_.api_patience});
    }
    const auto& started_with = training_.status.spec_sha256;
    if (!started_with.empty() && started_with != spec_digest(training_.spec)) {
      found.push_back({reason::kSpecChanged,
                       "the spec has changed since the training started; the training continues "
                       "with the spec that it started with"});
    }
  }

  void add_key_problem(Findings& found) const {
    if (auto why = key_problem(); !why.empty()) {
      found.push_back({reason::kPaillierKeyUnusable, std::move(why)});
    }
  }

  // A load balancer that nobody provides: the join bundles wait for its address.
  void add_pending_service(Findings& found) const {
    const auto& spec = training_.spec;
    const auto* const service = seen_.children.service(names_.aggregator);
    const bool has_external =
        std::ranges::any_of(spec.participants, [](const auto& site) { return site.external; });
    if (has_external && service != nullptr && !spec.aggregator.service.address &&
        spec.aggregator.service.type == spec::ServiceType::kLoadBalancer &&
        service->balancer_address.empty()) {
      found.push_back({reason::kServicePending,
                       "Service " + names_.aggregator +
                           " has no address yet, and sites outside the cluster no join bundle; "
                           "the cluster must assign addresses to Services of type LoadBalancer",
                       active_since() + settings_.pod_patience});
    }
  }

  void add_expiry(Findings& found) const {
    if (auto why = expiry_problem(training_, seen_); !why.empty()) {
      found.push_back({reason::kCertificateExpiring, std::move(why)});
    }
  }

  void add_problem_of_pod(const std::string& name, const std::string& who, Findings& found) const {
    const auto* const job = seen_.children.job(name);
    if (job == nullptr || job->is_complete || job->suspend) {
      return;
    }
    const auto* const pod = seen_.children.newest_pod(name);
    if (pod == nullptr) {
      found.push_back(
          {reason::kPodMissing,
           who + " has no pod; `kubectl describe job " + name + "` tells why, for example a quota",
           std::max({job->created, active_since(), last_pod(name)}) + settings_.pod_patience});
      return;
    }
    if (has_ended_badly(name, *job, *pod)) {
      // As the worker's error begins.
      const auto why = why_failed(*job, name);
      const bool is_exhausted = why.find("privacy budget exhausted: ") != std::string::npos;
      found.push_back({name == names_.aggregator ? reason::kAggregatorRestarting
                       : is_exhausted            ? reason::kPrivacyBudgetExhausted
                                                 : reason::kParticipantFailed,
                       who + ": " + why});
      return;
    }
    if (!pod->unschedulable.empty()) {
      found.push_back({reason::kPodUnschedulable,
                       who + ": " + pod->unschedulable,
                       pod->created + settings_.scheduling_patience});
      return;
    }
    if (const auto stuck = stuck_from(*pod)) {
      found.push_back({reason::kPodNotStarting, who + ": " + why_waiting(*pod), *stuck});
    }
  }

  // The Job controller needs a moment to replace a pod that is gone.
  SystemTime last_pod(const std::string& job) const {
    const auto found = seen_.last_pod.find(job);
    return found == seen_.last_pod.end() ? SystemTime::min() : found->second;
  }

  // What a pod that does not run yet waits for. ConfigMaps are missed by name: the kubelet tells of
  // them in Events only.
  void add_missing_data(const spec::Participant& participant, Findings& found) const {
    if (const auto why = seen_.missing_data.find(participant.name);
        why != seen_.missing_data.end()) {
      found.push_back(
          {reason::kPodNotStarting, "participant " + participant.name + ": " + why->second});
    }
  }

  bool is_aggregator_silent() const {
    const auto* const pod = seen_.children.newest_pod(names_.aggregator);
    return pod != nullptr && pod->is_running && !seen_.report && !seen_.report_error.empty();
  }

  bool has_ended_badly(const std::string& name, const JobState& job, const Pod& pod) const {
    if (job.is_failed) {
      return true;
    }
    const auto& end = pod.last ? pod.last : pod.before;
    const bool has_failed = !pod.reason.empty() || (end && end->exit_code != 0);
    if (!has_failed || pod.is_deleting) {  // a drain or a suspension is no failure
      return false;
    }
    if (!pod.last && (!pod.unschedulable.empty() || is_stuck(pod))) {
      return false;  // what it waits for now is news
    }
    // That it cannot reach an aggregator that does not answer is no failure of the site.
    if (end && end->exit_code == kExitUnavailable &&
        (is_aggregator_silent() || seen_.children.newest_pod(names_.aggregator) == nullptr)) {
      return false;
    }
    if (name == names_.aggregator) {
      return !pod.is_running && !seen_.report;
    }
    return !pod.is_running || !has_joined(name);  // a worker that has joined again has recovered
  }

  bool has_joined(const std::string& worker) const {
    return seen_.report && std::ranges::any_of(seen_.report->clients, [&](const auto& client) {
             return names_.worker(client.id) == worker && wire::is_joined(client);
           });
  }

  // The time from which on a waiting container needs a person's attention, if it does.
  std::optional<SystemTime> stuck_from(const Pod& pod) const {
    if (is_stuck(pod)) {
      return SystemTime::min();
    }
    constexpr int kLongPull = 4;  // pulling an image may take this many times pod_patience
    if (pod.waiting_reason == "ContainerCreating") {
      return pod.created + kLongPull * settings_.pod_patience;
    }
    return std::nullopt;
  }

  // The pods of these clients may look healthy: the process hangs, the network is cut, or the
  // aggregator refuses the updates.
  void add_absent_clients(Findings& found) const {
    if (!seen_.report) {
      return;
    }
    for (const auto& client : seen_.report->clients) {
      const bool is_meant = client.state == "evicted";  // whoever has evicted it knows
      const bool is_absent = !wire::is_joined(client) || client.state == "quarantined";
      // Its pod says why, and has been told of.
      const auto name = names_.worker(client.id);
      const auto* const pod = seen_.children.newest_pod(name);
      const auto* const job = seen_.children.job(name);
      const bool is_told = pod != nullptr && job != nullptr && has_ended_badly(name, *job, *pod);
      if (is_absent && !is_meant && !is_told && why_not_running(pod).empty()) {
        found.push_back(
            {reason::kParticipantAbsent,
             "participant " + client.id + " is " + client.state + ": " + client.reason});
      }
    }
  }

  // A queue does that until there is room, and a person for reasons of their own.
  void add_held_jobs(Findings& found) const {
    std::string names;
    for (const auto& [name, child] : seen_.children.of(k8s::kJobs)) {
      const auto* const job = seen_.children.job(name);
      if (job != nullptr && job->is_held && !job->is_complete && !job->is_failed) {
        names += (names.empty() ? "" : ", ") + name;
      }
    }
    if (!names.empty()) {
      found.push_back({reason::kJobSuspended,
                       "suspended, and not by this operator, which leaves it so: Job " + names +
                           "; a queue such as Kueue resumes it once there is room, a person with "
                           "`kubectl patch job`"});
    }
  }

  void add_warnings(Findings& found) const {
    constexpr std::size_t kMost = 5;
    constexpr std::size_t kLongest = 500;
    if (!seen_.report) {
      return;
    }
    for (const auto& warning :
         std::span(seen_.report->warnings).first(std::min(kMost, seen_.report->warnings.size()))) {
      found.push_back({reason::kTrainingWarning, printable(warning, kLongest)});
    }
  }

  void add_unreachable_aggregator(Findings& found) const {
    if (is_aggregator_silent()) {
      const auto* const pod = seen_.children.newest_pod(names_.aggregator);
      found.push_back({reason::kAggregatorUnreachable,
                       "the aggregator runs and does not answer: " + seen_.report_error,
                       pod->created + settings_.pod_patience});
    }
  }

  const Training& training_;
  const Observed& seen_;
  const Settings& settings_;
  Names names_;
  std::vector<std::string> not_allowed_;  // whatever the stage
};

}  // namespace

Verdict judge(const Training& training, const Observed& seen, const Settings& settings) {
  return Judge(training, seen, settings).judge();
}

std::string spec_digest(const spec::FederatedTraining& spec) {
  spec::FederatedTraining fixed = without_pod_settings(spec);
  fixed.suspend = false;
  fixed.active_deadline_seconds.reset();
  fixed.ttl_seconds_after_finished.reset();
  fixed.security.deny.clear();
  fixed.retry.reset();
  return crypto::sha256_hex(spec::print_json(fixed));
}

}  // namespace genesis::control
