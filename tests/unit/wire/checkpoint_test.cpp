#include "common/wire/checkpoint.hpp"

#include <string>

#include "common/wire/sealed_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {
namespace {

WorkerState a_state() {
  WorkerState state{Update{UpdateMetadata{.run = "0a1b",
                                          .round = {3},
                                          .client = *ClientId::parse("a"),
                                          .rows = 7,
                                          .generator_loss = 0.1},
                           {{{"w", {2}}, {"b", {}}}, {1.0F, -2.0F, 0.5F}}},
                    {{{"adam.m.w", {2}}, {"adam.steps", {1}}}, {0.25F, 0.125F, 3.0F}},
                    {}};
  return state;
}

}  // namespace

TEST_CASE("wire: a worker's state comes back, with and without a residual", "[wire]") {
  auto state = a_state();
  CHECK(decode_worker_state(encode(state), "file").value() == state);
  state.residual = {state.update.delta.specs, {0.01F, 0.0F, -0.02F}};
  CHECK(decode_worker_state(encode(state), "file").value() == state);
  CHECK(encode(state) == encode(state));
}

TEST_CASE("wire: a worker's state of an earlier version is refused by name", "[wire]") {
  const auto state = a_state();
  const auto old = seal(state.optimizer,
                        {{std::string(kFormatKey), "genesis.worker.v1"},
                         {std::string(kUpdateKey), encode(state.update.metadata)}});
  const auto refused = decode_worker_state(old, "state/round-3");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kInvalidArgument);
  CHECK(refused.error().message ==
        "state/round-3: its format is \"genesis.worker.v1\" but this version reads "
        "\"genesis.worker.v2\"; use the version that made it");
}

TEST_CASE("wire: a worker's state that was cut or altered is refused", "[wire]") {
  auto state = a_state();
  state.residual = {state.update.delta.specs, {0.01F, 0.0F, -0.02F}};
  const auto bytes = encode(state);
  for_each_truncation(
      bytes, [](const std::string& cut) { REQUIRE_FALSE(decode_worker_state(cut, "file")); });
  for_each_bit_flip(bytes, [](const std::string& damaged, std::size_t /*byte*/) {
    REQUIRE_FALSE(decode_worker_state(damaged, "file"));
  });
}

}  // namespace genesis::wire
