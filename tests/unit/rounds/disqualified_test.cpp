#include "common/rounds/view.hpp"
#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;

namespace {

Config config_of(std::size_t min_clients, std::size_t expected) {
  Config config;
  config.min_clients = min_clients;
  config.expected_clients = expected;
  return config;
}

ClientDisqualified disqualified(const char* client) {
  return {id(client), "column 'x'"};
}

}  // namespace

TEST_CASE("rounds: who is disqualified leaves the join, and may come again", "[rounds]") {
  Script script(config_of(2, 3));
  script.on(joins("a"))
      .on(joins("b"))
      .on(disqualified("a"), {DisqualifyClient{id("a"), "column 'x'"}})
      .on(asks("a"), {}, refused(Errc::kFailedPrecondition, "client a: join first"))
      .on(joins("c"));
  CHECK(script.state().phase == Phase::kJoining);
  CHECK(view(script.state(), id("a")).state == "refused");
  CHECK(view(script.state(), id("a")).reason == "column 'x'");
  script.on(joins("a"), {Advance{}, OpenCollection{kSummaries}});
  CHECK(script.state().disqualified.empty());
}

TEST_CASE("rounds: the training goes on at the start deadline without who is disqualified",
          "[rounds]") {
  const auto config = config_of(2, 3);
  Script script(config);
  script.on(joins("a")).on(joins("b")).on(joins("c"), {Advance{}, OpenCollection{kSummaries}});
  Script later(config);
  later.on(joins("a"))
      .on(disqualified("a"), {DisqualifyClient{id("a"), "column 'x'"}})
      .on(joins("b"))
      .on(joins("c"))
      .after(config.start_deadline, {Advance{}, OpenCollection{kSummaries}});
  CHECK(later.state().members.size() == 2);
}

TEST_CASE("rounds: too few who agree end the training, with who was refused", "[rounds]") {
  const auto config = config_of(2, 2);
  auto state = start(config, {});
  for (const char* client : {"a", "b"}) {
    state = step(config, std::move(state), joins(client), {}).state;
  }
  REQUIRE(state.phase == Phase::kAdvancing);
  const NextRequested next{{"summaries", Roster::kEveryone, RoundId{0}}, {disqualified("b")}};
  state = step(config, std::move(state), next, {}).state;
  CHECK(state.phase == Phase::kFailed);
  CHECK(state.reason ==
        "only 1 of the 2 clients that rounds.minClients asks for agree on a table; refused: b "
        "(column 'x')");
}

TEST_CASE("rounds: a rollback goes on after an earlier round under new collections", "[rounds]") {
  Config config = config_of(2, 2);
  config.max_failures = 1;
  const auto run = [&](State state, const Event& event) {
    return step_through(config, 9, std::move(state), event, {}).state;
  };
  auto state = start(config, {});
  for (const char* client : {"a", "b"}) {
    state = run(std::move(state), joins(client));
  }
  for (const char* client : {"a", "b"}) {
    state = run(std::move(state), summary(client));
  }
  for (std::uint32_t round : {1U, 2U}) {
    for (const char* client : {"a", "b"}) {
      state = run(std::move(state), update(client, round));
    }
  }
  state = run(std::move(state), ContributionRefused{id("a"), "poison"});
  REQUIRE(state.members.at(id("a")).standing.is_quarantined());
  REQUIRE(state.open.request.round == RoundId{3});
  const auto opened = state.open.id;

  const auto too_far = step(config, state, RolledBack{RoundId{3}}, {});
  CHECK(told(too_far.reply) ==
        "FailedPrecondition: rollback: only while a round after round 3 is open");
  const auto back = step(config, std::move(state), RolledBack{RoundId{1}}, {});
  CHECK(told(back.effects) == told(std::vector<Effect>{Advance{}}));
  const NextRequested next{{"updates", Roster::kDrawn, RoundId{2}}};
  const auto again = step(config, back.state, next, {});
  CHECK(again.state.open.request.round == RoundId{2});
  CHECK(again.state.open.id > opened);
  CHECK(again.state.open.roster.size() == 2);
}
