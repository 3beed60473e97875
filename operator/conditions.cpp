#include "operator/conditions.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/text.hpp"
#include "operator/causes.hpp"
#include "operator/children.hpp"
#include "operator/naming.hpp"
#include "operator/pod_settings.hpp"
#include "operator/reasons.hpp"
#include "operator/renewal.hpp"

namespace genesis::control {
namespace {

struct Finding {
  bool holds = false;
  std::string reason;
  std::string message;
};

bool is_over(const Verdict& verdict) {
  return verdict.stage == Stage::kComplete || verdict.stage == Stage::kFailed;
}

bool is_trained(const Verdict& verdict) {
  return verdict.stage == Stage::kGenerating || verdict.stage == Stage::kComplete ||
         (verdict.stage == Stage::kFailed && verdict.reason == reason::kGenerateFailed);
}

bool is_stopped(const Verdict& verdict) {
  return verdict.stage == Stage::kHeld || verdict.stage == Stage::kSuspending ||
         verdict.stage == Stage::kSuspended;
}

Finding before(const Training& training, std::string_view type, Finding otherwise) {
  const auto* const condition = training.status.condition(type);
  return condition == nullptr ? std::move(otherwise)
                              : Finding{condition->holds, condition->reason, condition->message};
}

std::string missing(const Training& training, const wire::StatusReport& report) {
  std::string names;
  for (const auto& participant : training.spec.participants) {
    const bool is_there = std::ranges::any_of(report.clients, [&](const auto& client) {
      return client.id == participant.name && wire::is_joined(client);
    });
    if (!is_there) {
      names += (names.empty() ? "" : ", ") + participant.name;
    }
  }
  return names;
}

Finding quorum_reached(const Training& training, const Observed& seen, const Verdict& verdict) {
  const auto needed = std::to_string(spec::min_clients_of(training.spec));
  const Finding unknown{false,
                        std::string(reason::kWaitingForClients),
                        "no client has joined yet; rounds.minClients is " + needed};
  if (is_trained(verdict) || (seen.report && (seen.report->phase == wire::Phase::kSummarizing ||
                                              seen.report->phase == wire::Phase::kTraining ||
                                              seen.report->phase == wire::Phase::kComplete))) {
    return {
        true, std::string(reason::kEnoughClients), "at least " + needed + " clients have joined"};
  }
  if (!seen.report || seen.report->phase == wire::Phase::kFailed) {
    return before(training, kQuorumReached, unknown);
  }
  const auto awaited = missing(training, *seen.report);
  const bool is_enough =
      static_cast<std::int64_t>(seen.report->joined) >= spec::min_clients_of(training.spec);
  const std::string until = is_enough
                                ? ", at most until rounds.startDeadlineSeconds (" +
                                      std::to_string(training.spec.rounds.start_deadline_seconds) +
                                      ") have passed since the aggregator started"
                                : "";
  return {false,
          std::string(reason::kWaitingForClients),
          std::to_string(seen.report->joined) + " clients have joined; rounds.minClients is " +
              needed + (awaited.empty() ? "" : "; waiting for " + awaited + until)};
}

Finding training_condition(const Training& training, const Observed& seen, const Verdict& verdict) {
  if (is_trained(verdict)) {
    return {false,
            std::string(reason::kTrainingFinished),
            "all " + std::to_string(training.spec.rounds.count) + " rounds are complete"};
  }
  if (is_stopped(verdict) || verdict.stage == Stage::kFailed) {
    const bool started = training.status.start_time.has_value();
    return {
        false,
        std::string(started ? reason::kTrainingStopped : reason::kNotStarted),
        verdict.stage == Stage::kFailed ? "the training has failed" : "the training is suspended"};
  }
  const bool awaits_key = needs_key(training.spec) &&
                          (seen.key == KeyState::kMissing || seen.key == KeyState::kBeingMade);
  const Finding not_yet{false,
                        std::string(reason::kNotStarted),
                        awaits_key ? "the key of the encrypted sums is being made, which can take "
                                     "minutes; pods start after that"
                                   : "the aggregator is waiting for clients to join"};
  if (!seen.report) {
    const auto said = before(training, kTraining, not_yet);
    const bool has_begun =
        said.reason != reason::kTrainingStopped && said.reason != reason::kNotStarted;
    return has_begun ? said : not_yet;
  }
  switch (seen.report->phase) {
    case wire::Phase::kJoining:
      return not_yet;
    case wire::Phase::kSummarizing:
      return {true,
              std::string(reason::kAgreeingOnEncoding),
              "the sites are counting their rows for the common encoding"};
    case wire::Phase::kTraining:
      return {true,
              std::string(reason::kRunningRounds),
              "the training has " + std::to_string(seen.report->total_rounds) + " rounds"};
    case wire::Phase::kComplete:
    case wire::Phase::kFailed:
      break;
  }
  return before(training, kTraining, not_yet);
}

Finding suspended(const Training& training, const Verdict& verdict) {
  switch (verdict.stage) {
    case Stage::kHeld:
      return {true,
              std::string(reason::kSuspendedBySpec),
              "spec.suspend is true; set it to false to start"};
    case Stage::kSuspending:
      return {false, std::string(reason::kSuspending), "pods are being stopped"};
    case Stage::kSuspended: {
      const auto round = training.status.round ? training.status.round->current : 0;
      return {true,
              std::string(reason::kSuspendedBySpec),
              round > 0 ? "suspended in round " + std::to_string(round) +
                              "; it will continue after the last closed round"
                        : "suspended before the first round"};
    }
    default:
      break;
  }
  const auto* const was = training.status.condition(kSuspended);
  const bool resumed = was != nullptr && was->reason != reason::kNotSuspended;
  return {false,
          std::string(resumed ? reason::kResumed : reason::kNotSuspended),
          resumed ? "resumed; it continues after the last closed round" : "spec.suspend is false"};
}

Finding degraded(const Verdict& verdict) {
  if (verdict.problems.empty()) {
    return {false, std::string(reason::kAsExpected), "no problem is known"};
  }
  constexpr std::size_t kLongest = 4096;
  std::string message;
  for (const auto& problem : verdict.problems) {
    message += (message.empty() ? "" : "; ") + problem.message;
    if (message.size() > kLongest) {
      break;
    }
  }
  return {true, std::string(verdict.problems.front().reason), std::move(message)};
}

Finding complete(const Verdict& verdict) {
  if (verdict.stage == Stage::kComplete) {
    return {true, verdict.reason, verdict.message};
  }
  return {
      false,
      std::string(reason::kInProgress),
      verdict.stage == Stage::kFailed ? "the training has failed" : "the training is not complete"};
}

Finding failed(const Verdict& verdict) {
  if (verdict.stage == Stage::kFailed) {
    return {true, verdict.reason, verdict.message};
  }
  return {false, std::string(reason::kNoFailure), "the training has not failed"};
}

// Nothing happens until somebody changes something.
bool is_stalled(const Verdict& verdict) {
  const bool is_blocked = std::ranges::any_of(verdict.problems, [](const Problem& problem) {
    return problem.reason == reason::kForeignObject || problem.reason == reason::kNotAllowed ||
           problem.reason == reason::kModelClaimExists ||
           problem.reason == reason::kPaillierKeyUnusable;
  });
  return verdict.stage == Stage::kInvalid || verdict.stage == Stage::kRefused ||
         verdict.stage == Stage::kFailed || is_blocked;
}

// Of a training that is stalled.
Finding why_stalled(const Verdict& verdict) {
  return verdict.stage == Stage::kFailed ? failed(verdict) : degraded(verdict);
}

Finding stalled(const Verdict& verdict) {
  return is_stalled(verdict)
             ? why_stalled(verdict)
             : Finding{false, std::string(reason::kAsExpected), "nobody has to do anything"};
}

Finding ready(const Verdict& verdict) {
  if (is_stalled(verdict)) {
    auto why = why_stalled(verdict);
    why.holds = false;
    return why;
  }
  return complete(verdict);
}

Finding progressing(const Training& training, const Verdict& verdict) {
  if (is_stalled(verdict) || verdict.stage == Stage::kComplete) {
    auto why = ready(verdict);
    why.holds = false;
    return why;
  }
  if (is_stopped(verdict)) {
    auto why = suspended(training, verdict);
    why.holds = verdict.stage == Stage::kSuspending;
    return why;
  }
  return {true, std::string(reason::kInProgress), "the training is not complete"};
}

Condition merged(const Training& training, std::string_view type, Finding finding, SystemTime now) {
  const auto* const old = training.status.condition(type);
  const bool is_same = old != nullptr && old->holds == finding.holds;
  // A resumption counts as a transition, for deadlines count from it.
  const bool is_resumption =
      finding.reason == reason::kResumed && old != nullptr && old->reason != reason::kResumed;
  // So does the end of training, from which the workers' time to leave counts: rounds that were
  // over before anybody saw them run never made the condition true.
  const bool is_end = finding.reason == reason::kTrainingFinished && old != nullptr &&
                      old->reason != reason::kTrainingFinished;
  return Condition{std::string(type),
                   finding.holds,
                   std::move(finding.reason),
                   std::move(finding.message),
                   is_same && !is_resumption && !is_end ? old->since : now,
                   training.generation};
}

std::string phase(const Verdict& verdict, bool is_training) {
  switch (verdict.stage) {
    case Stage::kInvalid:
    case Stage::kRefused:
      return "Pending";
    case Stage::kTraining:
      return is_training ? "Running" : "Pending";
    case Stage::kHeld:
    case Stage::kSuspending:
    case Stage::kSuspended:
      return "Suspended";
    case Stage::kGenerating:
      return "Generating";
    case Stage::kComplete:
      return "Succeeded";
    case Stage::kFailed:
      return "Failed";
  }
  return "Pending";
}

// The aggregator's state of a client as the status has it. States that change within a round are
// left out, so that not every poll writes the status.
std::string client_state(std::string word) {
  if (word == "reported" || word == "waiting") {
    word = "training";
  }
  if (!word.empty() && word.front() >= 'a' && word.front() <= 'z') {
    word.front() = static_cast<char>(word.front() - 'a' + 'A');
  }
  return word;
}

// Why a site whose Job somebody else has suspended does not take part.
constexpr std::string_view kHeld = "its Job is suspended, and not by this operator";

// The state of a site that the aggregator does not know, judged by its pods.
std::string pod_state(const Training& training,
                      const spec::Participant& participant,
                      const Observed& seen,
                      const Verdict& verdict) {
  if (is_stopped(verdict)) {
    return "Suspended";
  }
  if (participant.external) {
    return "Awaited";
  }
  const auto* const pod = seen.children.newest_pod(Names(training.name).worker(participant.name));
  return pod == nullptr ? "Pending" : pod->is_running ? "Joining" : "Starting";
}

ParticipantStatus participant_status(const Training& training,
                                     const spec::Participant& participant,
                                     const Observed& seen,
                                     const Verdict& verdict) {
  ParticipantStatus status;
  status.name = participant.name;
  const auto old =
      std::ranges::find(training.status.participants, participant.name, &ParticipantStatus::name);
  if (old != training.status.participants.end()) {
    status = *old;
  }
  const auto name = Names(training.name).worker(participant.name);
  const auto* const job = seen.children.job(name);
  const auto* const pod = seen.children.newest_pod(name);
  const auto lost = why_lost(training, participant, seen.children);
  if (!lost.empty()) {
    status.state = kStateFailed;
    status.reason = lost;
    return status;
  }
  if (const auto end = verdict.sites.find(participant.name); end != verdict.sites.end()) {
    status.rows = end->second.rows;
    status.last_round = end->second.last_round;
  }
  const bool is_absent = !verdict.sites.empty() && !verdict.sites.contains(participant.name);
  if (is_trained(verdict) && (is_absent || status.state == kStateAbsent)) {
    status.state = kStateAbsent;
    status.last_round.reset();
    return status;
  }
  if (job != nullptr && job->is_complete) {
    status.state = "Succeeded";
    status.reason.clear();
    return status;
  }
  if (is_over(verdict) || is_trained(verdict)) {
    const bool is_done = verdict.stage == Stage::kComplete || participant.external;
    if (is_trained(verdict) && is_done && status.state != kStateFailed) {
      status.state = "Succeeded";  // whether or not its worker heard of the end in time
      status.reason.clear();
    }
    return status;
  }
  const wire::ClientReport* client = nullptr;
  if (seen.report) {
    const auto found =
        std::ranges::find(seen.report->clients, participant.name, &wire::ClientReport::id);
    client = found == seen.report->clients.end() ? nullptr : &*found;
  }
  if (job != nullptr && job->is_held) {
    status.state = "Suspended";
    status.reason = kHeld;
    return status;
  }
  if (status.reason == kHeld) {
    status.reason.clear();
  }
  if (client == nullptr) {
    if (!seen.report && old != training.status.participants.end() && !is_stopped(verdict) &&
        status.state != "Suspended") {
      return status;  // the aggregator does not answer: its last report stays
    }
    status.state = pod_state(training, participant, seen, verdict);
    if (auto why = why_not_running(pod); !why.empty()) {
      status.reason = std::move(why);
    }
    return status;
  }
  status.state = client_state(client->state);
  if (client->rows) {
    status.rows = static_cast<std::int64_t>(*client->rows);
  }
  if (client->last_round.value > 0) {
    status.last_round = static_cast<std::int64_t>(client->last_round.value);
  }
  status.reason = printable(client->reason, kLongestMessage);
  if (auto why = why_not_running(pod); !why.empty()) {
    status.reason = std::move(why);  // the aggregator knows only that it is silent
  }
  const auto* const started = training.status.condition(kQuorumReached);
  if (status.reason.empty() && pod != nullptr && !storage_of(training, participant) &&
      started != nullptr && started->holds && pod->created > started->since) {
    status.reason =
        "its new pod has no storage, so the optimizer state is lost; training continues with "
        "fresh moments";
  }
  return status;
}

void set_progress(TrainingStatus& status,
                  const Training& training,
                  const Observed& seen,
                  const Verdict& verdict) {
  const auto total = training.spec.rounds.count;
  if (is_trained(verdict)) {
    status.round = RoundStatus{total, total, std::nullopt};
    if (!verdict.sites.empty()) {
      status.clients = static_cast<std::int64_t>(verdict.sites.size());
    }
  } else if (is_stopped(verdict) || verdict.stage == Stage::kFailed) {
    if (status.round) {
      status.round->estimated_remaining_seconds.reset();
    }
    status.clients =
        is_stopped(verdict) && status.clients ? std::optional<std::int64_t>(0) : status.clients;
  } else if (seen.report && seen.report->phase != wire::Phase::kFailed) {
    status.round = RoundStatus{seen.report->current_round.value, total, std::nullopt};
    if (const auto left = seen.report->estimated_remaining_seconds) {
      status.round->estimated_remaining_seconds = std::llround(*left);
    }
    status.clients = seen.report->joined;
  }
}

// What `kubectl get` shows in one cell each.
void set_summary(TrainingStatus& status, const Training& training, const Verdict& verdict) {
  status.rounds = status.round ? std::to_string(status.round->current) + "/" +
                                     std::to_string(status.round->total)
                               : "";
  const auto named = static_cast<std::int64_t>(training.spec.participants.size());
  const auto needed = named > 0 ? named : spec::min_clients_of(training.spec);
  status.joined =
      status.clients ? std::to_string(*status.clients) + "/" + std::to_string(needed) : "";
  if (is_over(verdict)) {
    status.reason = verdict.reason;
  } else if (!verdict.problems.empty()) {
    status.reason = verdict.problems.front().reason;
  } else if (is_stopped(verdict)) {
    status.reason = suspended(training, verdict).reason;
  } else if (status.holds(kQuorumReached)) {
    status.reason = status.condition(kTraining)->reason;
  } else {
    status.reason = status.condition(kQuorumReached)->reason;
  }
}

// The children on record. Once a training is over, those that are gone are dropped: they are not
// created again, unless spec.retry starts it again. The key of encrypted sums stays on record, for
// even then no other is made: the checkpoint and the sites have its modulus.
Record recorded(const Training& training, const Observed& seen, const Verdict& verdict) {
  Record record = training.recorded;
  if (is_over(verdict)) {
    const auto key_of_sums = record_key(k8s::kSecrets.kind, Names(training.name).paillier);
    const auto is_there = [&](const std::string& key) {
      const auto slash = key.find('/');
      return std::ranges::any_of(kChildKinds, [&](const auto& kind) {
        return key.substr(0, slash) == kind.kind &&
               seen.children.find(kind, key.substr(slash + 1)) != nullptr;
      });
    };
    std::erase_if(record, [&](const auto& entry) {
      return entry.first != key_of_sums && !is_there(entry.first);
    });
  }
  return record;
}

}  // namespace

TrainingStatus status_after(const Training& training,
                            const Observed& seen,
                            const Verdict& verdict) {
  TrainingStatus status = training.status;
  status.observed_generation = training.generation;
  const auto set = [&](std::string_view type, Finding finding) {
    auto condition = merged(training, type, std::move(finding), seen.now);
    const auto old = std::ranges::find(status.conditions, type, &Condition::type);
    if (old == status.conditions.end()) {
      status.conditions.push_back(std::move(condition));
    } else {
      *old = std::move(condition);
    }
  };
  if (verdict.stage == Stage::kInvalid || verdict.stage == Stage::kRefused) {
    set(kDegraded, degraded(verdict));
    set(kReady, ready(verdict));
    set(kProgressing, progressing(training, verdict));
    set(kStalled, stalled(verdict));
    status.reason = verdict.problems.front().reason;
    if (status.condition(kSuspended) != nullptr && verdict.stage == Stage::kRefused) {
      set(kSuspended, suspended(training, verdict));
    }
    if (status.phase.empty() || verdict.stage == Stage::kRefused) {
      status.phase = phase(verdict, false);
    }
    return status;
  }
  status.children = recorded(training, seen, verdict);
  status.images = images_of(training, seen.children);
  if (verdict.stage != Stage::kFailed) {
    status.retry = training.spec.retry.value_or(0);  // there is nothing to start again
  }
  status.min_clients = spec::min_clients_of(training.spec);
  const bool starts = verdict.stage != Stage::kHeld && !status.start_time;
  if (starts) {
    status.start_time = seen.now;
    status.spec_sha256 = spec_digest(training.spec);
  }
  set(kQuorumReached, quorum_reached(training, seen, verdict));
  set(kTraining, training_condition(training, seen, verdict));
  set(kSuspended, suspended(training, verdict));
  set(kDegraded, degraded(verdict));
  set(kComplete, complete(verdict));
  set(kFailed, failed(verdict));
  set(kReady, ready(verdict));
  set(kProgressing, progressing(training, verdict));
  set(kStalled, stalled(verdict));
  status.phase = phase(verdict, status.holds(kTraining));
  status.model = verdict.model;
  set_progress(status, training, seen, verdict);
  set_summary(status, training, verdict);
  status.participants.clear();
  for (const auto& participant : training.spec.participants) {
    status.participants.push_back(participant_status(training, participant, seen, verdict));
  }
  if (is_over(verdict)) {
    status.certificate_expiry.reset();
  } else if (const auto expiry = first_expiry(training, seen.children)) {
    status.certificate_expiry = expiry;
  }
  if (is_over(verdict) && !status.completion_time) {
    status.completion_time = seen.now;
  }
  return status;
}

}  // namespace genesis::control
