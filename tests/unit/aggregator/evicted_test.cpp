// A client that is evicted leaves no trace in what is summed after it, whenever that was.
#include <algorithm>
#include <optional>

#include "common/wire/checkpoint.hpp"
#include "tests/unit/aggregator/training.hpp"

namespace genesis::aggregator {
namespace {

constexpr float kOfA = 1.0F;
constexpr float kOfB = 3.0F;

enum class When { kBeforeItReports, kAfterItHasReported, kBeforeARestart };

// The model of a training of a and b, of which b is evicted while round 2 is open.
std::string model_without_b(When when) {
  Training training("  local: {batchSize: 4}", {{"rounds.count", "3"}});
  std::optional<wire::Checkpoint> saved;
  training.coordinator.on_checkpoint([&](const wire::Checkpoint& made) {
    saved = *wire::decode_checkpoint(wire::encode(made), "made");
  });
  REQUIRE(training.send(training.update("a", 1, kOfA)));
  REQUIRE(training.send(training.update("b", 1, kOfB)));
  REQUIRE(round_of(training.coordinator) == RoundId{2});
  if (when != When::kBeforeItReports) {
    REQUIRE(training.send(training.update("b", 2, kOfB)));
  }
  training.coordinator.evict(id("b"), training.now);
  CHECK_FALSE(training.send(training.update("b", 2, kOfB)));
  if (when == When::kBeforeARestart) {
    training.coordinator = *Coordinator::resume(training.coordinator.training(), *saved, {});
    training.coordinator.evict(id("b"), training.now);
  }
  for (const std::uint32_t round : {2U, 3U}) {
    REQUIRE(round_of(training.coordinator) == RoundId{round});
    REQUIRE(training.send(training.update("a", round, kOfA)));
  }
  REQUIRE(training.coordinator.state().phase == rounds::Phase::kComplete);
  return training.coordinator.model();
}

const wire::ClientReport& report_of(const wire::StatusReport& status, const char* client) {
  return *std::ranges::find(status.clients, client, &wire::ClientReport::id);
}

}  // namespace

TEST_CASE("aggregator: the model does not depend on when in a round a client was evicted",
          "[aggregator]") {
  const auto model = model_without_b(When::kBeforeItReports);
  CHECK(model_without_b(When::kAfterItHasReported) == model);
  CHECK(model_without_b(When::kBeforeARestart) == model);
}

TEST_CASE("aggregator: a checkpoint keeps who was evicted", "[aggregator]") {
  Training training;
  std::optional<wire::Checkpoint> saved;
  training.coordinator.on_checkpoint([&](const wire::Checkpoint& made) {
    saved = *wire::decode_checkpoint(wire::encode(made), "made");
  });
  training.coordinator.evict(id("b"), training.now);
  REQUIRE(training.send(training.update("a", 1, kOfA)));
  REQUIRE(saved);
  auto resumed = Coordinator::resume(training.coordinator.training(), *saved, training.now);
  REQUIRE(resumed);
  CHECK(resumed->state().evicted == std::set<ClientId>{id("b")});
  CHECK(resumed->state().open.roster == std::set<ClientId>{id("a")});
  CHECK(report_of(resumed->status(training.now), "b").state == "evicted");
  // Let in again, it has to come with the same table.
  CHECK(join(*resumed, "b", table("a")).error().code == Errc::kConflict);
  CHECK(join(*resumed, "b", table("b")));
}

TEST_CASE("aggregator: the table of a client that is evicted while clients join counts no more",
          "[aggregator]") {
  auto coordinator =
      *Coordinator::start(*spec::parse(kSpec + "  local: {batchSize: 4}", "test"), "run-1", {});
  REQUIRE(join(coordinator, "b", rows_of("colour,size\npink,tall\nblue,short\n")));
  coordinator.evict(id("b"), {});
  REQUIRE(join(coordinator, "a", table("a")));
  REQUIRE(coordinator.state().phase == rounds::Phase::kCollecting);
  REQUIRE(coordinator.contribute("", summary_of(coordinator, "a", table("a")), {}));
  const auto late = join(coordinator, "b", rows_of("colour,size\npink,tall\nblue,short\n"));
  REQUIRE_FALSE(late);
}

}  // namespace genesis::aggregator
