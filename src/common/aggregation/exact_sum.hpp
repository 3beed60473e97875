#pragma once
// The inner loop of the exact means: floats into fixed-point sums.
#include <cstddef>
#include <cstdint>
#include <span>

namespace genesis::aggregation {

/// sums[i] += round(values[i] * scale), ties to even, in two's complement. Stops before the first
/// block of values that holds an invalid one (validity.hpp); returns how many were added. Adding
/// the same values with -scale takes them out again, bit for bit.
///   scale   integer weight < 2^29 times a power of two, so that the product is exact;
///           |values[i] * scale| <= 2^62
[[nodiscard]] std::size_t add_scaled(std::span<std::uint64_t> sums,
                                     std::span<const float> values,
                                     double scale);

}  // namespace genesis::aggregation
