#include "aggregator/coordinator.hpp"

#include <cmath>
#include <limits>

#include "common/spec/parse.hpp"
#include "common/wire/model_file.hpp"
#include "tests/unit/aggregator/training.hpp"

using namespace genesis;
using namespace genesis::aggregator;

TEST_CASE("aggregator: updates are averaged by rows into the next round's parameters",
          "[aggregator]") {
  Training training;
  const auto before = training.global();
  REQUIRE(training.coordinator.add_update(training.update("b", 1, 1.0F), training.now));
  REQUIRE(training.coordinator.add_update(training.update("a", 1, 6.0F), training.now));
  CHECK(training.coordinator.state().round == RoundId{2});
  const auto after = training.global();
  for (std::size_t i = 0; i < before.values.size(); ++i) {
    // (3 rows * 6 + 2 rows * 1) / 5 = 4
    REQUIRE_THAT(after.values[i] - before.values[i], WithinAbs(4.0, 1e-5));
  }
}

TEST_CASE("aggregator: the order of arrival changes no byte of the model", "[aggregator]") {
  Training first;
  Training second;
  for (std::uint32_t round : {1U, 2U}) {
    for (const char* client : {"a", "b"}) {
      REQUIRE(first.coordinator.add_update(first.update(client, round, 0.1F), first.now));
    }
    for (const char* client : {"b", "a"}) {
      REQUIRE(second.coordinator.add_update(second.update(client, round, 0.1F), second.now));
    }
  }
  REQUIRE(first.coordinator.is_over());
  CHECK_FALSE(first.coordinator.model().empty());
  CHECK(first.coordinator.model() == second.coordinator.model());
  CHECK(wire::decode_model(first.coordinator.model()));
  const auto last = first.coordinator.task(id("a"), first.now);
  CHECK(std::holds_alternative<wire::Finished>(*last));
}

TEST_CASE("aggregator: what must not be averaged is refused and changes nothing", "[aggregator]") {
  Training training("  local: {batchSize: 4}", {{"rounds.maxFailures", "9"}});
  auto update = training.update("a", 1, 0.5F);
  const auto refused = [&](const wire::Update& bad, Errc code) {
    const auto answer = training.coordinator.add_update(bad, training.now);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == code);
    CHECK(training.coordinator.state().reported.empty());
    return answer.error().message;
  };
  for (const float value : {std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(),
                            40'000.0F}) {
    auto bad = update;
    bad.delta.values[7] = value;
    CHECK_THAT(refused(bad, Errc::kInvalidArgument), ContainsSubstring("client a"));
  }
  auto other_shape = update;
  other_shape.delta.specs.pop_back();
  refused(other_shape, Errc::kInvalidArgument);
  auto more_rows = update;
  more_rows.metadata.rows = 1'000'000;
  CHECK_THAT(refused(more_rows, Errc::kInvalidArgument), ContainsSubstring("rows"));
  auto stale = update;
  stale.metadata.round = RoundId{2};
  refused(stale, Errc::kConflict);
  auto foreign = update;
  foreign.metadata.run = "run-0";
  refused(foreign, Errc::kConflict);
  auto stranger = update;
  stranger.metadata.client = id("c");
  refused(stranger, Errc::kFailedPrecondition);
  CHECK(training.coordinator.add_update(update, training.now));
}

TEST_CASE("aggregator: the same update twice is accepted and folded once", "[aggregator]") {
  Training training;
  const auto update = training.update("a", 1, 1.0F);
  CHECK(training.coordinator.add_update(update, training.now));
  CHECK(training.coordinator.add_update(update, training.now));
  CHECK(training.coordinator.state().reported.size() == 1);
}

TEST_CASE("aggregator: a client is refused for other columns, no rows or no invitation",
          "[aggregator]") {
  Coordinator coordinator(
      *spec::parse(kSpec + "  local: {batchSize: 4}", "test"), "run-1", Instant{});
  REQUIRE(coordinator.join({id("a"), sketch_of(table("a"))}, Instant{}));
  const auto other = rows_of("colour\nred\n");
  const auto differs = coordinator.join({id("b"), sketch_of(other)}, Instant{});
  REQUIRE_FALSE(differs);
  CHECK_THAT(differs.error().message, ContainsSubstring("size"));
  CHECK(coordinator.join({id("c"), sketch_of(table("b"))}, Instant{}).error().code ==
        Errc::kPermissionDenied);
  CHECK(coordinator.join({id("b"), tabular::Sketch{}}, Instant{}).error().code ==
        Errc::kInvalidArgument);
  CHECK(coordinator.state().phase == rounds::Phase::kJoining);
  CHECK(coordinator.join({id("b"), sketch_of(table("b"))}, Instant{}));
}

TEST_CASE("aggregator: counts that contradict the join are refused", "[aggregator]") {
  Coordinator coordinator(
      *spec::parse(kSpec + "  local: {batchSize: 4}", "test"), "run-1", Instant{});
  for (const char* client : {"a", "b"}) {
    REQUIRE(coordinator.join({id(client), sketch_of(table(client))}, Instant{}));
  }
  const auto task = coordinator.task(id("a"), Instant{});
  const auto& plan = std::get<wire::Summarize>(*task).plan;
  auto summary = *tabular::summarize(table("b"), plan);
  CHECK_FALSE(coordinator.add_summary({"run-1", id("a"), summary}, Instant{}));
  summary.columns.pop_back();
  CHECK_FALSE(coordinator.add_summary({"run-1", id("b"), summary}, Instant{}));
  CHECK(coordinator.state().phase == rounds::Phase::kSummarizing);
}

TEST_CASE("aggregator: the cosine schedule falls over the whole training", "[aggregator]") {
  Training training(R"(  local: {batchSize: 4, learningRate: 0.01, lrSchedule: cosine})");
  const auto rate = [&] {
    return std::get<wire::Train>(*training.coordinator.task(id("a"), training.now)).learning_rate;
  };
  CHECK_THAT(rate(), WithinAbs(0.01, 1e-12));
  for (const char* client : {"a", "b"}) {
    REQUIRE(training.coordinator.add_update(training.update(client, 1, 0.0F), training.now));
  }
  CHECK_THAT(rate(), WithinAbs(0.005, 1e-12));  // half of the way: cos(pi / 2) = 0
}

TEST_CASE("aggregator: status says who has reported", "[aggregator]") {
  Training training;
  REQUIRE(training.coordinator.add_update(training.update("a", 1, 1.0F), training.now));
  const auto status = training.coordinator.status(training.now);
  CHECK(status.phase == wire::Phase::kTraining);
  CHECK(status.current_round == RoundId{1});
  REQUIRE(status.clients.size() == 2);
  CHECK(status.clients[0].state == "reported");
  CHECK(status.clients[1].state == "training");
}
