#pragma once
// Weighted means that do not depend on the order of the updates, in memory for one update.
//
// Each product weight * value becomes a fixed-point integer, in units of 2^-s, and the integers are
// summed: integer addition is associative, so the sum is one function of the set of updates. s is
// chosen from kMaxMagnitude and the largest total weight W so that no sum passes 62 bits:
//   2^15 * W * 2^s <= 2^62.
// Rounding a product to its unit is the only loss before the final division, so the mean of n
// updates is off by at most n * 2^-(s+1) / (total weight): 2^-47 * n * W / (total weight) and less.
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

enum class Weighting {
  kEqual,   // every update weighs 1; the total is at most max_updates
  kByRows,  // an update weighs its rows, at most kMaxWeight; the total is at most max_total_rows
};

class MeanFold final : public Fold {
 public:
  /// Errors: kInvalidArgument for a bound of 0, kResourceExhausted above kMaxTotalWeight.
  [[nodiscard]] static Result<MeanFold> create(const FoldBounds& bounds, Weighting weighting);

  [[nodiscard]] Status add(std::span<const float> update, std::uint64_t rows) override;
  /// sum / total weight, computed in double and rounded to float.
  [[nodiscard]] Result<std::vector<float>> aggregate() const override;
  [[nodiscard]] std::size_t count() const override { return count_; }

  [[nodiscard]] std::uint64_t total_weight() const { return total_weight_; }
  /// s above: sums are in units of 2^-s.
  [[nodiscard]] int fraction_bits() const { return fraction_bits_; }

 private:
  MeanFold(const FoldBounds& bounds, Weighting weighting, std::uint64_t max_total_weight);

  std::vector<std::uint64_t> sums_;  // two's complement
  Weighting weighting_;
  std::uint64_t max_total_weight_ = 0;
  int fraction_bits_ = 0;
  unsigned threads_ = 1;
  std::size_t count_ = 0;
  std::uint64_t total_weight_ = 0;
};

}  // namespace genesis::aggregation
