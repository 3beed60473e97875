#pragma once
// Weighted means that do not depend on the order of the updates, in memory for one update.
//
// Each product weight * value becomes a fixed-point integer, in units of 2^-s, and the integers are
// summed: integer addition is associative, so the sum is one function of the set of updates. s is
// chosen from kMaxMagnitude and the largest total weight W so that no sum passes 62 bits:
//   2^15 * W * 2^s <= 2^62.
// Rounding a product to its unit is the only loss before the final division, so the mean of n
// updates is off by at most n * 2^-(s+1) / (total weight): under 2^-48 * n * W / (total weight).
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"

namespace genesis::aggregation {

/// Above this, weight * value would not be exact in a double (24 + 29 = 53 bits).
inline constexpr std::uint64_t kMaxWeight = (std::uint64_t{1} << 29) - 1;
/// Above this, too few bits are left for the values.
inline constexpr std::uint64_t kMaxTotalWeight = std::uint64_t{1} << 36;

class MeanFold {
 public:
  /// Errors: kInvalidArgument for a size of 0 or a max_total_weight of 0; kResourceExhausted above
  /// kMaxTotalWeight.
  [[nodiscard]] static Result<MeanFold> create(std::size_t size,
                                               std::uint64_t max_total_weight,
                                               unsigned threads = 1);

  /// As Fold::add, with 1 <= weight <= kMaxWeight.
  [[nodiscard]] Status add(std::span<const float> update, std::uint64_t weight);
  /// sum / total weight, rounded once to float. Errors: kFailedPrecondition before the first
  /// update.
  [[nodiscard]] Result<std::vector<float>> mean() const;

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::uint64_t total_weight() const { return total_weight_; }
  /// s above: sums are in units of 2^-s.
  [[nodiscard]] int fraction_bits() const { return fraction_bits_; }

 private:
  MeanFold(std::size_t size, std::uint64_t max_total_weight, unsigned threads);

  std::vector<std::uint64_t> sums_;  // two's complement
  std::uint64_t max_total_weight_ = 0;
  int fraction_bits_ = 0;
  unsigned threads_ = 1;
  std::size_t count_ = 0;
  std::uint64_t total_weight_ = 0;
};

}  // namespace genesis::aggregation
