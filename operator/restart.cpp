#include "operator/restart.hpp"

#include <algorithm>

#include "operator/causes.hpp"
#include "operator/judge.hpp"
#include "operator/naming.hpp"
#include "operator/pod_settings.hpp"
#include "operator/reasons.hpp"

namespace genesis::control {
namespace {

void withdraw(TrainingStatus& status,
              std::string_view type,
              std::string_view reason,
              SystemTime now) {
  const auto found = std::ranges::find(status.conditions, type, &Condition::type);
  if (found != status.conditions.end()) {
    found->holds = false;
    found->reason = reason;
    found->since = now;
  }
}

// The training as if it had not failed.
void retry(Training& training, SystemTime now) {
  auto& status = training.status;
  status.retry = *training.spec.retry;
  status.retry_time = now;
  status.completion_time.reset();
  withdraw(status, kFailed, reason::kNoFailure, now);
  for (auto& participant : status.participants) {
    if (participant.state == kStateFailed || participant.state == kStateAbsent) {
      participant.state = "Pending";
      participant.reason.clear();
    }
  }
}

// The training as if it had been stopped after the last of the rounds that it had so far.
void extend(Training& training, SystemTime now) {
  auto& status = training.status;
  status.retry_time = now;
  status.completion_time.reset();
  status.round->total = training.spec.rounds.count;
  status.spec_sha256 = spec_digest(training.spec);
  withdraw(status, kComplete, reason::kInProgress, now);
  withdraw(status, kTraining, reason::kNotStarted, now);
  withdraw(status, kQuorumReached, reason::kWaitingForClients, now);
  for (auto& participant : status.participants) {
    participant.state = "Pending";
    participant.reason.clear();
  }
}

// The spec in NAME-training is not what the programs are to read any more.
void hide_spec(Observed& seen) {
  const std::string name = Names(seen.training->name).training;
  auto& maps = seen.children.of(k8s::kConfigMaps);
  if (const auto found = maps.find(name); found != maps.end() && found->second.is_ours) {
    found->second.is_outdated = true;
  }
  seen.training->recorded.erase(record_key(k8s::kConfigMaps.kind, name));
}

void hide(Observed& seen, const std::string& name, Child& child) {
  child.is_outdated = true;
  child.job.reset();
  std::erase_if(seen.children.pods, [&](const Pod& pod) { return pod.job == name; });
  seen.training->recorded.erase(record_key(k8s::kJobs.kind, name));
}

// Whether this Job has come to its limit of failures.
bool is_at_limit(const Observed& seen, const std::string& name) {
  const auto* const job = seen.children.job(name);
  return job != nullptr && job->is_failed && job->reason == "BackoffLimitExceeded";
}

void replace(Restarts& made, const std::string& name) {
  hide(made.seen, name, made.seen.children.of(k8s::kJobs).at(name));
  made.replaced.push_back(name);
}

// Jobs of a suspended training whose images, resources or places of pods have changed since.
void replace_changed(Observed& seen) {
  const auto& training = *seen.training;
  const bool has_pods = std::ranges::any_of(seen.children.pods, [](const Pod& pod) {
    return pod.phase == "Pending" || pod.phase == "Running";
  });
  if (!training.spec.suspend || has_pods) {
    return;
  }
  for (auto& [name, child] : seen.children.of(k8s::kJobs)) {
    const bool is_at_rest = child.is_ours && child.job && child.job->suspend &&
                            !child.job->is_complete && !child.job->is_failed;
    if (is_at_rest && !child.content.empty() &&
        child.content != digest_of(settings_of(training, name))) {
      hide(seen, name, child);
    }
  }
}

// Jobs at their limit whose program has got further since the last time.
void replace_progressed(Restarts& made) {
  Training& training = *made.seen.training;
  const Names names(training.name);
  auto& status = training.status;
  const auto round = status.round ? status.round->current : 0;
  if (is_at_limit(made.seen, names.aggregator) && round > status.replaced_after_round.value_or(0)) {
    status.replaced_after_round = round;
    replace(made, names.aggregator);
  }
  for (auto& participant : status.participants) {
    const auto last = participant.last_round.value_or(0);
    const auto name = names.worker(participant.name);
    if (is_at_limit(made.seen, name) && last > participant.replaced_after_round.value_or(0)) {
      participant.replaced_after_round = last;
      participant.reason.clear();
      replace(made, name);
    }
  }
}

}  // namespace

bool is_to_be_retried(const Training& training) {
  return training.status.holds(kFailed) && training.spec.retry.value_or(0) > training.status.retry;
}

bool is_to_be_extended(const Training& training) {
  const auto& round = training.status.round;
  return training.status.holds(kComplete) && training.invalid.empty() && round &&
         training.spec.rounds.count > round->total;
}

Restarts restarted(const Observed& seen) {
  Restarts made;
  made.seen = seen;
  Training& training = *made.seen.training;
  made.is_retried = is_to_be_retried(training);
  made.is_extended = is_to_be_extended(training);
  if (made.is_retried) {
    retry(training, seen.now);
  } else if (made.is_extended) {
    extend(training, seen.now);
    hide_spec(made.seen);
  }
  for (auto& [name, child] : made.seen.children.of(k8s::kJobs)) {
    const bool is_going = child.is_deleting && child.job && child.job->is_failed;
    if (child.is_ours && (made.is_retried || made.is_extended || child.is_outdated || is_going)) {
      hide(made.seen, name, child);
    }
  }
  if (!training.status.holds(kFailed) && !training.status.holds(kComplete)) {
    replace_progressed(made);
    replace_changed(made.seen);
  }
  return made;
}

}  // namespace genesis::control
