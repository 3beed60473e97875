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

/// Negative when `value` is not finite or beyond kMaxMagnitude: NaN and infinity have larger bits
/// than any finite magnitude. No branch, so that loops over it vectorise. Always inlined, as
/// all_valid, so that it takes on the instruction set of its caller.
[[gnu::always_inline]] inline std::int32_t headroom(float value) {
  constexpr auto kMost = std::bit_cast<std::int32_t>(kMaxMagnitude);
  const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU;
  return kMost - static_cast<std::int32_t>(magnitude);
}

[[gnu::always_inline]] inline bool all_valid(const float* values, std::size_t count) {
  std::int32_t signs = 0;
  for (std::size_t i = 0; i < count; ++i) {
    signs |= headroom(values[i]);
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
