// One process a client: who may join and speak under a name that is taken.
#include "common/rounds/membership.hpp"

#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;
using namespace std::chrono_literals;

namespace {

constexpr const char* kTaken =
    "client a: another process takes part under this name; end it, or wait until it has gone";
constexpr const char* kReplaced =
    "client a: another process has joined under this name since; this one ends";

Config two_clients() {
  Config config;
  config.max_clients = 2;
  config.expected_clients = 2;
  config.round_deadline = 10s;
  return config;
}

ClientJoined joins_as(const char* instance, bool is_holder_gone) {
  return {{id("a"), instance}, is_holder_gone};
}
TaskAsked asks_as(const char* instance) {
  return {{id("a"), instance}};
}
ContributionReceived update_as(const char* instance, std::uint32_t round) {
  return {{id("a"), instance}, contribution(id("a"), of_round(round))};
}

// Round 1, with a as the process "first".
Script training() {
  Script script(two_clients());
  script.on(joins_as("first", true))
      .on(joins("b"), {Advance{}, OpenCollection{kSummaries}})
      .on(update_as("first", 0), {folded("a")})
      .on(summary("b"), {folded("b"), Advance{}, opens(1)});
  return script;
}

}  // namespace

TEST_CASE("rounds: a second process of a client that lives is refused and changes nothing",
          "[rounds]") {
  auto script = training();
  script.on(joins_as("second", false), {}, refused(Errc::kAlreadyExists, kTaken))
      .on(asks_as("second"), {}, refused(Errc::kPermissionDenied, kReplaced))
      .on(update_as("second", 1), {}, refused(Errc::kPermissionDenied, kReplaced))
      .on(ContributionAnnounced{{id("a"), "second"}, of_round(1)},
          {},
          refused(Errc::kPermissionDenied, kReplaced))
      .on(asks_as("first"))
      .on(update_as("first", 1), {folded("a")});
}

TEST_CASE("rounds: the same process may join again at any time", "[rounds]") {
  auto script = training();
  script.on(joins_as("first", false)).on(asks_as("first"));
}

TEST_CASE("rounds: a process whose predecessor has gone takes its place", "[rounds]") {
  auto script = training();
  script.on(joins_as("second", true))
      .on(asks_as("second"))
      .on(asks_as("first"), {}, refused(Errc::kPermissionDenied, kReplaced))
      .on(update_as("second", 1), {folded("a")});
}

TEST_CASE("rounds: a process whose predecessor is lost takes its place", "[rounds]") {
  auto script = training();
  script.after(5s).all_ask({"b"}).after(
      5s,
      {LoseClient{id("a"),
                  "silent for 10 s, rounds.deadlineSeconds or more; drawn again once it asks for a "
                  "task"},
       ExtendCollection{of_round(1), 2}});
  script.on(joins_as("second", false), {ReadmitClient{id("a")}}).on(asks_as("second"));
}
