#include "operator/reconciler.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "operator/children.hpp"
#include "operator/judge.hpp"
#include "operator/reasons.hpp"

namespace genesis::control {
namespace {

constexpr std::chrono::seconds kRefusedAgain{10};

void add_foreign(Children& children, const Taken& taken) {
  const Child foreign{.uid = "", .is_ours = false, .is_leaving = false};
  const auto& resource = taken.resource;
  if (resource == k8s::kSecrets) children.secrets[taken.name] = foreign;
  if (resource == k8s::kConfigMaps) children.config_maps[taken.name] = foreign;
  if (resource == k8s::kPersistentVolumeClaims) children.volume_claims[taken.name] = foreign;
  if (resource == k8s::kNetworkPolicies) children.network_policies[taken.name] = foreign;
  if (resource == k8s::kServices) children.services[taken.name].object = foreign;
  if (resource == k8s::kJobs) children.jobs[taken.name].object = foreign;
}

bool is_over(const TrainingStatus& status) {
  return status.holds(kComplete) || status.holds(kFailed);
}

}  // namespace

void Reconciler::remember(const std::optional<Error>& hindrance, SystemTime now, Memory& memory) {
  if (!hindrance) {
    memory.hindrance.reset();
    return;
  }
  const SystemTime since = memory.hindrance ? memory.hindrance->since : now;
  memory.hindrance = Hindrance{hindrance->message, since};
}

Observed Reconciler::observe(const k8s::ObjectKey& key, Memory& memory) const {
  Observed seen = world_.observe(key);
  if (!seen.training) {
    return seen;
  }
  if (memory.uid != seen.training->uid) {
    memory = Memory{};  // another training of the same name
    memory.uid = seen.training->uid;
  }
  if (memory.written && world_.version_of(key) == memory.base_version) {
    seen.training->status = *memory.written;
  } else {
    memory.written.reset();
  }
  seen.refusals = memory.refusals;
  for (const auto& taken : memory.taken) {
    add_foreign(seen.children, taken);
  }
  return seen;
}

boost::asio::awaitable<void> Reconciler::ask_aggregator(Observed& seen, Stopwatch& watch) {
  const auto& training = *seen.training;
  const auto* const pod = newest_pod(seen.children, Names(training.name).aggregator);
  if (is_over(training.status)) {
    reports_.forget(training.uid);
    co_return;
  }
  if (pod == nullptr || !pod->is_running || pod->is_leaving || pod->ip.empty()) {
    co_return;
  }
  watch.pause();
  auto report = co_await reports_.ask(training, pod->ip);
  watch.resume();
  if (report) {
    seen.report = std::move(*report);
  } else {
    seen.report_error = report.error().message;
  }
}

boost::asio::awaitable<Status> Reconciler::look_at_taken(Training training,
                                                         Applier& applier,
                                                         Memory& memory) {
  std::vector<Taken> still;
  for (std::size_t i = 0; i < memory.taken.size(); ++i) {
    auto foreign = co_await applier.is_foreign(training, memory.taken[i]);
    if (!foreign) {
      co_return tl::unexpected(foreign.error());
    }
    if (*foreign) {
      still.push_back(memory.taken[i]);
    }
  }
  memory.taken = std::move(still);
  co_return Status();
}

boost::asio::awaitable<Status> Reconciler::report(
    const k8s::ObjectKey& key, Training training, Plan plan, Applier& applier, Memory& memory) {
  const std::string version = world_.version_of(key);
  for (auto& action : plan.actions) {
    if (auto* const status = std::get_if<PatchStatus>(&action)) {
      TrainingStatus written = status->status;
      auto patched = co_await applier.patch_status(training, written);
      if (!patched && patched.error().code != Errc::kNotFound) {
        co_return tl::unexpected(patched.error());
      }
      if (patched && *patched != version) {
        memory.base_version = version;
        memory.written = std::move(written);
      }
    }
  }
  // Told once the status says it: a pass that failed before would tell it again.
  for (const auto& action : plan.actions) {
    if (const auto* const event = std::get_if<EmitEvent>(&action)) {
      spdlog::info(
          "event training={} reason={} message=\"{}\"", key.str(), event->reason, event->message);
      k8s::Event told;
      told.about = k8s::ObjectReference{k8s::kFederatedTrainings, key, training.uid, version};
      told.type = event->is_warning ? k8s::EventType::kWarning : k8s::EventType::kNormal;
      told.reason = event->reason;
      told.message = event->message;
      events_.record(std::move(told));
    }
  }
  co_return Status();
}

boost::asio::awaitable<Result<k8s::Reconciled>> Reconciler::reconcile(k8s::ObjectKey key) {
  Stopwatch watch;
  auto done = co_await pass(std::move(key), watch);
  if (on_pass_) {
    on_pass_(watch.own());
  }
  co_return done;
}

boost::asio::awaitable<Result<k8s::Reconciled>> Reconciler::pass(k8s::ObjectKey key,
                                                                 Stopwatch& watch) {
  Applier applier(api_, entropy_, watch);
  Memory& memory = memory_[key];
  Observed seen = observe(key, memory);
  if (!seen.training) {
    reports_.forget(memory.uid);
    memory_.erase(key);
    co_return k8s::Reconciled{};
  }
  if (!memory.taken.empty()) {
    const Status looked = co_await look_at_taken(*seen.training, applier, memory);
    if (!looked) {
      co_return tl::unexpected(looked.error());
    }
    seen = observe(key, memory);
  }
  co_await ask_aggregator(seen, watch);
  Plan made = plan(seen, settings_);
  Plan first = made;
  const Applied applied = co_await applier.apply(*seen.training, std::move(first));
  const bool is_news =
      applied.refusals != memory.refusals || !applied.taken.empty() || applied.hindrance;
  memory.refusals = applied.refusals;
  memory.taken.insert(memory.taken.end(), applied.taken.begin(), applied.taken.end());
  remember(applied.hindrance, seen.now, memory);
  if (is_news) {
    seen.refusals = memory.refusals;
    seen.hindrance = memory.hindrance;
    for (const auto& taken : memory.taken) {
      add_foreign(seen.children, taken);
    }
    made = plan(seen, settings_);
  }
  k8s::Reconciled done;
  if (made.requeue_after) {
    done.requeue_after = *made.requeue_after;
  }
  if (!memory.refusals.empty() || !memory.taken.empty()) {
    done.requeue_after =
        std::min<Milliseconds>(done.requeue_after.value_or(kRefusedAgain), kRefusedAgain);
  }
  const Status reported = co_await report(key, *seen.training, std::move(made), applier, memory);
  if (applied.hindrance) {
    co_return tl::unexpected(*applied.hindrance);  // is tried again sooner than anything planned
  }
  if (!reported) {
    co_return tl::unexpected(reported.error());
  }
  co_return done;
}

}  // namespace genesis::control
