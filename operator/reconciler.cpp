#include "operator/reconciler.hpp"

#include <algorithm>
#include <utility>

#include "common/k8s/timed_api.hpp"
#include "operator/children.hpp"
#include "operator/plan.hpp"
#include "operator/reasons.hpp"

namespace genesis::control {
namespace {

// Until refused changes and name conflicts are looked at again.
constexpr std::chrono::seconds kRetryRefused{10};

void add_conflicts(const std::vector<NameConflict>& conflicts, Children& children) {
  Child foreign;
  foreign.is_ours = false;
  for (const auto& conflict : conflicts) {
    children.of(conflict.resource)[conflict.name] = foreign;
  }
}

bool is_over(const TrainingStatus& status) {
  return status.holds(kComplete) || status.holds(kFailed);
}

}  // namespace

Observed Reconciler::observe(const k8s::ObjectKey& key, Memory& memory) {
  Observed seen = world_.observe(key);
  if (!seen.training) {
    return seen;
  }
  if (memory.uid != seen.training->uid) {
    memory = Memory{};  // of a training of the same name that was deleted
    memory.uid = seen.training->uid;
  }
  if (memory.written && world_.version_of(key) != memory.written->over) {
    memory.written.reset();
  }
  if (memory.written) {
    seen.training->status = memory.written->status;
  }
  add_conflicts(memory.conflicts, seen.children);
  return seen;
}

boost::asio::awaitable<void> Reconciler::ask_aggregator(Observed& seen, k8s::Stopwatch& watch) {
  const auto& training = *seen.training;
  if (is_over(training.status)) {
    reports_.forget(training.uid);
    co_return;
  }
  const auto* const pod = seen.children.newest_pod(Names(training.name).aggregator);
  if (pod == nullptr || !pod->is_running || pod->is_deleting || pod->ip.empty()) {
    co_return;
  }
  auto asked = reports_.ask(training, pod->ip);
  auto report = co_await watch.excluding(std::move(asked));
  if (report) {
    seen.report = std::move(*report);
  } else {
    seen.report_error = report.error().message;
  }
}

// Forgets the conflicts that somebody has resolved.
boost::asio::awaitable<Status> Reconciler::recheck_conflicts(Training training,
                                                             Executor& executor,
                                                             Memory& memory) {
  std::vector<NameConflict> remaining;
  for (std::size_t i = 0; i < memory.conflicts.size(); ++i) {
    const auto foreign = co_await executor.is_foreign(training, memory.conflicts[i]);
    if (!foreign) {
      co_return tl::unexpected(foreign.error());
    }
    if (*foreign) {
      remaining.push_back(memory.conflicts[i]);
    }
  }
  memory.conflicts = std::move(remaining);
  co_return Status();
}

// Adds what went wrong to what the next plan is made from. `before` is the error that ended the
// changes of the pass before this one.
void Reconciler::learn(const Outcome& outcome,
                       const std::optional<TransientError>& before,
                       Observed& seen,
                       Memory& memory) {
  seen.refusals.insert(seen.refusals.end(), outcome.refusals.begin(), outcome.refusals.end());
  memory.conflicts.insert(
      memory.conflicts.end(), outcome.conflicts.begin(), outcome.conflicts.end());
  add_conflicts(outcome.conflicts, seen.children);
  if (outcome.transient_error) {
    memory.transient_error =
        TransientError{outcome.transient_error->message, before ? before->since : seen.now};
    seen.transient_error = memory.transient_error;
  }
  if (outcome.written) {
    memory.written = outcome.written;
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
  Executor executor(api, entropy_, events_, world_);
  Memory& memory = memory_[key];
  Observed seen = observe(key, memory);
  if (!seen.training) {
    reports_.forget(memory.uid);
    memory_.erase(key);
    co_return k8s::Reconciled{};
  }
  if (!memory.conflicts.empty()) {
    const Status checked = co_await recheck_conflicts(*seen.training, executor, memory);
    if (!checked) {
      co_return tl::unexpected(checked.error());
    }
    seen = observe(key, memory);
  }
  co_await ask_aggregator(seen, watch);
  const auto before = std::exchange(memory.transient_error, std::nullopt);
  // A change that fails was not foreseen by its plan: a new one reports it, and asks for what is
  // still to be done. This ends, for each change is attempted once.
  Plan made;
  std::optional<Error> transient_error;
  bool is_as_planned = false;
  while (!is_as_planned) {
    made = plan(seen, settings_);
    const auto outcome = co_await executor.execute(*seen.training, std::move(made.actions));
    if (!outcome) {
      co_return tl::unexpected(outcome.error());
    }
    learn(*outcome, before, seen, memory);
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
  if (!seen.refusals.empty() || !memory.conflicts.empty()) {
    done.requeue_after =
        std::min<Milliseconds>(done.requeue_after.value_or(kRetryRefused), kRetryRefused);
  }
  co_return done;
}

}  // namespace genesis::control
