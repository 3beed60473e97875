#include "common/rounds/selection.hpp"

#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;
using namespace std::chrono_literals;

namespace {

std::map<ClientId, Member> six() {
  std::map<ClientId, Member> members;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    members.try_emplace(id(name));
  }
  return members;
}

}  // namespace

TEST_CASE("rounds: selection depends on seed and round alone and keeps the quorum", "[rounds]") {
  Config config;
  config.client_fraction = 0.5;
  config.min_clients = 2;
  const auto members = six();
  const auto first = select_clients(config, members, RoundId{1}).clients;
  CHECK(first.size() == 3);
  CHECK(first == select_clients(config, members, RoundId{1}).clients);
  bool differs = false;
  for (std::uint32_t round = 2; round < 10; ++round) {
    differs = differs || select_clients(config, members, RoundId{round}).clients != first;
  }
  CHECK(differs);
  config.client_fraction = 0.01;
  CHECK(select_clients(config, members, RoundId{1}).clients.size() == 2);
}

TEST_CASE("rounds: over-selection draws more than are needed, as many as there are", "[rounds]") {
  Config config;
  config.client_fraction = 0.5;
  for (const auto& [share, drawn] :
       std::vector<std::pair<double, std::size_t>>{{0.0, 3}, {0.1, 4}, {0.34, 5}, {1.0, 6}}) {
    config.over_selection = share;
    const auto selection = select_clients(config, six(), RoundId{1});
    CHECK(selection.needed == 3);
    CHECK(selection.clients.size() == drawn);
  }
  config.client_fraction = 0.9;
  CHECK(select_clients(config, six(), RoundId{1}).clients.size() == 6);
}

TEST_CASE("rounds: only those who are there, in good standing and joined in time are drawn",
          "[rounds]") {
  Config config;
  config.min_clients = 4;
  auto members = six();
  members[id("a")].standing.is_lost = true;
  members[id("b")].standing.returns_in = RoundId{9};
  members[id("c")].standing.first_round = RoundId{4};
  const auto third = select_clients(config, members, RoundId{3});
  CHECK(third.clients == std::set<ClientId>{id("d"), id("e"), id("f")});
  CHECK(third.needed == 4);  // the quorum stays: the round waits for somebody to come back
  CHECK(select_clients(config, members, RoundId{4}).clients.contains(id("c")));
}

TEST_CASE("rounds: a round with more than it needs closes with the first, and tells the rest",
          "[rounds]") {
  Config config;
  config.expected_clients = 3;
  config.client_fraction = 0.5;
  config.over_selection = 0.5;
  config.round_deadline = 10s;
  Script script(config);
  script.start_with({"a", "b", "c"});
  CHECK(script.state().open.policy.needed == 2);
  REQUIRE(script.state().open.roster.size() == 3);
  script.on(update("c", 1), {folded("c")})
      .on(update("a", 1), {folded("a"), Advance{}, opens(2)})
      .on(update("b", 1),
          {},
          stale("b", 2, "too late: round 1 closed once it had the 2 contributions it needed"));
  CHECK(script.standing("b").failures == 0);  // it did nothing wrong
  CHECK(script.standing("b").late_updates == 1);
}

TEST_CASE("rounds: a round that lacks clients draws those who come back or are idle", "[rounds]") {
  Config config;
  config.expected_clients = 3;
  config.client_fraction = 0.5;
  config.min_clients = 2;
  config.round_deadline = 10s;
  config.max_failures = 1;
  Script script(config);
  script.start_with({"a", "b", "c"});
  REQUIRE(script.state().open.roster.size() == 2);
  std::string idle = "abc";
  std::erase_if(
      idle, [&](char c) { return script.state().open.roster.contains(id(&std::string(1, c)[0])); });
  const auto first = *script.state().open.roster.begin();
  script.on(ContributionRefused{first, "garbage"},
            {QuarantineClient{first,
                              "1 failure, the last: invalid update: garbage; may return from "
                              "round 3"},
             DrawReplacement{id(idle.c_str())}});
}
