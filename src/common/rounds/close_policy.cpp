#include "common/rounds/close_policy.hpp"

#include <algorithm>
#include <cmath>

namespace genesis::rounds {
namespace {

std::size_t share(double fraction, std::size_t of) {
  return static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(of)));
}

}  // namespace

Verdict judge(const ClosePolicy& policy, const Progress& progress) {
  const bool has_quorum = progress.reported >= policy.quorum;
  if (has_quorum && progress.reported >= policy.needed) {
    return Verdict::kCloseComplete;
  }
  if (has_quorum && progress.awaited == 0 && !policy.waits_for_all) {
    return Verdict::kCloseNobodyLeft;
  }
  if (!progress.is_due) {
    return Verdict::kOpen;
  }
  if (has_quorum) {
    return Verdict::kCloseAtDeadline;
  }
  return progress.attempt <= policy.retries ? Verdict::kRetry : Verdict::kFail;
}

std::size_t needed_of(double fraction, std::size_t available, std::size_t quorum) {
  return std::max(share(fraction, available), quorum);
}

std::size_t drawn_for(std::size_t needed, double over_selection) {
  return needed + share(over_selection, needed);
}

}  // namespace genesis::rounds
