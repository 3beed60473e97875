#include "aggregator/coordinator.hpp"

#include <cmath>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

#include "aggregator/metrics.hpp"
#include "common/spec/parse.hpp"
#include "common/wire/checkpoint.hpp"
#include "common/wire/model_file.hpp"
#include "tests/unit/aggregator/training.hpp"

using namespace genesis;
using namespace genesis::aggregator;

TEST_CASE("aggregator: updates are averaged by rows into the next round's parameters",
          "[aggregator]") {
  Training training("  local: {batchSize: 4}", {{"aggregation.maxUpdateNorm", "1000"}});
  const auto before = training.global();
  REQUIRE(training.send(training.update("b", 1, 1.0F)));
  REQUIRE(training.send(training.update("a", 1, 6.0F)));
  CHECK(round_of(training.coordinator) == RoundId{2});
  const auto after = training.global();
  for (std::size_t i = 0; i < before.values.size(); ++i) {
    // (3 rows * 6 + 2 rows * 1) / 5 = 4
    REQUIRE_THAT(after.values[i] - before.values[i], WithinAbs(4.0, 1e-5));
  }
}

TEST_CASE("aggregator: the last head of each site's ledger is in checkpoints and in the model",
          "[aggregator]") {
  Training training;
  std::optional<wire::Checkpoint> saved;
  training.coordinator.on_checkpoint([&](const wire::Checkpoint& made) {
    saved = *wire::decode_checkpoint(wire::encode(made), "made");
  });
  auto first = training.update("a", 1, 0.1F);
  first.ledger_head = "0a:1:0b";
  REQUIRE(training.send(std::move(first)));
  REQUIRE(training.send(training.update("b", 1, 0.1F)));
  REQUIRE(saved);
  CHECK(saved->clients.at(0).ledger_head == "0a:1:0b");
  CHECK(saved->clients.at(1).ledger_head.empty());
  // A server that starts again has it still, and tells it to the site that joins again.
  training.coordinator = *Coordinator::resume(training.coordinator.training(), *saved, {});
  CHECK(join(training.coordinator, "a", table("a"))->ledger_head == "0a:1:0b");
  CHECK(join(training.coordinator, "b", table("b"))->ledger_head.empty());
  for (const char* client : {"a", "b"}) {
    REQUIRE(training.send(training.update(client, 2, 0.1F)));
  }
  const auto model = wire::decode_model(training.coordinator.model());
  REQUIRE(model);
  const auto clients = nlohmann::json::parse(model->provenance_json)["clients"];
  CHECK(clients["a"]["ledgerHead"] == "0a:1:0b");
  CHECK_FALSE(clients["b"].contains("ledgerHead"));
}

TEST_CASE("aggregator: a private training tells what it promises, in status and metrics",
          "[aggregator]") {
  const std::string text = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  model: {method: mixture}
  privacy: {differentialPrivacy: {epsilon: 3, delta: 1.0e-6}}
  table: {columns: [{name: size, kind: integer, minimum: 0, maximum: 9}, {name: age, kind: integer, minimum: 0, maximum: 9}]}
  rounds: {minClients: 1}
  participants: [{name: a, external: true}]
)";
  auto coordinator = *Coordinator::start(*spec::parse(text, "test"), "run-1", {});
  CHECK(coordinator.status({}).privacy == wire::PrivacyReport{3, 3, 1e-6});
  metrics::Registry registry;
  Metrics metrics(registry, 10);
  coordinator.measure(metrics, {});
  CHECK_THAT(registry.text(), ContainsSubstring("genesis_privacy_epsilon{kind=\"claimed\"} 3\n"));
  CHECK_THAT(registry.text(), ContainsSubstring("genesis_privacy_epsilon{kind=\"worst\"} 3\n"));
  CHECK_FALSE(Training().coordinator.status({}).privacy);
}

TEST_CASE("aggregator: the order of arrival changes no byte of the model", "[aggregator]") {
  Training first;
  Training second;
  for (std::uint32_t round : {1U, 2U}) {
    for (const char* client : {"a", "b"}) {
      REQUIRE(first.send(first.update(client, round, 0.1F)));
    }
    for (const char* client : {"b", "a"}) {
      REQUIRE(second.send(second.update(client, round, 0.1F)));
    }
  }
  REQUIRE(first.coordinator.is_over());
  CHECK_FALSE(first.coordinator.model().empty());
  CHECK(first.coordinator.model() == second.coordinator.model());
  CHECK(wire::decode_model(first.coordinator.model()));
  const auto last = first.coordinator.task({id("a")}, first.now);
  CHECK(std::holds_alternative<wire::Finished>(*last));
}

TEST_CASE("aggregator: what must not be averaged is refused and changes nothing", "[aggregator]") {
  Training training("  local: {batchSize: 4}", {{"rounds.maxFailures", "9"}});
  auto update = training.update("a", 1, 0.5F);
  const auto refused = [&](const rounds::Contribution& bad, Errc code) {
    const auto answer = training.send(bad);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == code);
    CHECK(training.coordinator.state().open.reported.empty());
    return answer.error().message;
  };
  for (const float value : {std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(),
                            40'000.0F}) {
    auto bad = update;
    tensors_of(bad).values[7] = value;
    CHECK_THAT(refused(bad, Errc::kInvalidArgument), ContainsSubstring("client a"));
  }
  auto other_shape = update;
  tensors_of(other_shape).specs.pop_back();
  refused(other_shape, Errc::kInvalidArgument);
  auto counts = update;
  counts.body = rounds::Plain{rounds::Counts{1, 2}};
  CHECK_THAT(refused(counts, Errc::kInvalidArgument), ContainsSubstring("is counts"));
  auto stale = update;
  stale.collection = CollectionId{3};
  refused(stale, Errc::kConflict);
  auto foreign = update;
  foreign.run = "run-0";
  refused(foreign, Errc::kConflict);
  auto stranger = update;
  stranger.client = id("c");
  refused(stranger, Errc::kFailedPrecondition);
  CHECK(training.send(update));
}

TEST_CASE("aggregator: the same update twice is accepted and folded once", "[aggregator]") {
  Training training;
  const auto update = training.update("a", 1, 1.0F);
  CHECK(training.send(update));
  CHECK(training.send(update));
  CHECK(training.coordinator.state().open.reported.size() == 1);
}

TEST_CASE("aggregator: a client is refused for no rows or no invitation", "[aggregator]") {
  auto coordinator = *Coordinator::start(
      *spec::parse(kSpec + "  local: {batchSize: 4}", "test"), "run-1", Instant{});
  REQUIRE(join(coordinator, "a", table("a")));
  CHECK(join(coordinator, "c", table("b")).error().code == Errc::kPermissionDenied);
  CHECK(join(coordinator, "b", tabular::Table{}).error().code == Errc::kInvalidArgument);
  CHECK(coordinator.state().phase == rounds::Phase::kJoining);
  CHECK(join(coordinator, "b", table("b")));
}

TEST_CASE("aggregator: counts that contradict the join are refused", "[aggregator]") {
  auto coordinator = *Coordinator::start(
      *spec::parse(kSpec + "  local: {batchSize: 4}", "test"), "run-1", Instant{});
  for (const char* client : {"a", "b"}) {
    REQUIRE(join(coordinator, client, table(client)));
  }
  const auto foreign = summary_of(coordinator, "a", table("b"));
  CHECK_THAT(coordinator.contribute("", foreign, Instant{}).error().message,
             ContainsSubstring("counts 2 rows, but it joined with 3"));
  auto shorter = summary_of(coordinator, "b", table("b"));
  std::get<rounds::Counts>(std::get<rounds::Plain>(shorter.body).values).pop_back();
  CHECK_FALSE(coordinator.contribute("", shorter, Instant{}));
  CHECK(coordinator.state().open.reported.empty());
}

TEST_CASE("aggregator: the cosine schedule falls over the whole training", "[aggregator]") {
  Training training(R"(  local: {batchSize: 4, learningRate: 0.01, lrSchedule: cosine})");
  const auto rate = [&] {
    const auto task = *training.coordinator.task({id("a")}, training.now);
    const auto& parameters = std::get<wire::Contribute>(task).parameters;
    return nlohmann::json::parse(parameters).at("learning_rate").get<double>();
  };
  CHECK_THAT(rate(), WithinAbs(0.01, 1e-12));
  for (const char* client : {"a", "b"}) {
    REQUIRE(training.send(training.update(client, 1, 0.0F)));
  }
  CHECK_THAT(rate(), WithinAbs(0.005, 1e-12));  // half of the way: cos(pi / 2) = 0
}

TEST_CASE("aggregator: status says who has reported", "[aggregator]") {
  Training training;
  REQUIRE(training.send(training.update("a", 1, 1.0F)));
  const auto status = training.coordinator.status(training.now);
  CHECK(status.phase == wire::Phase::kTraining);
  CHECK(status.current_round == RoundId{1});
  REQUIRE(status.clients.size() == 2);
  CHECK(status.clients[0].state == "reported");
  CHECK(status.clients[1].state == "training");
}

TEST_CASE("aggregator: another protocol version is refused with both named", "[aggregator]") {
  auto coordinator = *Coordinator::start(
      *spec::parse(kSpec + "  local: {batchSize: 4}", "test"), "run-1", Instant{});
  auto old = join_request("a", table("a"));
  old.protocol = 1;
  CHECK_THAT(coordinator.join(old, "", true, Instant{}).error().message,
             ContainsSubstring("client a: speaks protocol version 1, this server version 2"));
}

TEST_CASE("aggregator: a client that joins again with other data is refused", "[aggregator]") {
  Training training;
  CHECK(join(training.coordinator, "a", table("a"), training.now));
  CHECK(join(training.coordinator, "a", table("b"), training.now).error().code == Errc::kConflict);
}

TEST_CASE("aggregator: a second process of one client changes nothing", "[aggregator]") {
  Training training;
  auto& coordinator = training.coordinator;
  const auto again = coordinator.join(join_request("a", table("a")), "twin", false, training.now);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Errc::kAlreadyExists);
  const auto before = training.global();
  CHECK(coordinator.contribute("twin", training.update("a", 1, 9.0F), training.now).error().code ==
        Errc::kPermissionDenied);
  CHECK(coordinator.task({id("a"), "twin"}, training.now).error().code == Errc::kPermissionDenied);
  REQUIRE(training.send(training.update("a", 1, 1.0F)));
  REQUIRE(training.send(training.update("b", 1, 1.0F)));
  CHECK_THAT(training.global().values[0] - before.values[0], WithinAbs(1.0, 1e-6));
}

TEST_CASE("aggregator: a document is served while its collection is open", "[aggregator]") {
  Training training;
  const auto& coordinator = training.coordinator;
  CHECK(coordinator.document(CollectionId{2}, "parameters"));
  CHECK(coordinator.document(CollectionId{2}, "encoder"));
  CHECK(coordinator.document(CollectionId{2}, "plan").error().code == Errc::kNotFound);
  CHECK(coordinator.document(CollectionId{1}, "plan").error().code == Errc::kConflict);
  CHECK(coordinator.document(CollectionId{3}, "parameters").error().code == Errc::kConflict);
}

TEST_CASE("aggregator: a method that this build does not have is refused", "[aggregator]") {
  auto spec = *spec::parse(kSpec + "  local: {batchSize: 4}", "test");
  spec.model.method = "unknown";
  CHECK_THAT(Coordinator::start(spec, "run-1", Instant{}).error().message,
             ContainsSubstring("spec.model.method: \"unknown\" is no method of this version"));
}
