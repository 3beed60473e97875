#pragma once
// Coordinate-wise median (Yin et al. 2018, arXiv 1803.01498): a minority of sites, however wrong,
// can't carry a coordinate beyond what the others sent. Keeps every update: memory is O(updates).
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"

namespace genesis::aggregation {

/// More would make the sorting network long; a round of so many clients wants a mean.
inline constexpr std::size_t kMaxMedianUpdates = 1024;

class MedianFold final : public Fold {
 public:
  /// Errors: kInvalidArgument for a size or max_updates of 0, kResourceExhausted above
  /// kMaxMedianUpdates.
  [[nodiscard]] static Result<MedianFold> create(const FoldBounds& bounds);

  /// Rows do not weigh.
  [[nodiscard]] Status add(std::span<const float> update, std::uint64_t rows) override;
  /// For an even count the mean of the middle two, rounded once.
  [[nodiscard]] Result<std::vector<float>> aggregate() const override;
  [[nodiscard]] std::size_t count() const override { return updates_.size(); }

 private:
  explicit MedianFold(const FoldBounds& bounds);

  std::size_t size_ = 0;
  std::uint64_t max_updates_ = 0;
  unsigned threads_ = 1;
  std::vector<std::vector<float>> updates_;
};

}  // namespace genesis::aggregation
