#include "common/aggregation/exact_sum.hpp"

#include <algorithm>
#include <bit>

#include "common/aggregation/validity.hpp"

namespace genesis::aggregation {
namespace {

// Small enough that what the check has read is still in the first-level cache for the sum.
constexpr std::size_t kBlock = 2048;

// A double in [2^52, 2^53) holds an integer in its low mantissa bits, so adding kInteger rounds to
// an integer (to even) and leaves it there in two's complement. That reaches 51 bits only; a
// product of 62 bits is split: first its multiple of 2^32 the same way, then what is left.
constexpr double kInteger = 0x1.8p52;
// The low half of kUpper's mantissa cancels the exponent bits of kInteger once it is shifted up, so
// the two halves simply add.
constexpr std::uint64_t kIntegerBits = std::bit_cast<std::uint64_t>(kInteger);
constexpr double kUpper =
    std::bit_cast<double>(std::bit_cast<std::uint64_t>(0x1.8p84) + ((0 - kIntegerBits) >> 32U));
static_assert((std::bit_cast<std::uint64_t>(kUpper) << 32U) + kIntegerBits == 0);
static_assert((kUpper + kInteger) - kUpper == kInteger, "the sum of both is exact");

// What `value` adds. All operations but the two roundings are exact, so with or without fused
// multiply-add, in any vector width, the integer is the same.
[[gnu::always_inline]] inline std::uint64_t fixed_point(float value, double scale) {
  const double product = static_cast<double>(value) * scale;
  const double upper = product + kUpper;
  const double lower = product + ((kUpper + kInteger) - upper);
  return (std::bit_cast<std::uint64_t>(upper) << 32U) + std::bit_cast<std::uint64_t>(lower);
}

[[gnu::always_inline]] inline void add_block(std::uint64_t* sums,
                                             const float* values,
                                             std::size_t count,
                                             double scale) {
  for (std::size_t i = 0; i < count; ++i) {
    sums[i] += fixed_point(values[i], scale);
  }
}

// Adds a block while it checks the `ahead` values after it: the check then fetches from memory what
// the next call adds, and neither waits for the other.
[[gnu::always_inline]] inline bool add_block_and_check(std::uint64_t* sums,
                                                       const float* values,
                                                       std::size_t ahead,
                                                       double scale) {
  std::int32_t signs = 0;
  for (std::size_t i = 0; i < ahead; ++i) {
    signs |= headroom(values[kBlock + i]);
    sums[i] += fixed_point(values[i], scale);
  }
  add_block(sums + ahead, values + ahead, kBlock - ahead, scale);
  return signs >= 0;
}

[[gnu::always_inline]] inline std::size_t add_blocks(std::span<std::uint64_t> sums,
                                                     std::span<const float> values,
                                                     double scale) {
  std::size_t done = 0;
  if (!all_valid(values.data(), std::min(kBlock, values.size()))) {
    return done;
  }
  while (values.size() - done > kBlock) {
    const std::size_t ahead = std::min(kBlock, values.size() - done - kBlock);
    const bool valid = add_block_and_check(sums.data() + done, values.data() + done, ahead, scale);
    done += kBlock;
    if (!valid) {
      return done;
    }
  }
  add_block(sums.data() + done, values.data() + done, values.size() - done, scale);
  return values.size();
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] std::size_t add_blocks_avx2(std::span<std::uint64_t> sums,
                                                    std::span<const float> values,
                                                    double scale) {
  return add_blocks(sums, values, scale);
}
#endif

}  // namespace

std::size_t add_scaled(std::span<std::uint64_t> sums, std::span<const float> values, double scale) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) {
    return add_blocks_avx2(sums, values, scale);
  }
#endif
  return add_blocks(sums, values, scale);
}

}  // namespace genesis::aggregation
