// Clients that are slow, silent, hostile or late, before the coordinator without a network.
#include <limits>

#include "tests/unit/aggregator/training.hpp"

using namespace genesis;
using namespace genesis::aggregator;
using namespace std::chrono_literals;

namespace {

const std::string kLocal = "  local: {batchSize: 4}";

const wire::ClientReport& report_of(const wire::StatusReport& status, const char* client) {
  for (const auto& report : status.clients) {
    if (report.id == client) {
      return report;
    }
  }
  FAIL("no such client in the status");
  return status.clients.front();
}

rounds::Contribution garbage(const Training& training, const char* client, std::uint32_t round) {
  auto update = training.update(client, round, 1.0F);
  tensors_of(update).values[3] = std::numeric_limits<float>::quiet_NaN();
  return update;
}

// Round 1 of a training that started without its third participant, c, after the start deadline.
struct WithoutOne {
  WithoutOne()
      : coordinator(*Coordinator::start(
            *spec::parse(kSpec + "    - {name: c, external: true}\n" + kLocal, "test"),
            "run-1",
            Instant{})) {
    for (const char* client : {"a", "b"}) {
      REQUIRE(join(coordinator, client, table(client), now));
    }
    now += 600s;
    coordinator.tick(now);
    for (const char* client : {"a", "b"}) {
      REQUIRE(coordinator.contribute("", summary_of(coordinator, client, table(client)), now));
    }
    REQUIRE(round_of(coordinator) == RoundId{1});
  }

  Status send(const char* client) {
    auto update = contribution_of(coordinator, client);
    const auto bytes = *Served(coordinator).fetch("parameters");
    update.body = rounds::Plain{wire::decode_safetensors(bytes)->tensors};
    return coordinator.contribute("", std::move(update), now);
  }

  Instant now{};
  Coordinator coordinator;
};

}  // namespace

TEST_CASE("aggregator: a late update is refused with the current round, and counted",
          "[aggregator]") {
  Training training;
  const auto late = training.update("b", 1, 1.0F);
  REQUIRE(training.send(training.update("a", 1, 1.0F)));
  training.now += 299s;
  REQUIRE(training.coordinator.task({id("a")}, training.now));
  REQUIRE(training.coordinator.task({id("b")}, training.now));
  training.now += 1s;
  training.coordinator.tick(training.now);
  const auto refused = training.send(late);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kConflict);
  CHECK(refused.error().message ==
        "client b: too late: round 1 closed at its deadline; the current round is 2, collection 3");
  const auto status = training.coordinator.status(training.now);
  CHECK(report_of(status, "b").late_updates == 1);
  CHECK(report_of(status, "b").state == "training");
  CHECK(report_of(status, "b").reason == "sent no update of round 1 within rounds.deadlineSeconds");
}

TEST_CASE("aggregator: a client that sends garbage is quarantined and the others go on",
          "[aggregator]") {
  Training training;
  CHECK_FALSE(training.send(garbage(training, "a", 1)));
  CHECK_FALSE(training.coordinator.refuse(
      id("a"), Error{Errc::kInvalidArgument, "no tensors"}, training.now));
  CHECK(training.coordinator.state().open.roster.contains(id("a")));
  CHECK(is_asked(training.coordinator, "a", training.now));
  CHECK_FALSE(training.send(garbage(training, "a", 1)));
  CHECK_FALSE(is_asked(training.coordinator, "a", training.now));
  const auto status = training.coordinator.status(training.now);
  CHECK(report_of(status, "a").state == "quarantined");
  CHECK(report_of(status, "a").invalid_updates == 3);
  CHECK_THAT(report_of(status, "a").reason,
             ContainsSubstring("3 failures in a row, the last: invalid update: "));
  const auto refused = training.send(training.update("a", 1, 1.0F));
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("quarantined"));
  CHECK_THAT(refused.error().message, ContainsSubstring("the current round is 1"));
  for (const std::uint32_t round : {1U, 2U}) {
    REQUIRE(training.send(training.update("b", round, 1.0F)));
  }
  CHECK(training.coordinator.state().phase == rounds::Phase::kComplete);
}

TEST_CASE(
    "aggregator: a resumed training may have other deadlines and retries, and names what else "
    "differs",
    "[aggregator]") {
  Training training;
  std::optional<wire::Checkpoint> saved;
  training.coordinator.on_checkpoint([&](const wire::Checkpoint& made) { saved = made; });
  REQUIRE(training.send(training.update("a", 1, 0.5F)));
  REQUIRE(training.send(training.update("b", 1, 0.5F)));
  REQUIRE(saved);
  auto other = training.coordinator.training();
  other.rounds.deadline_seconds += 1;
  other.rounds.retries += 1;
  CHECK(Coordinator::resume(other, *saved, training.now));
  other.seed = 9;
  other.rounds.count = 20;
  const auto refused = Coordinator::resume(other, *saved, training.now);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("rounds.count: "));
  CHECK_THAT(refused.error().message, ContainsSubstring(", now 20; seed: "));
  CHECK_THAT(refused.error().message, !ContainsSubstring("deadlineSeconds"));
}

TEST_CASE("aggregator: a training goes on with more rounds once all that it had are closed",
          "[aggregator]") {
  Training training;
  std::vector<wire::Checkpoint> saved;
  training.coordinator.on_checkpoint([&](const wire::Checkpoint& made) { saved.push_back(made); });
  for (const std::uint32_t round : {1U, 2U}) {
    REQUIRE(training.send(training.update("a", round, 0.5F)));
    REQUIRE(training.send(training.update("b", round, 0.5F)));
  }
  REQUIRE(training.coordinator.state().phase == rounds::Phase::kComplete);
  auto more = training.coordinator.training();
  more.rounds.count = 4;
  const auto resumed = Coordinator::resume(more, saved.back(), training.now);
  REQUIRE(resumed);
  CHECK(resumed->state().open.request.round == RoundId{3});
  CHECK_FALSE(Coordinator::resume(more, saved[saved.size() - 2], training.now));  // of round 1
  more.rounds.count = 1;
  CHECK_FALSE(Coordinator::resume(more, saved.back(), training.now));
}

TEST_CASE("aggregator: a resumed training remembers who is quarantined", "[aggregator]") {
  Training training;
  std::optional<wire::Checkpoint> saved;
  training.coordinator.on_checkpoint([&](const wire::Checkpoint& made) {
    saved = *wire::decode_checkpoint(wire::encode(made), "made");
  });
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(training.send(garbage(training, "a", 1)));
  }
  REQUIRE(training.send(training.update("b", 1, 1.0F)));
  REQUIRE(saved);
  auto resumed = Coordinator::resume(training.coordinator.training(), *saved, training.now + 1h);
  REQUIRE(resumed);
  CHECK(resumed->state().open.roster == training.coordinator.state().open.roster);
  CHECK(resumed->state().open.roster == std::set<ClientId>{id("b")});
  const auto now = training.now + 1h;
  CHECK(report_of(resumed->status(now), "a").reason ==
        report_of(training.coordinator.status(now), "a").reason);
}

TEST_CASE("aggregator: a silent client is lost in the status until it asks again", "[aggregator]") {
  Training training;
  REQUIRE(training.send(training.update("a", 1, 1.0F)));
  training.now += 300s;
  training.coordinator.tick(training.now);
  CHECK(round_of(training.coordinator) == RoundId{2});
  // Nobody has been heard of for 300 s, so both are lost; a asks and is drawn at once.
  CHECK(report_of(training.coordinator.status(training.now), "b").state == "lost");
  CHECK_THAT(report_of(training.coordinator.status(training.now), "b").reason,
             ContainsSubstring("silent for 300 s"));
  CHECK(is_asked(training.coordinator, "a", training.now));
  CHECK(report_of(training.coordinator.status(training.now), "a").state == "training");
}

TEST_CASE("aggregator: a site that joins after the start is folded from the next round on",
          "[aggregator]") {
  WithoutOne late;
  // 11.5 is a value that no other site has: the nearest stands for it.
  const auto rows = rows_of("colour,size\ngreen,2.5\ngreen,11.5\nred,1.5\nred,8.5\n");
  REQUIRE(join(late.coordinator, "c", rows, late.now));
  CHECK_FALSE(is_asked(late.coordinator, "c", late.now));
  CHECK(report_of(late.coordinator.status(late.now), "c").state == "waiting");
  REQUIRE(late.send("a"));
  REQUIRE(late.send("b"));
  CHECK(is_asked(late.coordinator, "c", late.now));
  // Its rows are among those that the fold has room for.
  REQUIRE(late.send("c"));
  REQUIRE(late.send("a"));
  REQUIRE(late.send("b"));
  CHECK(late.coordinator.state().phase == rounds::Phase::kComplete);
  CHECK_FALSE(late.coordinator.model().empty());
}

TEST_CASE("aggregator: a late site with another extreme or category is taken", "[aggregator]") {
  WithoutOne late;
  const auto rows = rows_of("colour,size\npink,2.5\nred,700.5\n");
  CHECK(join(late.coordinator, "c", rows, late.now));
}

TEST_CASE("aggregator: a late site whose table does not fit the encoding is refused precisely",
          "[aggregator]") {
  WithoutOne late;
  const auto [csv, expected] = GENERATE(Catch::Generators::table<const char*, const char*>({
      {"colour,size\nred,\nred,2.5\n", "'size': lacks values"},
      {"colour,size\nred,big\n", "'size': is"},
      {"colour\nred\n", "'size': is missing"},
      {"colour,size,age\nred,2.5,3\n", "'age': is at no other site"},
  }));
  const auto refused = join(late.coordinator, "c", rows_of(csv), late.now);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kInvalidArgument);
  CHECK_THAT(refused.error().message, ContainsSubstring("client c: joins after the start"));
  CHECK_THAT(refused.error().message, ContainsSubstring(expected));
  CHECK_FALSE(late.coordinator.state().members.contains(id("c")));
  CHECK(late.coordinator.status(late.now).clients.size() == 2);
}

TEST_CASE("aggregator: a site whose summary came too late joins again", "[aggregator]") {
  auto coordinator = *Coordinator::start(*spec::parse(kSpec + kLocal, "test"), "run-1", Instant{});
  for (const char* client : {"a", "b"}) {
    REQUIRE(join(coordinator, client, table(client)));
  }
  REQUIRE(coordinator.contribute("", summary_of(coordinator, "a", table("a")), Instant{}));
  const auto later = Instant{} + 300s;
  coordinator.tick(later);
  CHECK(round_of(coordinator) == RoundId{1});
  CHECK(report_of(coordinator.status(later), "b").state == "dropped");
  CHECK(coordinator.task({id("b")}, later).error().code == Errc::kFailedPrecondition);
  // The plan had its values, so the encoding has a place for them.
  REQUIRE(join(coordinator, "b", table("b"), later));
  CHECK(report_of(coordinator.status(later), "b").state == "waiting");
  CHECK_FALSE(is_asked(coordinator, "b", later));
}

TEST_CASE("aggregator: a client drawn in place of another fits into the round's fold",
          "[aggregator]") {
  // One of two is needed; the other stands in once the first is quarantined.
  Training training(kLocal, {{"rounds.clientFraction", "0.5"}, {"rounds.maxFailures", "1"}});
  REQUIRE(training.coordinator.state().open.roster.size() == 1);
  const bool is_a = training.coordinator.state().open.roster.contains(id("a"));
  const char* first = is_a ? "a" : "b";
  const char* second = is_a ? "b" : "a";
  CHECK_FALSE(is_asked(training.coordinator, second, training.now));
  CHECK_FALSE(training.send(garbage(training, first, 1)));
  CHECK(is_asked(training.coordinator, second, training.now));
  REQUIRE(training.send(training.update(second, 1, 1.0F)));
  CHECK(round_of(training.coordinator) == RoundId{2});
}
