#include "aggregator/watchers.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::aggregator;
using namespace std::chrono_literals;

namespace {

auto connect() {
  return std::make_shared<std::atomic<http::ConnectionState>>(http::ConnectionState::kOpen);
}

}  // namespace

TEST_CASE("aggregator: a training that is over waits until all who watch it have heard",
          "[aggregator]") {
  const Instant over = Instant{} + 1h;
  const auto one = connect();
  const auto other = connect();
  Watchers watchers;
  CHECK_FALSE(watchers.is_awaited(over, over));
  watchers.told(one, over - 1s);
  watchers.told(other, over - 2s);
  CHECK(watchers.is_awaited(over, over));
  watchers.told_the_end(one);
  CHECK(watchers.is_awaited(over, over + 2s));
  watchers.told_the_end(other);
  CHECK_FALSE(watchers.is_awaited(over, over + 2s));
}

TEST_CASE(
    "aggregator: a training that is over waits for nobody who went or asked once, and not for long",
    "[aggregator]") {
  const Instant over = Instant{} + 1h;
  Watchers watchers;
  watchers.told(connect(), over - 10s);  // asked once
  watchers.told(nullptr, over);
  CHECK_FALSE(watchers.is_awaited(over, over));
  const auto one = connect();
  watchers.told(one, over - 1s);
  CHECK(watchers.is_awaited(over, over + Watchers::kPatience - 1ms));
  CHECK_FALSE(watchers.is_awaited(over, over + Watchers::kPatience));
  *one = http::ConnectionState::kClosedByPeer;
  CHECK_FALSE(watchers.is_awaited(over, over));
}
