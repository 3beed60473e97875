#include "common/rounds/step.hpp"

#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;
using namespace std::chrono_literals;

namespace {

Config two_clients() {
  Config config;
  config.min_clients = 1;
  config.max_clients = 3;
  config.expected_clients = 2;
  config.round_deadline = 10s;
  config.start_deadline = 60s;
  config.retries = 1;
  return config;
}

Script training() {
  Script script(two_clients());
  script.start_with({"a", "b"});
  return script;
}

}  // namespace

TEST_CASE("rounds: a training runs from joining to its last round", "[rounds]") {
  auto script = training();
  script.on(update("a", 1), {folded("a")})
      .on(update("b", 1), {folded("b"), Advance{}, opens(2)})
      .on(update("b", 2), {folded("b")})
      .on(update("a", 2), {folded("a"), Advance{}, FinishTraining{}});
  CHECK(script.state().phase == Phase::kComplete);
}

TEST_CASE("rounds: an update of another round is refused with the current round", "[rounds]") {
  auto script = training();
  script.on(update("a", 2), {}, stale("a", 1, "of a round that has not opened"))
      .on(ContributionReceived{{id("a")}, contribution(id("a"), CollectionId{0})},
          {},
          stale("a", 1, "too late: collection 0 has closed"))
      .on(summary("a"), {}, Duplicate{});
  CHECK(script.standing("a").late_updates == 1);
}

TEST_CASE("rounds: the same update twice is folded once", "[rounds]") {
  auto script = training();
  script.on(update("a", 1), {folded("a")}).on(update("a", 1), {}, Duplicate{});
}

TEST_CASE("rounds: the deadline closes a round that has its quorum", "[rounds]") {
  auto script = training();
  script.on(update("a", 1), {folded("a")})
      .after(9s)
      .all_ask({"a", "b"})
      .after(1s, {Advance{}, opens(2)})
      .on(update("b", 1), {}, stale("b", 2, "too late: round 1 closed at its deadline"));
  CHECK(script.standing("b").failures == 1);
  CHECK(script.standing("b").late_updates == 1);
  CHECK(script.standing("b").reason == "sent no update of round 1 within rounds.deadlineSeconds");
}

TEST_CASE(
    "rounds: without a quorum a round is tried again, then the training fails and names who "
    "was missing",
    "[rounds]") {
  auto config = two_clients();
  config.min_clients = 2;
  Script script(config);
  script.start_with({"a", "b"})
      .on(update("a", 1), {folded("a")})
      .after(9s)
      .all_ask({"a", "b"})
      .after(1s, {ExtendCollection{of_round(1), 2}})
      .all_ask({"a"})
      .after(10s,
             {LoseClient{id("a"),
                         "silent for 10 s, rounds.deadlineSeconds or more; drawn again once it "
                         "asks for a task"},
              LoseClient{id("b"),
                         "silent for 11 s, rounds.deadlineSeconds or more; drawn again once it "
                         "asks for a task"},
              FailTraining{"round 1: only 1 of the 2 clients that rounds.minClients asks for "
                           "reported within 2 times rounds.deadlineSeconds; missing: b (lost: "
                           "silent for 11 s, rounds.deadlineSeconds or more; drawn again once it "
                           "asks for a task)"}});
  CHECK(script.state().phase == Phase::kFailed);
  script.after(100s);
}

TEST_CASE("rounds: an update that comes in a further attempt still counts", "[rounds]") {
  auto config = two_clients();
  config.min_clients = 2;
  Script script(config);
  script.start_with({"a", "b"})
      .on(update("a", 1), {folded("a")})
      .after(9s)
      .all_ask({"a", "b"})
      .after(1s, {ExtendCollection{of_round(1), 2}})
      .on(update("b", 1), {folded("b"), Advance{}, opens(2)});
}

TEST_CASE("rounds: the start deadline starts with the quorum or fails", "[rounds]") {
  Script with_one(two_clients());
  with_one.on(joins("a")).after(60s, {Advance{}, OpenCollection{kSummaries}});
  Script with_none(two_clients());
  with_none.after(60s,
                  {FailTraining{"only 0 of the 1 clients that rounds.minClients asks for joined "
                                "within rounds.startDeadlineSeconds"}});
}

TEST_CASE("rounds: a client whose summary is missing at the deadline is left out", "[rounds]") {
  Script script(two_clients());
  script.on(joins("a"))
      .on(joins("b"), {Advance{}, OpenCollection{kSummaries}})
      .on(summary("b"), {folded("b")})
      .after(10s, {LeaveOut{id("a")}, Advance{}, opens(1)})
      .on(update("b", 1), {folded("b"), Advance{}, opens(2)});
  CHECK(script.state().members.size() == 1);
}

TEST_CASE("rounds: a client that joins after the start takes part from the next round",
          "[rounds]") {
  auto script = training();
  script.on(joins("c"))
      .all_ask({"c"})
      .on(update("c", 1), {}, stale("c", 1, "not drawn for this round"))
      .on(joins("d"),
          {},
          refused(Errc::kFailedPrecondition, "client d: rounds.maxClients: all 3 places are taken"))
      .on(update("a", 1), {folded("a")})
      .on(update("b", 1), {folded("b"), Advance{}, opens(2)});
  CHECK(script.is_drawn("c"));
  CHECK(script.state().open.policy.needed == 3);
}

TEST_CASE("rounds: who may not join is told why", "[rounds]") {
  Script script(two_clients());
  script.on(joins("a"))
      .on(joins("b"), {Advance{}, OpenCollection{kSummaries}})
      .on(joins("c"),
          {},
          refused(Errc::kUnavailable,
                  "client c: the sites are being asked for summaries; it may join once they have "
                  "answered"))
      .on(joins("a"))
      .on(asks("c"), {}, refused(Errc::kFailedPrecondition, "client c: join first"))
      .on(update("c", 1), {}, refused(Errc::kFailedPrecondition, "client c: join first"));
  Script over(two_clients(), 1);
  over.start_with({"a", "b"})
      .on(update("a", 1), {folded("a")})
      .on(update("b", 1), {folded("b"), Advance{}, FinishTraining{}})
      .on(joins("c"), {}, refused(Errc::kFailedPrecondition, "client c: the training is over"))
      .on(update("b", 1), {}, Duplicate{});
}

TEST_CASE("rounds: only the spec's participants may join", "[rounds]") {
  auto config = two_clients();
  config.participants = {id("a"), id("b")};
  Script script(config);
  script.on(joins("a"))
      .on(joins("c"),
          {},
          refused(Errc::kPermissionDenied,
                  "client c: not among spec.participants of this training; add "
                  "it there"));
}

TEST_CASE("rounds: an effect that fails ends the training with its reason", "[rounds]") {
  auto script = training();
  script.on(EffectFailed{"the sum overflows"}, {FailTraining{"the sum overflows"}});
  CHECK(script.todo("a") == Todo(GiveUp{"the sum overflows"}));
  script.on(EffectFailed{"something else"})
      .on(update("a", 1), {}, stale("a", 1, "the training is over"));
  CHECK(script.state().reason == "the sum overflows");
}

TEST_CASE("rounds: a member is told what to do", "[rounds]") {
  Script script(two_clients());
  script.on(joins("a"));
  CHECK(script.todo("a") == Todo(Wait{}));
  script.on(joins("b"), {Advance{}, OpenCollection{kSummaries}}).after(4s);
  CHECK(script.todo("a") == Todo(Contribute{kSummaries, 1, Stage::kInput, 6s}));
  script.on(summary("a"), {folded("a")});
  CHECK(script.todo("a") == Todo(Wait{}));
  script.on(summary("b"), {folded("b"), Advance{}, opens(1)}).on(update("a", 1), {folded("a")});
  CHECK(script.todo("b") == Todo(Contribute{of_round(1), 1, Stage::kInput, 10s}));
  script.on(update("b", 1), {folded("b"), Advance{}, opens(2)})
      .on(update("a", 2), {folded("a")})
      .on(update("b", 2), {folded("b"), Advance{}, FinishTraining{}});
  CHECK(script.todo("a") == Todo(Finish{}));
}

TEST_CASE("rounds: while what comes next is worked out, nobody is asked for anything", "[rounds]") {
  const auto config = two_clients();
  auto state = rounds::start(config, Instant{});
  for (const char* name : {"a", "b"}) {
    state = step(config, state, joins(name), Instant{}).state;
  }
  REQUIRE(state.phase == Phase::kAdvancing);
  CHECK(todo(state, id("a"), Instant{}) == Todo(Wait{}));
  const auto early = step(config, state, summary("a"), Instant{});
  CHECK(std::holds_alternative<Refused>(early.reply));
  CHECK(step(config, state, Tick{}, Instant{} + 1h).effects.empty());
}
