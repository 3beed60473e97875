#pragma once
// Floats as integers of the same order, -0 before +0: a total order makes equal sets give equal
// bits, and integers have vector minimum and maximum in every case.
#include <bit>
#include <cstdint>

namespace genesis::aggregation {

// Its own inverse.
[[nodiscard]] constexpr std::int32_t flip(std::int32_t bits) {
  return bits ^ static_cast<std::int32_t>(static_cast<std::uint32_t>(bits >> 31) >> 1U);
}
[[nodiscard]] constexpr std::int32_t ordered(float value) {
  return flip(std::bit_cast<std::int32_t>(value));
}
[[nodiscard]] constexpr float from_ordered(std::int32_t key) {
  return std::bit_cast<float>(flip(key));
}

}  // namespace genesis::aggregation
