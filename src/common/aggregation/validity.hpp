#pragma once
// Which values an update may hold. Shared by the folds of this folder.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"

namespace genesis::aggregation {

/// True when every value is finite and within kMaxMagnitude. Works on bits, without a branch, so
/// that it vectorises; NaN and infinity have larger bits than any finite magnitude. Always inlined,
/// so that it takes on the instruction set of its caller.
[[gnu::always_inline]] inline bool all_valid(const float* values, std::size_t count) {
  constexpr auto kMost = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(kMaxMagnitude));
  std::int32_t signs = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(values[i]) & 0x7FFFFFFFU;
    signs |= kMost - static_cast<std::int32_t>(magnitude);
  }
  return signs >= 0;
}

/// Index of the first value that is not valid.
[[nodiscard]] std::optional<std::size_t> first_invalid(std::span<const float> values);

/// The refusal of an update whose element `index` is `value`.
[[nodiscard]] tl::unexpected<Error> invalid_value(std::size_t index, float value);

/// Errors: kInvalidArgument when the update has not `expected` values, or comes from no rows.
[[nodiscard]] Status check_shape(std::size_t received, std::size_t expected, std::uint64_t rows);

}  // namespace genesis::aggregation
