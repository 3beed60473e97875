#include "common/rounds/view.hpp"
#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;

namespace {

Config config_of(std::size_t min_clients, std::size_t expected) {
  Config config;
  config.min_clients = min_clients;
  config.max_clients = 10;
  config.expected_clients = expected;
  return config;
}

ClientEvicted evicted(const char* client) {
  return {id(client)};
}

RestartCollection restarts(std::uint32_t round) {
  return {of_round(round)};
}

}  // namespace

TEST_CASE("rounds: a round goes on at once without a client that is evicted", "[rounds]") {
  Script script(config_of(2, 3));
  script.start_with({"a", "b", "c"})
      .on(update("a", 1), {folded("a")})
      .on(update("b", 1), {folded("b")})
      .on(evicted("c"), {EvictClient{id("c")}, Advance{}, opens(2)});
  CHECK_FALSE(script.is_drawn("c"));
  CHECK(view(script.state(), id("c")).state == "evicted");
  script.on(evicted("c"))
      .on(asks("c"), {}, refused(Errc::kFailedPrecondition, "client c: join first"));
}

TEST_CASE("rounds: what an evicted client has sent to the open round is not in its sum",
          "[rounds]") {
  Script script(config_of(2, 3));
  script.start_with({"a", "b", "c"})
      .on(update("a", 1), {folded("a")})
      .on(update("c", 1), {folded("c")})
      .on(evicted("c"), {EvictClient{id("c")}, restarts(1)});
  CHECK(std::get<Contribute>(script.todo("a")).collection == of_round(1));
  CHECK(script.state().members.at(id("a")).last_round == RoundId{0});
  script.on(update("b", 1), {folded("b")})
      .on(update("a", 1), {folded("a"), Advance{}, opens(2)})
      .on(update("a", 1), {}, Duplicate{});
  CHECK(script.state().members.size() == 2);
}

TEST_CASE("rounds: a client that was not drawn takes the place of one that is evicted",
          "[rounds]") {
  auto config = config_of(2, 3);
  config.client_fraction = 0.5;
  Script script(config);
  script.start_with({"a", "b", "c"});
  const char* left = script.is_drawn("a") ? (script.is_drawn("b") ? "c" : "b") : "a";
  const char* drawn = script.is_drawn("a") ? "a" : "b";
  script.on(evicted(drawn), {EvictClient{id(drawn)}, DrawReplacement{id(left)}});
  CHECK(script.is_drawn(left));
}

TEST_CASE("rounds: who is evicted before the rounds is not counted", "[rounds]") {
  auto config = config_of(2, 3);
  config.participants = {id("a"), id("b"), id("c")};
  Script joining(config);
  joining.on(joins("a"))
      .on(joins("b"))
      .on(evicted("b"), {EvictClient{id("b")}})
      .on(joins("c"), {Advance{}, OpenCollection{kSummaries}});

  Script counting(config);
  counting.on(joins("a"))
      .on(joins("b"))
      .on(joins("c"), {Advance{}, OpenCollection{kSummaries}})
      .on(summary("b"), {folded("b")})
      .on(summary("a"), {folded("a")})
      .on(evicted("b"), {EvictClient{id("b")}, RestartCollection{kSummaries}})
      .on(summary("a"), {folded("a")})
      .on(summary("c"), {folded("c"), Advance{}, opens(1)});
}

TEST_CASE("rounds: a training that an eviction leaves without its quorum ends at a deadline",
          "[rounds]") {
  auto config = config_of(2, 2);
  config.retries = 0;
  Script script(config);
  script.start_with({"a", "b"}).on(update("a", 1), {folded("a")});
  script.on(evicted("b"), {EvictClient{id("b")}});
  script.on(asks("a"));
  const std::string reason =
      "round 1: only 1 of the 2 clients that rounds.minClients asks for reported within "
      "rounds.deadlineSeconds; missing: nobody else has joined";
  script.after(config.round_deadline - Milliseconds(1))
      .on(asks("a"))
      .after(Milliseconds(1), {FailTraining{reason}});
}

TEST_CASE("rounds: who is let in again after an eviction joins again", "[rounds]") {
  Script script(config_of(2, 3));
  script.start_with({"a", "b", "c"}).on(evicted("c"), {EvictClient{id("c")}}).on(joins("c"));
  CHECK(script.state().evicted.empty());
  CHECK(view(script.state(), id("c")).state == "waiting");
}

TEST_CASE("rounds: nobody waits at the end for a client that is evicted", "[rounds]") {
  Script script(config_of(1, 2), 1);
  script.start_with({"a", "b"})
      .on(update("a", 1), {folded("a")})
      .on(update("b", 1), {folded("b"), Advance{}, FinishTraining{}})
      .on(evicted("b"), {EvictClient{id("b")}});
  CHECK(script.state().members.size() == 1);
}
