#include <cmath>
#include <vector>

#include "common/aggregation/norm_bound.hpp"
#include "tests/unit/aggregator/training.hpp"

using namespace genesis;
using namespace genesis::aggregator;

namespace {

const std::string kLocal = "  local: {batchSize: 4}\n";
const std::string kThree = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  seed: 5
  model: {embeddingDim: 4, generatorDims: [8], discriminatorDims: [8], pac: 2}
  rounds: {count: 9, minClients: 3}
  participants:
    - {name: a, external: true}
    - {name: b, external: true}
    - {name: c, external: true}
)" + kLocal;

tabular::Table rows(std::size_t count) {
  std::string csv = "colour,size\n";
  for (std::size_t i = 0; i < count; ++i) {
    csv += std::string(i % 2 == 0 ? "red" : "blue") + "," + std::to_string(i % 4) + ".5\n";
  }
  return rows_of(csv.c_str());
}

// Three clients in round 1; c has 1000 rows, the others 10 each.
struct Three {
  Three() : Three(std::vector<spec::Override>{}) {}
  explicit Three(std::vector<spec::Override> overrides)
      : coordinator(*Coordinator::start(*spec::parse(kThree, "test", overrides), "run-1", {})) {
    coordinator.on_checkpoint(
        [this](const wire::Checkpoint& saved) { checkpoints.push_back(saved); });
    for (const char* client : {"a", "b", "c"}) {
      REQUIRE(join(coordinator, client, of(client)));
    }
    for (const char* client : {"a", "b", "c"}) {
      REQUIRE(coordinator.contribute("", summary_of(coordinator, client, of(client)), {}));
    }
    REQUIRE(round_of(coordinator) == RoundId{1});
  }
  static tabular::Table of(const char* client) { return rows(*client == 'c' ? 1000 : 10); }

  [[nodiscard]] Tensors global() const {
    return wire::decode_safetensors(*Served(coordinator).fetch("parameters"))->tensors;
  }
  Status send(const char* client, float value) {
    auto made = contribution_of(coordinator, client);
    auto delta = global();
    std::ranges::fill(delta.values, value);
    made.body = rounds::Plain{std::move(delta)};
    return coordinator.contribute("", std::move(made), {});
  }
  // What each weight moves by when the clients send these values.
  double step(float a, float b, float c, const std::vector<const char*>& order = {"a", "b", "c"}) {
    const auto before = global();
    for (const char* client : order) {
      REQUIRE(send(client, *client == 'a' ? a : *client == 'b' ? b : c));
    }
    return double{global().values[0]} - double{before.values[0]};
  }
  [[nodiscard]] std::uint64_t scaled(const char* client) const {
    for (const auto& report : coordinator.status({}).clients) {
      if (report.id == client) {
        return report.scaled_updates.value_or(0);
      }
    }
    return 0;
  }

  std::vector<wire::Checkpoint> checkpoints;
  Coordinator coordinator;
};

}  // namespace

TEST_CASE("aggregator: one client has no more than aggregation.maxShare of a sum", "[aggregator]") {
  Three half;
  CHECK_THAT(half.step(0.0F, 0.0F, 0.5F), WithinAbs(0.25, 1e-6));
  REQUIRE(half.coordinator.status({}).warnings.size() == 1);
  CHECK(half.coordinator.status({}).warnings[0] ==
        "client c claims 98.0% of all rows and weighs 50.0% of the sum; declare "
        "participants.maxRows, or lower aggregation.maxShare");
  Three off(std::vector<spec::Override>{{"aggregation.maxShare", "1.0"}});
  CHECK_THAT(off.step(0.0F, 0.0F, 0.5F), WithinAbs(0.5 * 1000.0 / 1020.0, 1e-6));
}

TEST_CASE("aggregator: the cap holds for what is counted before the rounds, too", "[aggregator]") {
  Three three;
  const auto encoder = *method::parse_encoder(*Served(three.coordinator).fetch("encoder"));
  double weights = 0.0;
  for (const auto& mode : encoder.columns()[0].modes) {
    weights += mode.weight;
  }
  CHECK_THAT(weights, WithinAbs(1.0, 1e-9));
}

TEST_CASE("aggregator: an update longer than the bound counts with its direction alone",
          "[aggregator]") {
  Three three(std::vector<spec::Override>{{"aggregation.maxUpdateNorm", "1"},
                                          {"aggregation.strategy", "fedavg"}});
  const auto weights = static_cast<double>(three.global().values.size());
  const double bound = 1.0 / std::sqrt(weights);  // of each value, where all are alike
  CHECK_THAT(three.step(0.0F, 0.0F, -30000.0F), WithinAbs(-bound / 3.0, 1e-6));
  CHECK(three.scaled("c") == 1);
  CHECK(three.scaled("a") == 0);
  // The median of the first round's norms is 0: its bound stays.
  CHECK_THAT(three.step(0.01F, 0.01F, 30000.0F), WithinAbs((0.02 + bound) / 3.0, 1e-6));
  // From here on ten times what is usual.
  CHECK_THAT(three.step(0.01F, 0.01F, 30000.0F), WithinAbs((0.02 + 0.1) / 3.0, 1e-4));
}

TEST_CASE("aggregator: the bound of a round does not depend on the order of arrival",
          "[aggregator]") {
  std::vector<Tensors> ends;
  for (const auto& order : {std::vector{"a", "b", "c"}, std::vector{"c", "a", "b"}}) {
    Three three;
    for (int round = 0; round < 3; ++round) {
      three.step(0.01F, 0.02F, 30000.0F, order);
    }
    ends.push_back(three.global());
  }
  CHECK(ends[0] == ends[1]);
}

TEST_CASE("aggregator: the first bound follows from the number of weights", "[aggregator]") {
  Three three(std::vector<spec::Override>{{"aggregation.strategy", "fedavg"}});
  const double step = three.step(0.0F, 0.0F, 30000.0F);
  CHECK_THAT(step, WithinAbs(1.0 / 3.0, 1e-5));  // a root mean square of 1
}

TEST_CASE("aggregator: the bound survives a restart", "[aggregator]") {
  Three three;
  three.step(0.01F, 0.01F, 0.01F);
  const auto spec = *spec::parse(kThree, "test");
  const auto saved = *wire::decode_checkpoint(wire::encode(three.checkpoints.back()), "file");
  const auto norm = 0.01 * std::sqrt(static_cast<double>(three.global().values.size()));
  CHECK_THAT(saved.norm_bound, WithinAbs(aggregation::kNormBoundFactor * norm, 1e-4));
  CHECK(Coordinator::resume(spec, saved, {}));
}

TEST_CASE("aggregator: half of the updates scaled down is an alarm", "[aggregator]") {
  Three three(std::vector<spec::Override>{{"aggregation.maxUpdateNorm", "1"}});
  three.step(0.001F, 1000.0F, 1000.0F);
  CHECK_THAT(three.coordinator.status({}).warnings.back(),
             ContainsSubstring("the training may diverge: of 3 updates of round 1, 2 were scaled"));
  three.step(0.001F, 0.001F, 0.001F);
  CHECK(three.coordinator.status({}).warnings.size() == 1);  // the dominance alone
}

TEST_CASE("aggregator: more rows than participants.maxRows are refused", "[aggregator]") {
  const auto spec =
      *spec::parse(kSpec + "    - {name: c, external: true, maxRows: 2}\n" + kLocal, "test");
  auto coordinator = *Coordinator::start(spec, "run-1", Instant{});
  CHECK(join(coordinator, "c", rows(3)).error().message ==
        "client c: says 3 rows, more than the 2 of its participants.maxRows");
  CHECK(join(coordinator, "c", rows(2)));
}

TEST_CASE("aggregator: a site that the majority contradicts is refused and may come again",
          "[aggregator]") {
  auto coordinator = *Coordinator::start(*spec::parse(kThree, "test"), "run-1", Instant{});
  REQUIRE(join(coordinator, "a", rows_of("x\nq\n")));
  REQUIRE(join(coordinator, "b", rows(10)));
  REQUIRE(join(coordinator, "c", rows(10)));
  CHECK(coordinator.state().phase == rounds::Phase::kJoining);
  const auto status = coordinator.status({});
  CHECK(status.clients[0].state == "refused");
  const auto again = join(coordinator, "a", rows_of("x\nq\n"));
  CHECK(again.error().code == Errc::kInvalidArgument);
  CHECK_THAT(again.error().message, ContainsSubstring("(as at 2 of 3 sites)"));
  CHECK(join(coordinator, "a", rows(20)));
  CHECK(coordinator.state().phase == rounds::Phase::kCollecting);
}

TEST_CASE("aggregator: sites that are half and half end the training with both named",
          "[aggregator]") {
  auto coordinator = *Coordinator::start(*spec::parse(kSpec + kLocal, "test"), "run-1", Instant{});
  REQUIRE(join(coordinator, "a", table("a")));
  REQUIRE(join(coordinator, "b", rows_of("colour\nred\n")));
  REQUIRE(coordinator.state().phase == rounds::Phase::kFailed);
  CHECK_THAT(coordinator.state().reason,
             ContainsSubstring("column 'size' of client 'a' is missing at client 'b'"));
}

TEST_CASE("aggregator: a rollback goes on from the round's own parameters and bound",
          "[aggregator]") {
  Three three;
  three.step(0.01F, 0.01F, 0.01F);
  const auto good = three.global();
  const auto kept = three.checkpoints.back();
  for (int round = 0; round < 2; ++round) {
    three.step(30000.0F, 30000.0F, 30000.0F);
  }
  const auto poisoned = three.coordinator.state().open.id;
  auto foreign = kept;
  foreign.run = "run-2";
  CHECK(three.coordinator.roll_back(foreign, {}).error().code == Errc::kFailedPrecondition);
  REQUIRE(three.coordinator.roll_back(kept, {}));
  CHECK(three.global() == good);
  CHECK(round_of(three.coordinator) == RoundId{2});
  CHECK(three.coordinator.state().open.id > poisoned);
  CHECK(three.checkpoints.back().round == RoundId{1});
  CHECK(three.checkpoints.back().collection == poisoned);
  CHECK(three.checkpoints.back().norm_bound == kept.norm_bound);
  CHECK(three.coordinator.roll_back(kept, {}));
  CHECK(three.step(0.01F, 0.01F, 0.01F) > 0.0);
}
