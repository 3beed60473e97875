#include "common/http/backoff.hpp"

#include <set>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace std::chrono_literals;

TEST_CASE("http: waits double up to the ceiling and keep their random half", "[http]") {
  Rng rng(1, RoundId{0}, "site-a", "backoff");
  const http::BackoffPolicy policy{.first = 200ms, .ceiling = 1'000ms};
  const Milliseconds ceilings[] = {200ms, 400ms, 800ms, 1'000ms, 1'000ms};
  for (unsigned attempt = 0; attempt < 5; ++attempt) {
    for (int i = 0; i < 200; ++i) {
      const Milliseconds wait = http::backoff(attempt, rng, policy);
      CHECK(wait >= ceilings[attempt] / 2);
      CHECK(wait <= ceilings[attempt]);
    }
  }
}

TEST_CASE("http: two clients that failed together do not come back together", "[http]") {
  Rng a(1, RoundId{0}, "site-a", "backoff");
  Rng b(1, RoundId{0}, "site-b", "backoff");
  std::set<std::int64_t> waits;
  for (unsigned attempt = 4; attempt < 8; ++attempt) {
    waits.insert(http::backoff(attempt, a).count());
    waits.insert(http::backoff(attempt, b).count());
  }
  CHECK(waits.size() > 6);
}

TEST_CASE("http: no attempt number and no policy overflows", "[http]") {
  Rng rng(1, RoundId{0}, "", "backoff");
  CHECK(http::backoff(4'000'000'000U, rng) <= 10'000ms);
  CHECK(http::backoff(3, rng, {.first = 0ms, .ceiling = 0ms}) == 0ms);
  CHECK(http::backoff(3, rng, {.first = 500ms, .ceiling = 100ms}) <= 100ms);
}
