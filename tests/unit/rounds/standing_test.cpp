#include "common/rounds/standing.hpp"

#include "common/rounds/view.hpp"
#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;
using namespace std::chrono_literals;

namespace {

// Three clients, two of them enough; 20 rounds of at most 10 s.
Config three_clients() {
  Config config;
  config.min_clients = 2;
  config.max_clients = 4;
  config.expected_clients = 3;
  config.round_deadline = 10s;
  config.max_failures = 2;
  return config;
}

std::string lost_after(const char* seconds) {
  return std::string("silent for ") + seconds +
         " s, rounds.deadlineSeconds or more; drawn again once it asks for a task";
}

// Round `round` as a and b bring it to its end; c, where it is awaited, does nothing.
void pass_round(Script& script, std::uint32_t round) {
  script.on(update("a", round), {folded("a")})
      .on(update("b", round), {folded("b"), Advance{}, opens(round + 1)});
}

// The same where c is awaited, polls, and misses the deadline.
void miss_round(Script& script, std::uint32_t round, std::vector<Effect> quarantine = {}) {
  script.after(1s)
      .all_ask({"c"})
      .on(update("a", round), {folded("a")})
      .on(update("b", round), {folded("b")})
      .after(8s)
      .all_ask({"a", "b", "c"});
  quarantine.insert(quarantine.end(), {Advance{}, opens(round + 1)});
  script.after(1s, quarantine);
}

}  // namespace

TEST_CASE("rounds: a silent client holds one round up, then it is lost", "[rounds]") {
  Script script(three_clients(), 20);
  script.start_with({"a", "b", "c"})
      .after(1s)
      .all_ask({"a", "b", "c"})  // c is not heard of again
      .on(update("a", 1), {folded("a")})
      .on(update("b", 1), {folded("b")})
      .after(8s)
      .all_ask({"a", "b"})
      .after(1s, {Advance{}, opens(2)})
      .on(update("a", 2), {folded("a")})
      .on(update("b", 2), {folded("b")})
      // Round 2 has its quorum and does not wait for its own deadline.
      .after(1s, {LoseClient{id("c"), lost_after("10")}, Advance{}, opens(3)});
  CHECK(view(script.state(), id("c")).state == "lost");
  CHECK(view(script.state(), id("c")).reason == lost_after("10"));
  CHECK_FALSE(script.is_drawn("c"));
  pass_round(script, 3);
  script.on(asks("c"), {ReadmitClient{id("c")}});
  CHECK(view(script.state(), id("c")).state == "waiting");
  pass_round(script, 4);
  CHECK(script.is_drawn("c"));
}

TEST_CASE("rounds: a client that is lost while it is needed may still finish its round",
          "[rounds]") {
  auto config = three_clients();
  config.min_clients = 3;
  Script script(config, 20);
  script.start_with({"a", "b", "c"})
      .on(update("a", 1), {folded("a")})
      .on(update("b", 1), {folded("b")})
      .after(5s)
      .all_ask({"a", "b"})
      .after(5s, {LoseClient{id("c"), lost_after("10")}, ExtendCollection{of_round(1), 2}})
      .on(update("c", 1), {ReadmitClient{id("c")}, folded("c"), Advance{}, opens(2)});
}

TEST_CASE("rounds: a client that misses rounds is quarantined and comes back by itself",
          "[rounds]") {
  Script script(three_clients(), 20);
  script.start_with({"a", "b", "c"});
  const auto why = [](const char* round, const char* back) {
    return std::string("2 failures in a row, the last: sent no update of round ") + round +
           " within rounds.deadlineSeconds; may return from round " + back;
  };
  miss_round(script, 1);
  miss_round(script, 2, {QuarantineClient{id("c"), why("2", "4")}});
  CHECK(view(script.state(), id("c")).state == "quarantined");
  CHECK(view(script.state(), id("c")).reason == why("2", "4"));
  script.on(update("c", 3), {}, stale("c", 3, "quarantined: " + why("2", "4")));
  // It asks during the round that it sits out, and is drawn for the next.
  script.on(asks("c"), {ReadmitClient{id("c")}});
  pass_round(script, 3);
  CHECK(script.is_drawn("c"));
  // One more failure is enough now, and it sits out twice as long.
  miss_round(script, 4, {QuarantineClient{id("c"), why("4", "7")}});
  script.all_ask({"c"});
  pass_round(script, 5);
  script.on(asks("c"), {ReadmitClient{id("c")}});
  pass_round(script, 6);
  // An update that is taken clears its failures.
  script.on(update("c", 7), {folded("c")});
  CHECK(script.standing("c").failures == 0);
  CHECK(script.standing("c").reason.empty());
  CHECK(script.standing("c").times_quarantined == 2);
}

TEST_CASE("rounds: a client that sends no sound update is quarantined and holds nobody up",
          "[rounds]") {
  Script script(three_clients(), 20);
  script.start_with({"a", "b", "c"})
      .on(update("a", 1), {folded("a")})
      .on(update("b", 1), {folded("b")})
      .on(ContributionRefused{id("c"), "not a number"})
      .on(ContributionRefused{id("c"), "a bad shape"},
          {QuarantineClient{
               id("c"),
               "2 failures in a row, the last: invalid update: a bad shape; may return "
               "from round 3"},
           Advance{},
           opens(2)})
      .on(ContributionRefused{id("c"), "a bad shape"});
  CHECK(script.standing("c").invalid_updates == 3);
  CHECK_FALSE(script.is_drawn("c"));
  script.on(ContributionRefused{id("stranger"), "whatever"});
}

TEST_CASE("rounds: the rounds that a client sits out double up to 64", "[rounds]") {
  CHECK(rounds_to_sit_out(1) == 1);
  CHECK(rounds_to_sit_out(2) == 2);
  CHECK(rounds_to_sit_out(5) == 16);
  CHECK(rounds_to_sit_out(7) == 64);
  CHECK(rounds_to_sit_out(4'000'000'000U) == 64);
}

TEST_CASE("rounds: a restart keeps who is quarantined", "[rounds]") {
  const auto config = three_clients();
  std::map<ClientId, Member> members;
  for (const char* name : {"a", "b", "c"}) {
    members[id(name)].last_collection = of_round(2);
  }
  members[id("c")].standing.failures = 2;
  members[id("c")].standing.returns_in = RoundId{5};
  const auto now = Instant{} + 1000s;
  const auto resumed = resume(config, members, of_round(2), RoundId{2}, now);
  CHECK(resumed.effects == std::vector<Effect>{Advance{}});
  const auto next = step(config, resumed.state, next_of(resumed.state, 20), now);
  CHECK(next.effects == std::vector<Effect>{opens(3)});
  CHECK(next.state.open.roster == std::set<ClientId>{id("a"), id("b")});
  // Everyone counts as heard of: nobody is lost for the time that the server was away.
  const auto later = step(config, next.state, Tick{}, now + 9s);
  CHECK(later.effects.empty());
}
