// The pure half of leader_election.hpp.
#include <utility>

#include "common/k8s/leader_election.hpp"

namespace genesis::k8s {

Status ElectionOptions::check() const {
  if (identity.empty()) {
    return fail(Errc::kInvalidArgument, "leader election: identity: must not be empty");
  }
  if (retry_period <= Milliseconds::zero()) {
    return fail(Errc::kInvalidArgument, "leader election: retryPeriod: must be above 0");
  }
  // 1.2: candidates stretch their waits by up to a fifth.
  if (renew_deadline * 10 <= retry_period * 12) {
    return fail(Errc::kInvalidArgument,
                "leader election: renewDeadline: must be above 1.2 times retryPeriod");
  }
  if (lease_duration <= renew_deadline) {
    return fail(Errc::kInvalidArgument,
                "leader election: leaseDuration: must be above renewDeadline, or two may lead");
  }
  return {};
}

void observe(ElectionState& state, std::optional<LeaseRecord> record, Instant now) {
  if (state.seen != record) {
    state.seen = std::move(record);
    state.seen_at = now;
  }
}

ElectionMove decide(const ElectionState& state, const ElectionOptions& options, Instant now) {
  if (state.led_since) {
    const bool is_lost = state.seen && state.seen->holder != options.identity;
    if (is_lost || now - state.renewed_at >= options.renew_deadline) {
      return ElectionMove::kStepDown;
    }
    return state.seen ? ElectionMove::kRenew : ElectionMove::kCreate;
  }
  if (!state.seen) {
    return ElectionMove::kCreate;
  }
  const bool is_free = state.seen->holder.empty() || state.seen->holder == options.identity;
  const bool has_run_out = now - state.seen_at >= state.seen->duration;
  return is_free || has_run_out ? ElectionMove::kTake : ElectionMove::kWait;
}

}  // namespace genesis::k8s
