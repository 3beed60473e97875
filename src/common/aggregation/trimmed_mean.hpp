#pragma once
// Coordinate-wise trimmed mean (Yin et al. 2018, arXiv 1803.01498): in each coordinate the smallest
// and the largest values are left out and the mean is taken of the rest, so that a minority of
// sites, however wrong, can't carry a coordinate beyond what the others sent. Keeps every update:
// memory is O(updates).
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"

namespace genesis::aggregation {

/// How many of `updates` values are left out at each end: ceil(share * updates), but at least one
/// value is kept.
[[nodiscard]] std::size_t trimmed_count(std::size_t updates, double share);

class TrimmedMeanFold final : public Fold {
 public:
  /// Errors: kInvalidArgument for a size or max_updates of 0 or a share outside (0, 0.5),
  /// kResourceExhausted above kMaxMedianUpdates.
  [[nodiscard]] static Result<TrimmedMeanFold> create(const FoldBounds& bounds);

  /// Rows do not weigh.
  [[nodiscard]] Status add(std::span<const float> update, std::uint64_t rows) override;
  [[nodiscard]] Result<std::vector<float>> aggregate() const override;
  [[nodiscard]] std::size_t count() const override { return updates_.size(); }

 private:
  explicit TrimmedMeanFold(const FoldBounds& bounds) : bounds_(bounds) {}

  FoldBounds bounds_;
  std::vector<std::vector<float>> updates_;
};

}  // namespace genesis::aggregation
