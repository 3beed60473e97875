#include "operator/judge.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "common/base/exit_code.hpp"
#include "common/base/text.hpp"
#include "common/crypto/digest.hpp"
#include "common/k8s/json_text.hpp"
#include "common/spec/parse.hpp"
#include "operator/children.hpp"
#include "operator/naming.hpp"
#include "operator/reasons.hpp"

namespace genesis::control {
namespace {

// One training, looked at; each member function answers one question.
class Judge {
 public:
  Judge(const Training& training, const Observed& seen, const Settings& settings)
      : training_(training), seen_(seen), settings_(settings), names_(training.name) {}

  Verdict judge() {
    if (!training_.invalid.empty()) {
      verdict_.stage = Stage::kInvalid;
      add(reason::kInvalidSpec, training_.invalid);
      return verdict_;
    }
    verdict_.stage = stage();
    if (verdict_.stage != Stage::kComplete && verdict_.stage != Stage::kFailed) {
      add_refusals();
      if (verdict_.stage == Stage::kTraining || verdict_.stage == Stage::kGenerating) {
        add_problems_of_pods();
      }
      if (verdict_.stage == Stage::kTraining) {
        add_absent_clients();
        add_silence();
      }
    }
    return std::move(verdict_);
  }

 private:
  Stage stage() {
    const auto& status = training_.status;
    verdict_.model = status.model;
    for (const auto type : {kComplete, kFailed}) {
      if (status.holds(type)) {
        verdict_.reason = status.condition(type)->reason;
        verdict_.message = status.condition(type)->message;
        return type == kComplete ? Stage::kComplete : Stage::kFailed;
      }
    }
    if (!status.start_time && training_.spec.suspend) {
      return Stage::kHeld;
    }
    if (is_trained()) {
      read_outcome();
      return after_training();
    }
    if (has_failed()) {
      return Stage::kFailed;
    }
    if (training_.spec.suspend) {
      return has_pods() ? Stage::kSuspending : Stage::kSuspended;
    }
    return is_too_late() ? Stage::kFailed : Stage::kTraining;
  }

  const Job* job(const std::string& name) const {
    const auto found = seen_.children.jobs.find(name);
    return found == seen_.children.jobs.end() || !found->second.object.is_ours ? nullptr
                                                                               : &found->second;
  }

  bool is_trained() const {
    const auto* const aggregator = job(names_.aggregator);
    const auto* const pod = newest_pod(seen_.children, names_.aggregator);
    const auto* const before = training_.status.condition(kTraining);
    const bool is_pod_over = pod == nullptr || !pod->is_running;  // news of Job and pod come apart
    return (aggregator != nullptr && aggregator->is_complete && is_pod_over) ||
           (before != nullptr && before->reason == reason::kTrainingFinished);
  }

  // What the aggregator wrote at its end. Its pod may be gone; then what was known stays.
  void read_outcome() {
    ModelStatus& model = verdict_.model ? *verdict_.model : verdict_.model.emplace();
    model.path = names_.model + ":/model.safetensors";
    const auto* const pod = newest_pod(seen_.children, names_.aggregator);
    const Json outcome = pod != nullptr && pod->last
                             ? Json::parse(pod->last->message, nullptr, false)
                             : Json::object();
    if (const auto digest = k8s::text_field(outcome, "modelSha256"); !digest.empty()) {
      model.sha256 = digest;
    }
    if (const auto bytes = k8s::integer_field(outcome, "modelBytes"); bytes > 0) {
      model.bytes = bytes;
    }
    const Json sites = outcome.is_object() ? outcome.value("clients", Json()) : Json();
    for (const auto& participant : training_.spec.participants) {
      if (sites.is_object() && sites.contains(participant.name)) {
        const Json& site = sites.at(participant.name);
        verdict_.sites[participant.name] = {k8s::integer_field(site, "rows"),
                                            k8s::integer_field(site, "lastRound")};
      }
    }
  }

  Stage after_training() {
    const auto rows = training_.spec.output.rows;
    if (rows == 0) {
      verdict_.reason = reason::kModelReady;
      verdict_.message = "the model is in " + verdict_.model->path;
      return Stage::kComplete;
    }
    const auto* const generate = job(names_.generate);
    if (generate != nullptr && generate->is_complete) {
      verdict_.reason = reason::kRowsReady;
      verdict_.message = "the model is in " + verdict_.model->path + ", " + std::to_string(rows) +
                         " synthetic rows in " + names_.model + ":/synthetic.csv";
      return Stage::kComplete;
    }
    if (generate != nullptr && generate->is_failed) {
      return fail(reason::kGenerateFailed,
                  "the model is there, but no rows could be made of it: " +
                      words_of(*generate, names_.generate));
    }
    return is_too_late() ? Stage::kFailed : Stage::kGenerating;
  }

  Stage fail(std::string_view reason, std::string_view message) {
    verdict_.reason = reason;
    verdict_.message = printable(message, kLongestSentence);
    return Stage::kFailed;
  }

  std::string words_of(const Job& job, const std::string& name) const {
    const auto* const pod = newest_pod(seen_.children, name);
    std::string words = pod != nullptr && pod->last ? last_words(*pod->last) : std::string();
    return words.empty() ? job.message : words;
  }

  bool has_failed() {
    if (seen_.report && seen_.report->phase == wire::Phase::kFailed) {
      fail(reason::kTrainingFailed, seen_.report->reason);
      return true;
    }
    if (const auto* const aggregator = job(names_.aggregator);
        aggregator != nullptr && aggregator->is_failed) {
      const auto* const pod = newest_pod(seen_.children, names_.aggregator);
      const bool for_good =
          pod != nullptr && pod->last && pod->last->exit_code == kExitPermanentError;
      fail(for_good ? reason::kTrainingFailed : reason::kAggregatorFailed,
           words_of(*aggregator, names_.aggregator));
      return true;
    }
    return is_quorum_lost();
  }

  bool is_quorum_lost() {
    const auto& participants = training_.spec.participants;
    const auto needed = training_.spec.rounds.min_clients;
    auto left = static_cast<std::int64_t>(participants.size());
    std::string why;
    for (const auto& participant : participants) {
      if (const auto lost = why_lost(training_, participant, seen_.children); !lost.empty()) {
        --left;
        why += (why.empty() ? "" : "; ") + participant.name + ": " + lost;
      }
    }
    if (participants.empty() || left >= needed) {
      return false;
    }
    fail(reason::kQuorumImpossible,
         std::to_string(left) + " of " + std::to_string(participants.size()) +
             " participants can still take part, and rounds.minClients is " +
             std::to_string(needed) + ": " + why);
    return true;
  }

  bool has_pods() const {
    return std::ranges::any_of(seen_.children.pods, [](const Pod& pod) {
      return pod.phase == "Pending" || pod.phase == "Running";
    });
  }

  // From the start, or from the last resumption.
  SystemTime active_since() const {
    const auto start = training_.status.start_time.value_or(seen_.now);
    const auto* const suspended = training_.status.condition(kSuspended);
    const bool was_resumed = suspended != nullptr && suspended->reason == reason::kResumed;
    if (suspended != nullptr && suspended->holds) {
      return seen_.now;  // is being resumed now
    }
    return was_resumed ? std::max(start, suspended->since) : start;
  }

  bool is_past(SystemTime deadline) {
    if (seen_.now >= deadline) {
      return true;
    }
    verdict_.look_again = std::min(verdict_.look_again.value_or(deadline), deadline);
    return false;
  }

  bool is_too_late() {
    const auto& spec = training_.spec;
    if (spec.active_deadline_seconds &&
        is_past(active_since() + std::chrono::seconds(*spec.active_deadline_seconds))) {
      fail(reason::kDeadlineExceeded,
           "not done within activeDeadlineSeconds, " +
               std::to_string(*spec.active_deadline_seconds));
      return true;
    }
    // Once it runs, the aggregator watches over the start itself, and over every round.
    const auto* const pod = newest_pod(seen_.children, names_.aggregator);
    if (is_trained() || training_.status.holds(kQuorumReached) || seen_.report ||
        (pod != nullptr && (pod->is_running || pod->last))) {
      return false;
    }
    if (is_past(active_since() + std::chrono::seconds(spec.rounds.start_deadline_seconds))) {
      fail(reason::kStartDeadlineExceeded,
           "the aggregator did not start within rounds.startDeadlineSeconds, " +
               std::to_string(spec.rounds.start_deadline_seconds));
      return true;
    }
    return false;
  }

  void add(std::string_view reason, std::string_view message) {
    verdict_.problems.push_back({reason, printable(message, kLongestSentence)});
  }

  void add_foreign(const char* kind, const std::string& name, const Child& child) {
    if (!child.is_ours) {
      add(reason::kForeignObject,
          std::string(kind) + " " + name +
              " is there already and belongs to something else; delete it, or rename the training");
    }
  }

  void add_refusals() {
    const auto& children = seen_.children;
    for (const auto& [name, child] : children.secrets) add_foreign("Secret", name, child);
    for (const auto& [name, child] : children.config_maps) add_foreign("ConfigMap", name, child);
    for (const auto& [name, child] : children.volume_claims) {
      add_foreign("PersistentVolumeClaim", name, child);
    }
    for (const auto& [name, child] : children.network_policies) {
      add_foreign("NetworkPolicy", name, child);
    }
    for (const auto& [name, child] : children.services) add_foreign("Service", name, child.object);
    for (const auto& [name, child] : children.jobs) add_foreign("Job", name, child.object);
    for (const auto& refusal : seen_.refusals) {
      add(reason::kApplyFailed, refusal);
    }
    if (seen_.hindrance && is_past(seen_.hindrance->since + settings_.api_patience)) {
      add(reason::kApplyFailed, seen_.hindrance->what);
    }
    const auto& started_with = training_.status.spec_sha256;
    if (!started_with.empty() && started_with != spec_digest(training_.spec)) {
      add(reason::kSpecChanged,
          "the spec has changed since the start; the training goes on with the one that it "
          "started with");
    }
  }

  void add_problems_of_pods() {
    if (verdict_.stage == Stage::kTraining) {
      for (const auto& participant : training_.spec.participants) {
        if (!participant.external) {
          add_problem_of(names_.worker(participant.name), "participant " + participant.name);
        }
      }
      add_problem_of(names_.aggregator, "the aggregator");
    } else {
      add_problem_of(names_.generate, "the generating job");
    }
  }

  void add_problem_of(const std::string& name, const std::string& who) {
    const auto* const owner = job(name);
    if (owner == nullptr || owner->is_complete || owner->suspend) {
      return;
    }
    const auto* const pod = newest_pod(seen_.children, name);
    if (pod == nullptr) {
      if (is_past(std::max(owner->created, active_since()) + settings_.pod_patience)) {
        add(reason::kPodMissing,
            who + " has no pod; `kubectl describe job " + name + "` says why, such as a quota");
      }
      return;
    }
    const bool ended_badly = pod->last && pod->last->exit_code != 0;
    const bool is_aggregator = name == names_.aggregator;
    if (owner->is_failed ||
        (ended_badly && !(is_aggregator && seen_.report) && !(pod->is_running && is_aggregator))) {
      add_bad_end(who, *owner, name, *pod, is_aggregator);
    } else if (!pod->unschedulable.empty()) {
      add(reason::kPodUnschedulable, who + ": " + pod->unschedulable);
    } else if (is_stuck(*pod)) {
      add(reason::kPodNotStarting,
          who + ": " + pod->waiting_reason +
              (pod->waiting_message.empty() ? "" : ": " + pod->waiting_message));
    }
  }

  void add_bad_end(const std::string& who,
                   const Job& owner,
                   const std::string& name,
                   const Pod& pod,
                   bool is_aggregator) {
    // A worker that has joined again after a crash is well.
    if (!is_aggregator && !owner.is_failed && pod.is_running && has_joined(name)) {
      return;
    }
    const std::string words = pod.last ? last_words(*pod.last) : owner.message;
    const std::string code = pod.last ? "exit code " + std::to_string(pod.last->exit_code) : "";
    add(is_aggregator ? reason::kAggregatorRestarting : reason::kParticipantFailed,
        who + ": " + (words.empty() ? code : words));
  }

  bool has_joined(const std::string& worker) const {
    return seen_.report && std::ranges::any_of(seen_.report->clients, [&](const auto& client) {
             return names_.worker(client.id) == worker && is_joined(client);
           });
  }

  // Their pods may look well: a frozen process, a cut link, updates that are refused.
  void add_absent_clients() {
    if (!seen_.report) {
      return;
    }
    for (const auto& client : seen_.report->clients) {
      if (!is_joined(client) || client.state == "set-aside") {
        add(reason::kParticipantAbsent,
            "participant " + client.id + " is " + client.state + ": " + client.reason);
      }
    }
  }

  // Reasons that a person has to look at; ContainerCreating is one after a while.
  bool is_stuck(const Pod& pod) {
    constexpr std::array<std::string_view, 6> kBad = {"ErrImagePull",
                                                      "ImagePullBackOff",
                                                      "InvalidImageName",
                                                      "CreateContainerConfigError",
                                                      "CreateContainerError",
                                                      "RunContainerError"};
    if (std::ranges::find(kBad, pod.waiting_reason) != kBad.end()) {
      return true;
    }
    constexpr int kLongPull = 4;  // images take their time
    return pod.waiting_reason == "ContainerCreating" &&
           is_past(pod.created + kLongPull * settings_.pod_patience);
  }

  void add_silence() {
    const auto* const pod = newest_pod(seen_.children, names_.aggregator);
    if (pod != nullptr && pod->is_running && !seen_.report && !seen_.report_error.empty() &&
        is_past(pod->created + settings_.pod_patience)) {
      add(reason::kAggregatorUnreachable, seen_.report_error);
    }
  }

  const Training& training_;
  const Observed& seen_;
  const Settings& settings_;
  Names names_;
  Verdict verdict_;
};

}  // namespace

Verdict judge(const Training& training, const Observed& seen, const Settings& settings) {
  return Judge(training, seen, settings).judge();
}

bool is_joined(const wire::ClientReport& client) {
  return client.state != "dropped" && client.state != "lost";
}

const Pod* newest_pod(const Children& children, std::string_view job) {
  const Pod* newest = nullptr;
  for (const auto& pod : children.pods) {
    if (pod.job == job) {
      newest = &pod;
    }
  }
  return newest;
}

std::string why_lost(const Training& training,
                     const spec::Participant& participant,
                     const Children& children) {
  const std::string name = Names(training.name).worker(participant.name);
  const auto job = children.jobs.find(name);
  if (participant.external || job == children.jobs.end() || !job->second.object.is_ours) {
    return "";
  }
  const auto* const pod = newest_pod(children, name);
  const bool for_good = pod != nullptr && !pod->is_running && pod->last &&
                        pod->last->exit_code == kExitPermanentError;
  if (!job->second.is_failed && !for_good) {
    return "";
  }
  const std::string words = pod != nullptr && pod->last ? last_words(*pod->last) : "";
  return words.empty() ? job->second.message : words;
}

std::string last_words(const Termination& termination) {
  constexpr std::size_t kLongest = 500;
  std::string_view text = termination.message;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  const auto line = text.rfind('\n');
  std::string words(line == std::string_view::npos ? text : text.substr(line + 1));
  if (words.empty()) {
    words = termination.reason == "Error" ? "" : termination.reason;
  }
  words = printable(words, kLongest);
  // A log may hold any bytes, a status only UTF-8.
  return Json::parse(Json(words).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

std::string spec_digest(const spec::FederatedTraining& spec) {
  spec::FederatedTraining fixed = spec;
  fixed.suspend = false;
  fixed.active_deadline_seconds.reset();
  fixed.ttl_seconds_after_finished.reset();
  return crypto::sha256_hex(spec::print_json(fixed));
}

}  // namespace genesis::control
