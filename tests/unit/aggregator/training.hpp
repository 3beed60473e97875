#pragma once
// Small trainings for tests of the coordinator.
#include <string>
#include <utility>
#include <vector>

#include "aggregator/coordinator.hpp"
#include "common/method/agreement.hpp"
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

inline wire::JoinRequest join_request(const char* client, const tabular::Table& rows) {
  return {.client = id(client),
          .introduction = method::sketch_text(sketch_of(rows), method::Grid::kOfSites)};
}

/// The documents of the open collection, as a site gets them.
class Served final : public method::Documents {
 public:
  explicit Served(const Coordinator& coordinator) : coordinator_(coordinator) {}
  Result<std::string> fetch(std::string_view name) override {
    auto document = coordinator_.document(coordinator_.state().open.id, name);
    return document ? Result<std::string>(*document->bytes)
                    : Result<std::string>(tl::unexpected(document.error()));
  }

 private:
  const Coordinator& coordinator_;
};

/// Joins, as a process that names no instance, whose predecessor has gone.
inline Result<wire::JoinReply> join(Coordinator& coordinator,
                                    const char* client,
                                    const tabular::Table& rows,
                                    Instant now = {}) {
  return coordinator.join(join_request(client, rows), "", true, now);
}

inline rounds::Contribution contribution_of(const Coordinator& coordinator, const char* client) {
  return {.run = coordinator.run(),
          .collection = coordinator.state().open.id,
          .client = id(client),
          .body = {}};
}

/// What the client counts of `rows` on the plan.
inline rounds::Contribution summary_of(const Coordinator& coordinator,
                                       const char* client,
                                       const tabular::Table& rows) {
  auto summary = contribution_of(coordinator, client);
  Served documents(coordinator);
  summary.body = rounds::Plain{method::count_rows(rows, {}, documents)->values};
  return summary;
}

inline bool is_asked(Coordinator& coordinator, const char* client, Instant now) {
  return std::holds_alternative<wire::Contribute>(*coordinator.task({id(client)}, now));
}

inline Tensors& tensors_of(rounds::Contribution& contribution) {
  return std::get<Tensors>(std::get<rounds::Plain>(contribution.body).values);
}

inline RoundId round_of(const Coordinator& coordinator) {
  return coordinator.state().open.request.round;
}

// A coordinator whose clients have all joined, counted, and are in round 1 (collection 2).
class Training {
 public:
  explicit Training(const std::string& local = "  local: {batchSize: 4}",
                    const std::vector<spec::Override>& overrides = {})
      : coordinator(
            *Coordinator::start(*spec::parse(kSpec + local, "test", overrides), "run-1", {})) {
    for (const char* client : {"a", "b"}) {
      REQUIRE(join(coordinator, client, table(client), now));
    }
    for (const char* client : {"b", "a"}) {
      REQUIRE(send(summary_of(coordinator, client, table(client))));
    }
    REQUIRE(round_of(coordinator) == RoundId{1});
  }

  Status send(rounds::Contribution contribution) {
    return coordinator.contribute("", std::move(contribution), now);
  }
  [[nodiscard]] Tensors global() const {
    return wire::decode_safetensors(*Served(coordinator).fetch("parameters"))->tensors;
  }
  // An update that adds `value` to every parameter.
  [[nodiscard]] rounds::Contribution update(const char* client,
                                            std::uint32_t round,
                                            float value) const {
    auto made = contribution_of(coordinator, client);
    made.collection = CollectionId{round + 1};
    auto delta = global();
    for (auto& x : delta.values) {
      x = value;
    }
    made.body = rounds::Plain{std::move(delta)};
    return made;
  }

  Instant now{};
  Coordinator coordinator;
};

}  // namespace genesis::aggregator
