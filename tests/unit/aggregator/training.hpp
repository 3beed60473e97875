#pragma once
// Small trainings for tests of the coordinator.
#include <string>
#include <vector>

#include "aggregator/coordinator.hpp"
#include "common/spec/parse.hpp"
#include "common/wire/safetensors.hpp"
#include "tests/support/catch.hpp"

namespace genesis::aggregator {

inline const std::string kSpec = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  seed: 5
  model: {embeddingDim: 4, generatorDims: [8], discriminatorDims: [8], pac: 2}
  rounds: {count: 2, minClients: 1}
  participants:
    - {name: a, external: true}
    - {name: b, external: true}
)";

inline ClientId id(const char* name) {
  return *ClientId::parse(name);
}

inline tabular::Table rows_of(const char* csv) {
  return *tabular::parse_csv(csv, "test.csv");
}

// The tables of tests are small: all their text may leave.
inline tabular::Sketch sketch_of(const tabular::Table& rows) {
  return tabular::sketch(rows, {.min_category_count = 1});
}

inline const tabular::Table& table(const char* client) {
  static const auto a = rows_of("colour,size\nred,1.5\nblue,2.5\nred,3.5\n");
  static const auto b = rows_of("colour,size\ngreen,9.5\nblue,8.5\n");
  return *client == 'a' ? a : b;
}

// A coordinator whose clients have all joined, counted, and are in round 1.
class Training {
 public:
  explicit Training(const std::string& local = "  local: {batchSize: 4}",
                    const std::vector<spec::Override>& overrides = {})
      : coordinator(*spec::parse(kSpec + local, "test", overrides), "run-1", Instant{}) {
    for (const char* client : {"a", "b"}) {
      REQUIRE(coordinator.join({id(client), sketch_of(table(client))}, now));
    }
    for (const char* client : {"b", "a"}) {
      const auto task = coordinator.task(id(client), now);
      const auto& plan = std::get<wire::Summarize>(*task).plan;
      REQUIRE(coordinator.add_summary(
          {"run-1", id(client), *tabular::summarize(table(client), plan)}, now));
    }
    REQUIRE(coordinator.state().phase == rounds::Phase::kTraining);
  }

  [[nodiscard]] Tensors global() const {
    return wire::decode_safetensors(**coordinator.parameters(coordinator.state().round))->tensors;
  }
  // An update that adds `value` to every parameter.
  [[nodiscard]] wire::Update update(const char* client, std::uint32_t round, float value) const {
    wire::Update update{wire::UpdateMetadata{.run = "run-1",
                                             .round = RoundId{round},
                                             .client = id(client),
                                             .rows = table(client).rows},
                        global()};
    for (auto& x : update.delta.values) {
      x = value;
    }
    return update;
  }

  Instant now{};
  Coordinator coordinator;
};

}  // namespace genesis::aggregator
