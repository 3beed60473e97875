#include <filesystem>
#include <set>
#include <sstream>

#include <unistd.h>

#include "genesis/federated_synthesizer.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;

namespace {

const std::string kSpec = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  seed: 5
  model: {embeddingDim: 8, generatorDims: [16], discriminatorDims: [16], pac: 1}
  rounds: {count: 2, minClients: 2}
  local: {epochs: 1, batchSize: 20}
)";

std::string rows_of_site(int first) {
  std::string csv = "age,group\n";
  for (int i = first; i < first + 60; ++i) {
    csv += std::to_string(20 + i * 7 % 50) + "," + "abc"[i % 3] + "\n";
  }
  return csv;
}

FitOptions two_sites() {
  FitOptions options;
  options.spec = kSpec;
  options.tables = {{"east", "", rows_of_site(0)}, {"west", "", rows_of_site(100)}};
  return options;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

SampleOptions rows(std::uint64_t count) {
  SampleOptions options;
  options.rows = count;
  return options;
}

}  // namespace

TEST_CASE("genesis: fit tells of every client and every round, in order", "[genesis]") {
  auto options = two_sites();
  std::vector<std::string> told;
  options.on_metrics = [&](const TrainMetrics& metrics) {
    CHECK(metrics.rows == 60);
    CHECK(metrics.telemetry.at("steps") == 3);
    CHECK(metrics.telemetry.at("update_norm") > 0.0);
    told.push_back(metrics.client + " " + std::to_string(metrics.round));
  };
  options.on_round_complete =
      [&](std::uint32_t round, const RoundMetrics& metrics, std::size_t n_clients) {
        CHECK(metrics.total_rounds == 2);
        CHECK(metrics.telemetry.at("update_norm") > 0.0);
        told.push_back("round " + std::to_string(round) + " of " + std::to_string(n_clients));
      };
  REQUIRE(FederatedSynthesizer::fit(options));
  CHECK(told == std::vector<std::string>{
                    "east 1", "west 1", "round 1 of 2", "east 2", "west 2", "round 2 of 2"});
}

TEST_CASE("genesis: the model depends on spec and rows, not on who listens or how they come",
          "[genesis]") {
  const auto first = FederatedSynthesizer::fit(two_sites());
  REQUIRE(first);
  auto named = two_sites();
  named.spec += "  participants: [{name: east, external: true}, {name: west, external: true}]\n";
  std::swap(named.tables[0], named.tables[1]);
  const auto second = FederatedSynthesizer::fit(named);
  REQUIRE(second);
  CHECK(first->model().sha256 == second->model().sha256);
  named.overrides = {{"seed", "6"}};
  const auto third = FederatedSynthesizer::fit(named);
  REQUIRE(third);
  CHECK(third->model().sha256 != first->model().sha256);
}

TEST_CASE("genesis: a saved model makes the same rows once loaded", "[genesis]") {
  const auto path = std::filesystem::temp_directory_path() /
                    ("genesis-synthesizer-" + std::to_string(::getpid()) + ".safetensors");
  const auto fitted = FederatedSynthesizer::fit(two_sites());
  REQUIRE(fitted);
  REQUIRE(fitted->save(path));
  const auto loaded = FederatedSynthesizer::load(path);
  std::filesystem::remove(path);
  REQUIRE(loaded);
  CHECK(loaded->model().path == path);
  CHECK(*loaded->sample(rows(50)) == *fitted->sample(rows(50)));

  auto other = rows(50);
  other.seed = 1;
  CHECK(*loaded->sample(other) != *loaded->sample(rows(50)));
  const auto sampled = lines(*loaded->sample(rows(50)));
  REQUIRE(sampled.size() == 51);
  CHECK(sampled[0] == "age,group");
}

TEST_CASE("genesis: a condition holds in every row, and an unknown one is named", "[genesis]") {
  const auto model = FederatedSynthesizer::fit(two_sites());
  REQUIRE(model);
  auto options = rows(200);
  options.conditions = {{"group", "b"}};
  const auto csv = model->sample(options);
  REQUIRE(csv);
  auto sampled = lines(*csv);
  REQUIRE(sampled.size() == 201);
  for (std::size_t i = 1; i < sampled.size(); ++i) {
    CHECK(sampled[i].ends_with(",b"));
  }
  options.conditions = {{"grop", "b"}};
  const auto unknown = model->sample(options);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Errc::kInvalidArgument);
  CHECK_THAT(unknown.error().message, ContainsSubstring("group"));
}

TEST_CASE("genesis: what is missing for a fit is named", "[genesis]") {
  const auto refused = [](const FitOptions& options) {
    const auto model = FederatedSynthesizer::fit(options);
    REQUIRE_FALSE(model);
    return model.error().message;
  };
  auto options = two_sites();
  options.tables.clear();
  options.overrides = {{"rounds.minClients", "1"}};
  CHECK_THAT(refused(options), ContainsSubstring("participants"));
  options = two_sites();
  options.spec += "  participants: [{name: east, external: true}, {name: north, external: true}]\n";
  CHECK_THAT(refused(options), ContainsSubstring("west"));
  options.tables.pop_back();
  CHECK_THAT(refused(options), ContainsSubstring("north"));
  options = two_sites();
  options.tables[1].csv = "age,group\n20,a\n21\n";
  CHECK_THAT(refused(options), ContainsSubstring("west:3"));
  options = two_sites();
  options.tables[1].site = "a/b";
  CHECK_THAT(refused(options), ContainsSubstring("client id"));
}

TEST_CASE("genesis: bytes that are no model are refused by name", "[genesis]") {
  const auto model = FederatedSynthesizer::from_bytes("nothing", "here");
  REQUIRE_FALSE(model);
  CHECK_THAT(model.error().message, ContainsSubstring("here"));
}
