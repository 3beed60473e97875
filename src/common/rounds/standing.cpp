#include "common/rounds/standing.hpp"

#include <algorithm>
#include <utility>

namespace genesis::rounds {

std::uint32_t rounds_to_sit_out(std::uint32_t times) {
  constexpr std::uint32_t kMostDoublings = 6;
  return times == 0 ? 0 : 1U << std::min(times - 1, kMostDoublings);
}

void succeed(Standing& standing) {
  standing.failures = 0;
  standing.reason.clear();
}

bool fail_once(Standing& standing, std::string reason, RoundId round, std::uint32_t max_failures) {
  standing.reason = std::move(reason);
  ++standing.failures;
  if (standing.failures < max_failures || standing.is_quarantined()) {
    return false;
  }
  ++standing.times_quarantined;
  standing.returns_in = RoundId{round.value + 1 + rounds_to_sit_out(standing.times_quarantined)};
  return true;
}

bool try_return(Standing& standing, RoundId round, std::uint32_t max_failures) {
  if (!standing.is_quarantined() || round.value + 1 < standing.returns_in.value) {
    return false;
  }
  standing.returns_in = RoundId{0};
  standing.failures = max_failures - 1;
  return true;
}

std::string why_quarantined(const Standing& standing) {
  return std::to_string(standing.failures) +
         (standing.failures == 1 ? " failure" : " failures in a row") +
         ", the last: " + standing.reason + "; may return from round " +
         std::to_string(standing.returns_in.value);
}

std::string why_lost(const Standing& standing) {
  return "silent for " + std::to_string(standing.silence.count()) +
         " s, rounds.deadlineSeconds or more; drawn again once it asks for a task";
}

}  // namespace genesis::rounds
