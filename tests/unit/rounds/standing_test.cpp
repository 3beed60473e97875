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
  config.total_rounds = 20;
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
  script.on(UpdateReceived{id("a"), RoundId{round}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{round}},
          {FoldUpdate{id("b")}, CloseRound{RoundId{round}}, OpenRound{RoundId{round + 1}}});
}

// The same where c is awaited, polls, and misses the deadline.
void miss_round(Script& script, std::uint32_t round, std::vector<Effect> set_aside = {}) {
  script.after(1s)
      .all_ask({"c"})
      .on(UpdateReceived{id("a"), RoundId{round}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{round}}, {FoldUpdate{id("b")}})
      .after(8s)
      .all_ask({"a", "b", "c"});
  set_aside.insert(set_aside.end(), {CloseRound{RoundId{round}}, OpenRound{RoundId{round + 1}}});
  script.after(1s, set_aside);
}

}  // namespace

TEST_CASE("rounds: a silent client holds one round up, then it is lost", "[rounds]") {
  Script script(three_clients());
  script.start_with({"a", "b", "c"})
      .after(1s)
      .all_ask({"a", "b", "c"})  // c is not heard of again
      .on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{1}}, {FoldUpdate{id("b")}})
      .after(8s)
      .all_ask({"a", "b"})
      .after(1s, {CloseRound{RoundId{1}}, OpenRound{RoundId{2}}})
      .on(UpdateReceived{id("a"), RoundId{2}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{2}}, {FoldUpdate{id("b")}})
      // Round 2 has its quorum and does not wait for its own deadline.
      .after(
          1s,
          {LoseClient{id("c"), lost_after("10")}, CloseRound{RoundId{2}}, OpenRound{RoundId{3}}});
  CHECK(view(script.state(), id("c")).state == "lost");
  CHECK(view(script.state(), id("c")).reason == lost_after("10"));
  CHECK_FALSE(script.state().selected.contains(id("c")));
  pass_round(script, 3);
  script.on(TaskAsked{id("c")}, {TakeBackClient{id("c")}});
  CHECK(view(script.state(), id("c")).state == "waiting");
  pass_round(script, 4);
  CHECK(script.state().selected.contains(id("c")));
}

TEST_CASE("rounds: a client that is lost while it is needed may still finish its round",
          "[rounds]") {
  auto config = three_clients();
  config.min_clients = 3;
  Script script(config);
  script.start_with({"a", "b", "c"})
      .on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{1}}, {FoldUpdate{id("b")}})
      .after(5s)
      .all_ask({"a", "b"})
      .after(5s, {LoseClient{id("c"), lost_after("10")}, ExtendRound{RoundId{1}, 2}})
      .on(UpdateReceived{id("c"), RoundId{1}},
          {TakeBackClient{id("c")},
           FoldUpdate{id("c")},
           CloseRound{RoundId{1}},
           OpenRound{RoundId{2}}});
}

TEST_CASE("rounds: a client that misses rounds is set aside and comes back by itself", "[rounds]") {
  Script script(three_clients());
  script.start_with({"a", "b", "c"});
  const auto why = [](const char* round, const char* back) {
    return std::string("2 failures in a row, the last: sent no update of round ") + round +
           " within rounds.deadlineSeconds; may return from round " + back;
  };
  miss_round(script, 1);
  miss_round(script, 2, {SetAsideClient{id("c"), why("2", "4")}});
  CHECK(view(script.state(), id("c")).state == "set-aside");
  CHECK(view(script.state(), id("c")).reason == why("2", "4"));
  script.on(UpdateReceived{id("c"), RoundId{3}},
            {RejectStale{id("c"), RoundId{3}, "set aside: " + why("2", "4")}});
  // It asks during the round that it sits out, and is drawn for the next.
  script.on(TaskAsked{id("c")}, {TakeBackClient{id("c")}});
  pass_round(script, 3);
  CHECK(script.state().selected.contains(id("c")));
  // One more failure is enough now, and it sits out twice as long.
  miss_round(script, 4, {SetAsideClient{id("c"), why("4", "7")}});
  script.all_ask({"c"});
  pass_round(script, 5);
  script.on(TaskAsked{id("c")}, {TakeBackClient{id("c")}});
  pass_round(script, 6);
  // An update that is taken clears its failures.
  script.on(UpdateReceived{id("c"), RoundId{7}}, {FoldUpdate{id("c")}});
  CHECK(script.standing("c").failures == 0);
  CHECK(script.standing("c").reason.empty());
  CHECK(script.standing("c").times_set_aside == 2);
}

TEST_CASE("rounds: a client that sends no sound update is set aside and holds nobody up",
          "[rounds]") {
  Script script(three_clients());
  script.start_with({"a", "b", "c"})
      .on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{1}}, {FoldUpdate{id("b")}})
      .on(UpdateRefused{id("c"), "not a number"})
      .on(UpdateRefused{id("c"), "a bad shape"},
          {SetAsideClient{id("c"),
                          "2 failures in a row, the last: invalid update: a bad shape; may return "
                          "from round 3"},
           CloseRound{RoundId{1}},
           OpenRound{RoundId{2}}})
      .on(UpdateRefused{id("c"), "a bad shape"});
  CHECK(script.standing("c").invalid_updates == 3);
  CHECK_FALSE(script.state().selected.contains(id("c")));
  script.on(UpdateRefused{id("stranger"), "whatever"});
}

TEST_CASE("rounds: the rounds that a client sits out double up to 64", "[rounds]") {
  CHECK(rounds_to_sit_out(1) == 1);
  CHECK(rounds_to_sit_out(2) == 2);
  CHECK(rounds_to_sit_out(5) == 16);
  CHECK(rounds_to_sit_out(7) == 64);
  CHECK(rounds_to_sit_out(4'000'000'000U) == 64);
}

TEST_CASE("rounds: a restart keeps who is set aside", "[rounds]") {
  const auto config = three_clients();
  std::map<ClientId, Member> members;
  for (const char* name : {"a", "b", "c"}) {
    members[id(name)].has_summary = true;
  }
  members[id("c")].standing.failures = 2;
  members[id("c")].standing.returns_in = RoundId{5};
  const auto now = Instant{} + 1000s;
  const auto next = resume(config, members, RoundId{2}, now);
  CHECK(next.effects == std::vector<Effect>{OpenRound{RoundId{3}}});
  CHECK(next.state.selected == std::set<ClientId>{id("a"), id("b")});
  // Everyone counts as heard of: nobody is lost for the time that the server was away.
  const auto later = step(config, next.state, Tick{}, now + 9s);
  CHECK(later.effects.empty());
}
