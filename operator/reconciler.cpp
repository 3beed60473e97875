#include "operator/reconciler.hpp"

#include <algorithm>
#include <utility>

#include "common/k8s/timed_api.hpp"
#include "common/secure/paillier_files.hpp"
#include "operator/allowed.hpp"
#include "operator/children.hpp"
#include "operator/plan.hpp"
#include "operator/reasons.hpp"
#include "operator/restart.hpp"
#include "operator/shapes.hpp"

namespace genesis::control {
namespace {

// Until refused changes and name conflicts are looked at again.
constexpr std::chrono::seconds kRetryRefused{10};
// Until a ConfigMap that a pod waits for is looked at again.
constexpr std::chrono::seconds kDataAge{3};
// Until a Secret of a training is looked at again.
constexpr std::chrono::minutes kSecretsAge{5};
// Until what was created is written to the status, if the pass itself had nothing to write.
constexpr std::chrono::seconds kRecordSoon{1};

// How long a report is good for, if the aggregator does not answer. One answer that is late must
// not change any condition.
constexpr std::chrono::seconds kReportAge{10};
// Counters of a training are written once in this time, and this often in a second in all.
constexpr std::chrono::seconds kProgressAge{5};
constexpr int kMostWrites = 20;
// Aggregators that are asked in a second. With more than 200 each is asked less often than every
// two seconds.
constexpr std::size_t kMostPolls = 100;

void add_conflicts(const std::vector<NameConflict>& conflicts, Children& children) {
  for (const auto& conflict : conflicts) {
    Child foreign;
    foreign.is_ours = false;
    foreign.is_impostor = conflict.is_impostor;
    children.of(conflict.resource)[conflict.name] = std::move(foreign);
  }
}

bool has_ended(const TrainingStatus& status) {
  return status.holds(kComplete) || status.holds(kFailed);
}

// One that is to be retried needs all that it needed before.
bool is_over(const Training& training) {
  return has_ended(training.status) && !is_to_be_retried(training) && !is_to_be_extended(training);
}

// Whether the key of encrypted sums may be in a Secret that is not on record.
bool awaits_key(const Training& training) {
  return training.invalid.empty() && needs_key(training.spec) && training.status.start_time &&
         !is_over(training);
}

std::string why_key_unusable(const std::string& secret, const std::string& why) {
  return "Secret " + secret + ": " + why +
         "; the key of the encrypted sums is not replaced, for the sites may have begun with it. "
         "Delete the training and apply it again";
}

// Notes since when the key has been there. The making of one may have taken longer than the
// training may take to start.
void note_key_since(Observed& seen, std::optional<SystemTime>& since) {
  const bool is_made = seen.key != KeyState::kMissing && seen.key != KeyState::kBeingMade;
  if (!is_made && seen.key_problem.empty()) {
    since.reset();
  } else if (!since) {
    since = seen.now;
  }
  seen.key_since = since;
}

// A Job of which this operator has never seen a pod may have had one a moment ago.
void note_pods(Observed& seen, std::map<std::string, SystemTime>& last_pod) {
  for (const auto& [name, job] : seen.children.of(k8s::kJobs)) {
    last_pod.try_emplace(name, seen.now);
    if (seen.children.newest_pod(name) != nullptr) {
      last_pod[name] = seen.now;
    }
  }
  seen.last_pod = last_pod;
}

// Drops what the status has.
void forget_recorded(const TrainingStatus& status, Record& created) {
  if (status.children) {
    std::erase_if(created, [&](const auto& entry) {
      const auto found = status.children->find(entry.first);
      return found != status.children->end() && found->second == entry.second;
    });
  }
}

}  // namespace

Observed Reconciler::observe(const k8s::ObjectKey& key, Memory& memory) {
  Observed seen = world_.observe(key);
  if (!seen.training) {
    return seen;
  }
  if (memory.uid != seen.training->uid) {
    keys_.forget(memory.uid);
    memory = Memory{};  // of a training of the same name that was deleted
    memory.uid = seen.training->uid;
  }
  if (memory.written && world_.version_of(key) != memory.written->over) {
    memory.written.reset();
  }
  if (memory.written) {
    seen.training->status = memory.written->status;
  }
  auto& training = *seen.training;
  forget_recorded(training.status, memory.created);
  training.recorded = training.status.children.value_or(Record());
  for (const auto& [name, uid] : memory.created) {
    training.recorded[name] = uid;
  }
  return seen;
}

boost::asio::awaitable<void> Reconciler::ask_aggregator(Observed& seen,
                                                        Memory& memory,
                                                        k8s::Stopwatch& watch) {
  const auto& training = *seen.training;
  if (has_ended(training.status)) {
    reports_.forget(training.uid);
    memory.report.reset();
    co_return;
  }
  const auto* const pod = seen.children.newest_pod(Names(training.name).aggregator);
  if (pod == nullptr || !pod->is_running || pod->is_deleting || pod->ip.empty()) {
    memory.report.reset();
    co_return;
  }
  // Whatever else has brought this pass about, such as the status that the last one has written.
  if (memory.report && memory.report->pod == pod->name &&
      seen.now < memory.report->at + std::max(settings_.poll, poll())) {
    seen.report = memory.report->report;
    co_return;
  }
  auto asked = reports_.ask(training, pod->ip);
  auto report = co_await watch.excluding(std::move(asked));
  if (report) {
    seen.report = std::move(*report);
    memory.report = Reported{*seen.report, pod->name, seen.now};
    co_return;
  }
  seen.report_error = report.error().message;
  if (memory.report && memory.report->pod == pod->name &&
      seen.now <= memory.report->at + kReportAge + poll()) {
    seen.report = memory.report->report;
  }
}

boost::asio::awaitable<Status> Reconciler::look_at_secrets(Observed& seen,
                                                           Memory& memory,
                                                           k8s::Api& api) {
  const auto& training = *seen.training;
  if (training.is_deleting) {
    co_return Status();
  }
  const bool is_kept = is_over(training) && !training.spec.ttl_seconds_after_finished;
  const std::string prefix = record_key(k8s::kSecrets.kind, "");
  std::map<std::string, std::string> names;  // and uids, by the record
  for (const auto& [child, uid] : training.recorded) {
    if (child.starts_with(prefix)) {
      names.emplace(child.substr(prefix.size()), uid);
    }
  }
  if (awaits_key(training)) {  // one that was stored and not recorded saves making another
    names.emplace(Names(training.name).paillier, "");
  }
  for (const auto& [name, uid] : names) {
    if (is_kept) {  // nothing will be done with it any more
      Child assumed;
      assumed.uid = uid;
      seen.children.of(k8s::kSecrets)[name] = std::move(assumed);
      continue;
    }
    auto look = memory.secrets.find(name);
    const bool is_known = look != memory.secrets.end();
    const bool is_well = is_known && look->second.found && look->second.found->uid == uid;
    const SystemTime::duration age = is_well ? kSecretsAge : kRetryRefused;
    if (!is_known || look->second.at + age <= seen.now) {
      k8s::ObjectKey key(training.ns, name);
      const auto secret = co_await api.get(k8s::kSecrets, std::move(key));
      Look now;
      now.at = seen.now;
      if (secret) {
        now.found = child_from(k8s::kSecrets, *secret, training.uid);
      } else if (secret.error().code != Errc::kNotFound) {
        co_return tl::unexpected(secret.error());
      }
      look = memory.secrets.insert_or_assign(name, std::move(now)).first;
    }
    if (look->second.found) {
      seen.children.of(k8s::kSecrets)[name] = *look->second.found;
    }
  }
  co_return Status();
}

boost::asio::awaitable<Status> Reconciler::look_at_authority(Observed& seen,
                                                             Memory& memory,
                                                             k8s::Api& api) {
  const Training training = *seen.training;
  const auto& tls = training.spec.security.tls;
  if (!tls || !training.status.start_time || training.is_deleting || is_over(training)) {
    co_return Status();
  }
  if (!memory.authority_at || *memory.authority_at + kSecretsAge <= seen.now) {
    k8s::ObjectKey key(training.ns, tls->secret_name);
    const auto secret = co_await api.get(k8s::kSecrets, std::move(key));
    if (!secret && secret.error().code != Errc::kNotFound) {
      co_return tl::unexpected(secret.error().within("spec.security.tls"));
    }
    memory.authority_at = seen.now;
    memory.authority = secret ? secret_text(*secret, "tls.crt").value_or("") : "";
  }
  seen.user_authority = memory.authority;
  co_return Status();
}

boost::asio::awaitable<Status> Reconciler::look_at_key(Observed& seen,
                                                       Memory& memory,
                                                       k8s::Api& api) {
  const auto& training = *seen.training;
  if (!needs_key(training.spec) || training.is_deleting || is_over(training)) {
    keys_.forget(training.uid);
    co_return Status();
  }
  const std::string name = Names(training.name).paillier;
  const auto* const child = seen.children.find(k8s::kSecrets, name);
  if (child == nullptr) {
    memory.key_problem.reset();
    if (const auto* const made = keys_.made(training.uid)) {
      seen.key = *made ? KeyState::kMade : KeyState::kMissing;
      seen.key_problem =
          *made ? "" : "the key of the encrypted sums cannot be made: " + made->error().message;
    } else if (keys_.is_making(training.uid)) {
      seen.key = KeyState::kBeingMade;
    }
    co_return Status();
  }
  seen.key = KeyState::kUnchecked;
  if (!child->is_ours) {
    co_return Status();  // which is told of anyway
  }
  if (const auto checked = keys_.checked(training.uid)) {
    memory.key_problem = checked->empty() ? "" : why_key_unusable(name, *checked);
  }
  if (memory.key_problem) {
    keys_.forget(training.uid);
    seen.key_problem = *memory.key_problem;
    seen.key = seen.key_problem.empty() ? KeyState::kUsable : KeyState::kUnchecked;
    co_return Status();
  }
  if (keys_.is_checking(training.uid)) {
    co_return Status();
  }
  k8s::ObjectKey key(training.ns, name);
  const auto secret = co_await api.get(k8s::kSecrets, std::move(key));
  if (!secret) {
    memory.secrets.erase(name);  // it may be gone
    co_return tl::unexpected(secret.error().within("Secret " + name));
  }
  if (auto text = secret_text(*secret, secure::kPaillierKeyFile)) {
    k8s::ObjectKey owner(training.ns, training.name);
    keys_.check(
        owner, training.uid, crypto::Secret(std::move(*text)), least_key_bits(training.spec));
  } else {
    memory.key_problem =
        why_key_unusable(name, std::string("has no key ") + secure::kPaillierKeyFile);
    seen.key_problem = *memory.key_problem;
  }
  co_return Status();
}

boost::asio::awaitable<Status> Reconciler::look_at_references(Observed& seen, k8s::Api& api) const {
  const Training training = *seen.training;
  if (training.status.start_time || training.is_deleting || is_over(training) ||
      !not_allowed(training.spec, settings_).empty()) {
    co_return Status();
  }
  for (const auto& reference : secret_references(training.spec)) {
    k8s::ObjectKey key(training.ns, reference.name);
    const auto secret = co_await api.get(k8s::kSecrets, std::move(key));
    std::string why;
    if (secret) {
      why = why_not_allowed(*secret, reference, training.name);
    } else if (secret.error().code == Errc::kNotFound) {
      why = why_missing(reference, training.name);
    } else {
      co_return tl::unexpected(secret.error().within(reference.field));
    }
    if (!why.empty()) {
      seen.not_allowed.push_back(std::move(why));
    }
  }
  for (const auto& reference : policy_references(training.spec)) {
    k8s::ObjectKey key(training.ns, reference.name);
    const auto config_map = co_await api.get(k8s::kConfigMaps, std::move(key));
    if (!config_map && config_map.error().code != Errc::kNotFound) {
      co_return tl::unexpected(config_map.error().within(reference.field));
    }
    auto why = why_no_policy(config_map ? *config_map : Json(), reference);
    if (!why.empty()) {
      seen.not_allowed.push_back(std::move(why));
    }
  }
  co_return Status();
}

boost::asio::awaitable<Status> Reconciler::look_at_data(Observed& seen,
                                                        Memory& memory,
                                                        k8s::Api& api) {
  const Training training = *seen.training;
  if (!training.status.start_time || training.is_deleting || training.spec.suspend ||
      has_ended(training.status)) {
    co_return Status();
  }
  const auto references = data_references(training.spec);
  for (const auto& reference : references) {
    const auto* const pod =
        seen.children.newest_pod(Names(training.name).worker(reference.participant));
    if (pod == nullptr || pod->phase != "Pending") {
      continue;
    }
    auto look = memory.data.find(reference.name);
    if (look == memory.data.end() || look->second.at + kDataAge <= seen.now) {
      k8s::ObjectKey key(training.ns, reference.name);
      const auto config_map = co_await api.get(k8s::kConfigMaps, std::move(key));
      Look now;
      now.at = seen.now;
      if (config_map) {
        now.found.emplace();
      } else if (config_map.error().code != Errc::kNotFound) {
        co_return tl::unexpected(config_map.error().within(reference.field));
      }
      look = memory.data.insert_or_assign(reference.name, std::move(now)).first;
    }
    if (!look->second.found) {
      seen.missing_data[reference.participant] = why_no_data(reference);
    }
  }
  co_return Status();
}

boost::asio::awaitable<Status> Reconciler::look_at_storage(Observed& seen,
                                                           Memory& memory,
                                                           k8s::Api& api) {
  auto& training = *seen.training;
  const bool has_not_begun = !training.status.start_time && training.spec.suspend;
  if (training.is_deleting || has_not_begun || is_over(training) || !training.invalid.empty()) {
    co_return Status();
  }
  const auto undecided =
      std::ranges::find_if(training.spec.participants, [&](const auto& participant) {
        const auto name = Names(training.name).worker(participant.name);
        return !participant.external && !participant.storage &&
               !training.recorded.contains(record_key(k8s::kJobs.kind, name));
      });
  if (undecided == training.spec.participants.end()) {
    co_return Status();
  }
  if (!memory.has_default_storage) {
    Desired claim = worker_claim(training, *undecided);
    // Another claim of that name would keep the API server from answering.
    claim.object["metadata"]["name"] = "genesis-storage-" + training.uid;
    k8s::WriteOptions options;
    options.dry_run = k8s::DryRun::kYes;
    const auto made = co_await api.create(
        k8s::kPersistentVolumeClaims, std::move(claim.object), std::move(options));
    if (!made && is_retryable(made.error().code)) {
      co_return Status();  // what keeps claims from being made is told of the model's claim
    }
    // A quota that has no room for a claim refuses it here already.
    const Json none;
    const Json& spec = made && made->contains("spec") ? made->at("spec") : none;
    memory.has_default_storage =
        spec.is_object() && !spec.value("storageClassName", std::string()).empty();
  }
  training.has_default_storage = *memory.has_default_storage;
  co_return Status();
}

std::chrono::seconds Reconciler::poll() const {
  return std::chrono::seconds((reporting_.size() + kMostPolls - 1) / kMostPolls);
}

bool Reconciler::may_write_progress(const Memory& memory, SystemTime now) {
  if (writes_.in_second != now) {
    writes_ = {now, 0};
  }
  const bool is_recent = memory.written_at && now < *memory.written_at + kProgressAge;
  return !is_recent && writes_.count < kMostWrites;
}

// Forgets the conflicts that somebody has resolved.
boost::asio::awaitable<Status> Reconciler::recheck_conflicts(Training training,
                                                             Executor& executor,
                                                             Memory& memory) {
  std::vector<NameConflict> remaining;
  for (std::size_t i = 0; i < memory.conflicts.size(); ++i) {
    const auto& conflict = memory.conflicts[i];
    const auto foreign = co_await executor.find_foreign(training, conflict.resource, conflict.name);
    if (!foreign) {
      co_return tl::unexpected(foreign.error());
    }
    if (*foreign) {
      remaining.push_back(**foreign);
    }
  }
  memory.conflicts = std::move(remaining);
  co_return Status();
}

// Adds what went wrong to what the next plan is made from. `before` is the error that ended the
// changes of the pass before this one.
void Reconciler::learn(const Outcome& outcome,
                       const Executor& executor,
                       const std::optional<TransientError>& before,
                       Observed& seen,
                       Memory& memory) {
  seen.refusals.insert(seen.refusals.end(), outcome.refusals.begin(), outcome.refusals.end());
  memory.conflicts.insert(
      memory.conflicts.end(), outcome.conflicts.begin(), outcome.conflicts.end());
  add_conflicts(outcome.conflicts, seen.children);
  for (const auto& [name, uid] : executor.created()) {
    memory.created[name] = uid;
    seen.training->recorded[name] = uid;
  }
  for (const auto& [name, secret] : executor.secrets()) {
    seen.children.of(k8s::kSecrets)[name] = secret;
    memory.secrets[name] = Look{secret, seen.now};
  }
  for (const auto& name : outcome.deleted_secrets) {
    memory.secrets[name] = Look{std::nullopt, seen.now};
  }
  if (outcome.transient_error) {
    memory.transient_error =
        TransientError{outcome.transient_error->message, before ? before->since : seen.now};
    seen.transient_error = memory.transient_error;
  }
  if (outcome.written) {
    memory.written = outcome.written;
    memory.written_at = seen.now;
  }
}

boost::asio::awaitable<Result<k8s::Reconciled>> Reconciler::reconcile(k8s::ObjectKey key) {
  k8s::Stopwatch watch;
  auto done = co_await pass(std::move(key), watch);
  if (on_pass_) {
    on_pass_(watch.elapsed());
  }
  co_return done;
}

boost::asio::awaitable<Result<k8s::Reconciled>> Reconciler::pass(k8s::ObjectKey key,
                                                                 k8s::Stopwatch& watch) {
  k8s::TimedApi api(api_, watch);
  Memory& memory = memory_[key];
  Observed seen = observe(key, memory);
  Executor executor(api, entropy_, events_, world_, origin_, keys_, seen.now);
  if (!seen.training || is_managed_elsewhere(*seen.training)) {
    reports_.forget(memory.uid);
    keys_.forget(memory.uid);
    memory_.erase(key);
    reporting_.erase(key);
    co_return k8s::Reconciled{};
  }
  if (!memory.conflicts.empty()) {
    const Status checked = co_await recheck_conflicts(*seen.training, executor, memory);
    if (!checked) {
      co_return tl::unexpected(checked.error());
    }
    seen = observe(key, memory);
  }
  Status looked = co_await look_at_references(seen, api);
  if (looked) {
    looked = co_await look_at_secrets(seen, memory, api);
  }
  if (looked) {
    looked = co_await look_at_authority(seen, memory, api);
  }
  if (looked) {
    looked = co_await look_at_data(seen, memory, api);
  }
  if (!looked) {
    co_return tl::unexpected(looked.error());
  }
  settle(origin_, *seen.training, seen.children);
  looked = co_await look_at_key(seen, memory, api);
  note_key_since(seen, memory.key_since);
  if (looked) {
    looked = co_await look_at_storage(seen, memory, api);
  }
  if (!looked) {
    co_return tl::unexpected(looked.error());
  }
  note_pods(seen, memory.last_pod);
  add_conflicts(memory.conflicts, seen.children);
  co_await ask_aggregator(seen, memory, watch);
  if (memory.report) {
    reporting_.insert(key);
  } else {
    reporting_.erase(key);
  }
  seen.poll = poll();
  seen.may_write_progress = may_write_progress(memory, seen.now);
  const auto before = std::exchange(memory.transient_error, std::nullopt);
  // A change that fails was not foreseen by its plan: a new one reports it, and asks for what is
  // still to be done. This ends, for each change is attempted once.
  Plan made;
  std::optional<Error> transient_error;
  bool is_as_planned = false;
  while (!is_as_planned) {
    made = plan(seen, settings_);
    // Before it is written: other passes decide meanwhile whether they may.
    writes_.count += static_cast<int>(std::ranges::count_if(made.actions, [](const Action& action) {
      return std::holds_alternative<PatchStatus>(action);
    }));
    const auto outcome = co_await executor.execute(*seen.training, std::move(made.actions));
    if (!outcome) {
      co_return tl::unexpected(outcome.error());
    }
    learn(*outcome, executor, before, seen, memory);
    if (outcome->transient_error) {
      transient_error = outcome->transient_error;
    }
    is_as_planned = outcome->is_as_planned();
  }
  if (transient_error) {
    co_return tl::unexpected(*transient_error);  // the back-off is shorter than what is planned
  }
  k8s::Reconciled done;
  if (made.requeue_after) {
    done.requeue_after = *made.requeue_after;
  }
  if (memory.written) {
    forget_recorded(memory.written->status, memory.created);
  }
  if (!memory.created.empty()) {  // a later pass records it
    done.requeue_after =
        std::min<Milliseconds>(done.requeue_after.value_or(kRecordSoon), kRecordSoon);
  }
  if (!seen.missing_data.empty()) {
    done.requeue_after = std::min<Milliseconds>(done.requeue_after.value_or(kDataAge), kDataAge);
  }
  const bool has_foreign_secret = std::ranges::any_of(
      seen.children.of(k8s::kSecrets), [](const auto& entry) { return !entry.second.is_ours; });
  if (!seen.refusals.empty() || !seen.not_allowed.empty() || !memory.conflicts.empty() ||
      has_foreign_secret) {
    done.requeue_after =
        std::min<Milliseconds>(done.requeue_after.value_or(kRetryRefused), kRetryRefused);
  }
  co_return done;
}

}  // namespace genesis::control
