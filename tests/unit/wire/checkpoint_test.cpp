#include "common/wire/checkpoint.hpp"

#include <string>

#include "common/wire/sealed_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {
namespace {

WorkerState a_state() {
  return {
      .contribution = {.run = "0a1b",
                       .collection = {4},
                       .client = *ClientId::parse("a"),
                       .body = rounds::Plain{Tensors{{{"w", {2}}, {"b", {}}}, {1.0F, -2.0F, 0.5F}}},
                       .telemetry = {{"loss", 0.1}}},
      .method = {{{"adam.m.w", {2}}, {"adam.steps", {1}}}, {0.25F, 0.125F, 3.0F}}};
}

Tensors a_residual() {
  return {{{"w", {2}}, {"b", {}}}, {0.01F, 0.0F, -0.02F}};
}

Checkpoint a_checkpoint() {
  return {.run = "0a1b",
          .training_json = "{}",
          .collection = {4},
          .round = {3},
          .norm_bound = 12.5,
          .clients = {{.client = *ClientId::parse("a"),
                       .rows = 7,
                       .introduction_sha256 = "ab",
                       .instance = "cd",
                       .last_collection = {4},
                       .last_round = {3},
                       .failures = 1,
                       .times_quarantined = 2,
                       .returns_in = {9},
                       .reason = "why",
                       .ledger_head = "0a:3:0b"},
                      {.client = *ClientId::parse("b"), .rows = 3, .is_evicted = true}},
          .method = {.documents = {{"encoder", "{}"}, {"other", "text"}},
                     .tensors = {{{"w", {2}}}, {1.0F, 2.0F}}}};
}

}  // namespace

TEST_CASE("wire: a worker's state with counts reads back", "[wire]") {
  auto state = a_state();
  state.method = {};
  state.contribution.body = rounds::Plain{rounds::Counts{1, 0, std::uint64_t{1} << 53U}};
  const auto read = decode_worker_state(encode(state), "state");
  REQUIRE(read);
  CHECK(*read == state);
}

TEST_CASE("wire: a worker's state comes back, with and without a residual", "[wire]") {
  auto state = a_state();
  CHECK(decode_worker_state(encode(state), "file").value() == state);
  state.residual = a_residual();
  CHECK(decode_worker_state(encode(state), "file").value() == state);
  CHECK(encode(state) == encode(state));
}

TEST_CASE("wire: a worker's state of an earlier version is refused by name", "[wire]") {
  const auto state = a_state();
  const auto old = seal(state.method, {{std::string(kFormatKey), "genesis.worker.v1"}});
  const auto refused = decode_worker_state(old, "state/round-3");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kInvalidArgument);
  CHECK(refused.error().message ==
        "state/round-3: its format is \"genesis.worker.v1\" but this version reads "
        "\"genesis.worker.v3\"; use the version that made it");
}

TEST_CASE("wire: a worker's state that was cut or altered is refused", "[wire]") {
  auto state = a_state();
  state.residual = a_residual();
  const auto bytes = encode(state);
  for_each_truncation(
      bytes, [](const std::string& cut) { REQUIRE_FALSE(decode_worker_state(cut, "file")); });
  for_each_bit_flip(bytes, [](const std::string& damaged, std::size_t /*byte*/) {
    REQUIRE_FALSE(decode_worker_state(damaged, "file"));
  });
}

TEST_CASE("wire: a checkpoint comes back, and damaged it does not", "[wire]") {
  const auto bytes = encode(a_checkpoint());
  CHECK(decode_checkpoint(bytes, "file").value() == a_checkpoint());
  for_each_truncation(
      bytes, [](const std::string& cut) { REQUIRE_FALSE(decode_checkpoint(cut, "file")); });
  for_each_bit_flip(bytes, [](const std::string& damaged, std::size_t /*byte*/) {
    REQUIRE_FALSE(decode_checkpoint(damaged, "file"));
  });
}

}  // namespace genesis::wire
