#pragma once
// Every wait of a training, from the one deadline in its spec: rounds.deadlineSeconds, here D.
// docs/protocol.md tells the same. Pure.
#include "common/base/clock.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::federation {

struct Deadlines {
  Milliseconds round;      // D: of the summaries and of every attempt at a round; silence for as
                           // long makes a client lost (rounds::Config)
  Milliseconds long_poll;  // D/4, at most 20 s: that GET /v1/task waits for news
  Milliseconds poll;  // long_poll and the smaller of D and 10 s: of such a request, answer and all
  Milliseconds transfer;  // D, at least 10 s: of any other request
  Milliseconds patience;  // D: a client tries for so long what can be tried again
  Milliseconds backoff;   // D/4, at most 10 s: the longest pause between two tries
  Milliseconds drain;     // D, at most 10 s: that a training that is over waits for its clients
  Milliseconds reclaim;   // twice the back-off: that a server that was started again keeps a name
                          // for the process that took part under it before
};

[[nodiscard]] Deadlines deadlines(const spec::Rounds& rounds);

}  // namespace genesis::federation
