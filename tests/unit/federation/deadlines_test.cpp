#include "common/federation/deadlines.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace std::chrono_literals;

TEST_CASE("federation: every wait follows from the deadline of a round", "[federation]") {
  spec::Rounds rounds;
  for (const std::int64_t seconds : {1, 5, 60, 300, 86400}) {
    CAPTURE(seconds);
    rounds.deadline_seconds = seconds;
    const auto waits = federation::deadlines(rounds);
    CHECK(waits.round == std::chrono::seconds(seconds));
    CHECK(waits.patience == waits.round);
    // A client that only polls is heard of several times before it would count as lost.
    CHECK(3 * waits.long_poll <= waits.round);
    CHECK(waits.backoff <= waits.round / 4);
    CHECK(waits.poll > waits.long_poll);
    CHECK(waits.transfer >= waits.round);
    CHECK(waits.drain <= waits.round);
  }
  rounds.deadline_seconds = 300;
  const auto usual = federation::deadlines(rounds);
  CHECK(usual.long_poll == 20s);
  CHECK(usual.poll == 30s);
  CHECK(usual.backoff == 10s);
  CHECK(usual.drain == 10s);
}
