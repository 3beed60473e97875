#include "aggregator/update_check.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/aggregation/strategy.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::aggregator {

Status check_update(const wire::Update& update, std::uint64_t rows, const Tensors& global) {
  if (update.metadata.rows != rows) {
    return fail(Errc::kInvalidArgument,
                "says " + std::to_string(update.metadata.rows) + " rows, but it joined with " +
                    std::to_string(rows));
  }
  GENESIS_RETURN_IF_ERROR(wire::check_matches(update.delta, global.specs));
  GENESIS_RETURN_IF_ERROR(wire::check_finite(update.delta));
  const bool in_bounds = std::ranges::all_of(
      update.delta.values, [](float x) { return std::fabs(x) <= aggregation::kMaxMagnitude; });
  if (!in_bounds) {
    return fail(Errc::kInvalidArgument, "a value is beyond 32768; the local training diverged");
  }
  return {};
}

}  // namespace genesis::aggregator
