#include "aggregator/presence.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::aggregator;
using namespace std::chrono_literals;

TEST_CASE("aggregator: a process is gone once its end of the connection is closed",
          "[aggregator]") {
  const auto a = *ClientId::parse("a");
  Presence presence(Instant{}, 20s);
  const auto connection =
      std::make_shared<std::atomic<http::ConnectionState>>(http::ConnectionState::kOpen);
  presence.seen(a, connection);
  CHECK_FALSE(presence.is_gone(a, Instant{} + 1h));
  *connection = http::ConnectionState::kClosedByServer;  // for idleness: the process may live
  CHECK_FALSE(presence.is_gone(a, Instant{} + 1h));
  *connection = http::ConnectionState::kClosedByPeer;
  CHECK(presence.is_gone(a, Instant{}));
  presence.seen(a,
                std::make_shared<std::atomic<http::ConnectionState>>(http::ConnectionState::kOpen));
  CHECK_FALSE(presence.is_gone(a, Instant{}));
}

TEST_CASE("aggregator: a server that was started again waits for who took part before",
          "[aggregator]") {
  const auto a = *ClientId::parse("a");
  const Presence presence(Instant{} + 5s, 20s);
  CHECK_FALSE(presence.is_gone(a, Instant{} + 24s));
  CHECK(presence.is_gone(a, Instant{} + 25s));
}
