#include "common/federation/deadlines.hpp"

#include <algorithm>

namespace genesis::federation {

Deadlines deadlines(const spec::Rounds& rounds) {
  using std::chrono::seconds;
  const Milliseconds round = seconds(rounds.deadline_seconds);
  const Milliseconds short_wait = std::min<Milliseconds>(round, seconds(10));
  const Milliseconds long_poll = std::min<Milliseconds>(round / 4, seconds(20));
  const Milliseconds backoff = std::min<Milliseconds>(round / 4, seconds(10));
  return {.round = round,
          .long_poll = long_poll,
          .poll = long_poll + short_wait,
          .transfer = std::max<Milliseconds>(round, seconds(10)),
          .patience = round,
          .backoff = backoff,
          .drain = short_wait,
          .reclaim = 2 * backoff};
}

}  // namespace genesis::federation
