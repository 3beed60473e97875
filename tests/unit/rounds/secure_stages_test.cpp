#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;

namespace {

Config config_of(std::size_t clients, std::uint32_t retries = 2) {
  Config config;
  config.min_clients = 3;
  config.max_clients = 10;
  config.expected_clients = clients;
  config.retries = retries;
  config.threshold = [](std::size_t members) { return 2 * members / 3 + 1; };
  return config;
}

ContributionReceived message(const char* client,
                             Stage stage,
                             CollectionId collection = kSummaries,
                             std::uint32_t attempt = 1) {
  return {{id(client)},
          std::make_shared<const Contribution>(Contribution{.run = "run",
                                                            .collection = collection,
                                                            .attempt = attempt,
                                                            .client = id(client),
                                                            .body = Masked{stage, "bytes"}})};
}

// All of `clients` send their message of `stage`; the last of them closes it.
void send_all(Script& script,
              const std::vector<const char*>& clients,
              Stage stage,
              const std::vector<Effect>& then,
              std::uint32_t attempt = 1) {
  for (const char* client : clients) {
    std::vector<Effect> expected{folded(client)};
    if (client == clients.back()) {
      expected.insert(expected.end(), then.begin(), then.end());
    }
    script.on(message(client, stage, kSummaries, attempt), expected);
  }
}

Script joined(const Config& config, const std::vector<const char*>& clients) {
  Script script(config);
  for (const char* client : clients) {
    std::vector<Effect> expected;
    if (client == clients.back()) {
      expected = {Advance{}, OpenCollection{kSummaries}};
    }
    script.on(joins(client), expected);
  }
  return script;
}

const std::vector<Effect> kNextStage{CloseStage{kSummaries}};
const std::vector<Effect> kOpened{Advance{}, opens(1)};

Stage stage_of(const Script& script) {
  return script.state().open.stages[script.state().open.stage];
}

}  // namespace

TEST_CASE("rounds: a secure sum goes through five stages", "[rounds]") {
  const std::vector<const char*> all{"a", "b", "c", "d"};
  auto script = joined(config_of(4), all);
  for (const auto stage : {Stage::kKeys, Stage::kShares, Stage::kMasked, Stage::kConfirm}) {
    CHECK(std::get<Contribute>(script.todo("a")).stage == stage);
    send_all(script, all, stage, kNextStage);
  }
  send_all(script, all, Stage::kReveal, kOpened);
  CHECK(stage_of(script) == Stage::kKeys);
  CHECK(script.state().members.at(id("a")).last_collection == kSummaries);
}

TEST_CASE("rounds: a message of a secure sum that was taken is a duplicate, whatever the stage now",
          "[rounds]") {
  const std::vector<const char*> all{"a", "b", "c", "d"};
  auto script = joined(config_of(4), all);
  script.on(message("a", Stage::kKeys), {folded("a")})
      .on(message("a", Stage::kKeys), {}, Duplicate{});
  send_all(script, {"b", "c", "d"}, Stage::kKeys, kNextStage);
  script.on(message("a", Stage::kKeys), {}, Duplicate{});
  CHECK(std::holds_alternative<Contribute>(script.todo("a")));
}

TEST_CASE("rounds: a message of another stage, attempt or kind is not taken", "[rounds]") {
  const std::vector<const char*> all{"a", "b", "c", "d"};
  auto script = joined(config_of(4), all);
  const auto unexpected = [&](const ContributionReceived& event) {
    const auto out = step(config_of(4), script.state(), event, script.now());
    return out.effects.empty() && std::holds_alternative<Refused>(out.reply);
  };
  CHECK(unexpected(message("a", Stage::kShares)));
  CHECK(unexpected(message("a", Stage::kReveal)));
  CHECK(unexpected(message("a", Stage::kKeys, kSummaries, 2)));
  CHECK(unexpected(summary("a")));
  CHECK_FALSE(unexpected(message("a", Stage::kKeys)));
}

TEST_CASE("rounds: a stage closes at its deadline without those who are missing", "[rounds]") {
  const std::vector<const char*> all{"a", "b", "c", "d"};
  for (const auto gone_at : {Stage::kKeys, Stage::kShares, Stage::kMasked, Stage::kConfirm}) {
    auto config = config_of(4);
    auto script = joined(config, all);
    std::vector<const char*> left = all;
    for (const auto stage :
         {Stage::kKeys, Stage::kShares, Stage::kMasked, Stage::kConfirm, Stage::kReveal}) {
      const bool goes = stage == gone_at;
      if (goes) {
        left.pop_back();
      }
      const auto& then = stage == Stage::kReveal
                             ? std::vector<Effect>{LeaveOut{id("d")}, Advance{}, opens(1)}
                             : kNextStage;
      send_all(script, left, stage, goes ? std::vector<Effect>{} : then);
      if (goes) {
        CHECK(stage_of(script) == gone_at);
        script.after(config.round_deadline, kNextStage);
      }
    }
    CHECK(script.state().members.size() == 3);
  }
}

TEST_CASE("rounds: without enough members the stages begin again, with those who are there",
          "[rounds]") {
  const std::vector<const char*> all{"a", "b", "c", "d"};
  auto config = config_of(4);
  auto script = joined(config, all);
  send_all(script, all, Stage::kKeys, kNextStage);
  send_all(script, {"a", "b"}, Stage::kShares, {});
  script.after(config.round_deadline, {RestartCollection{kSummaries}});
  CHECK(stage_of(script) == Stage::kKeys);
  CHECK(std::get<Contribute>(script.todo("a")).attempt == 2);
  send_all(script, all, Stage::kKeys, kNextStage, 2);
  CHECK(stage_of(script) == Stage::kShares);
}

TEST_CASE("rounds: a sum whose members are confirmed waits for those who are to open it",
          "[rounds]") {
  const std::vector<const char*> all{"a", "b", "c", "d"};
  auto config = config_of(4, 1);
  auto script = joined(config, all);
  for (const auto stage : {Stage::kKeys, Stage::kShares, Stage::kMasked, Stage::kConfirm}) {
    send_all(script, all, stage, kNextStage);
  }
  send_all(script, {"a", "b"}, Stage::kReveal, {});
  script.after(config.round_deadline, {ExtendCollection{kSummaries, 2}});
  CHECK(std::get<Contribute>(script.todo("c")).attempt == 1);
  script.on(message("c", Stage::kReveal), {folded("c")});
  script.after(config.round_deadline, {LeaveOut{id("d")}, Advance{}, opens(1)});
}

TEST_CASE("rounds: a secure sum that never finds enough members ends the training", "[rounds]") {
  const std::vector<const char*> all{"a", "b", "c", "d"};
  auto config = config_of(4, 0);
  auto script = joined(config, all);
  send_all(script, {"a", "b"}, Stage::kKeys, {});
  const auto out = step(config, script.state(), Tick{}, script.now() + config.round_deadline);
  CHECK(out.state.phase == Phase::kFailed);
}

TEST_CASE("rounds: an evicted member leaves a secure sum until its members are confirmed",
          "[rounds]") {
  const std::vector<const char*> all{"a", "b", "c", "d"};
  auto script = joined(config_of(4), all);
  send_all(script, all, Stage::kKeys, kNextStage);
  script.on(ClientEvicted{id("d")}, {EvictClient{id("d")}, RestartCollection{kSummaries}});
  CHECK(script.state().open.roster.size() == 3);

  auto later = joined(config_of(4), all);
  for (const auto stage : {Stage::kKeys, Stage::kShares, Stage::kMasked}) {
    send_all(later, all, stage, kNextStage);
  }
  later.on(ClientEvicted{id("d")}, {EvictClient{id("d")}});
  send_all(later, {"a", "b", "c"}, Stage::kConfirm, kNextStage);
  send_all(later, {"a", "b", "c"}, Stage::kReveal, kOpened);
}
