#pragma once
// Coordinate-wise trimmed mean (Yin et al. 2018, arXiv 1803.01498): in each coordinate the smallest
// and the largest values are left out and the mean is taken of the rest, so that a minority of
// sites, however wrong, can't carry a coordinate beyond what the others sent. A site weighs its
// rows, but no more than the median site's.
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/aggregation/kept_updates.hpp"
#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"

namespace genesis::aggregation {

class TrimmedMeanFold final : public Fold {
 public:
  /// Errors: kInvalidArgument for a size or max_updates of 0 or a share outside (0, 0.5),
  /// kResourceExhausted above kMaxKeptUpdates.
  [[nodiscard]] static Result<TrimmedMeanFold> create(const FoldBounds& bounds);

  [[nodiscard]] Status add(std::span<const float> update, std::uint64_t rows) override;
  [[nodiscard]] Result<std::vector<float>> aggregate() const override;
  [[nodiscard]] std::size_t count() const override { return kept_.count(); }

 private:
  TrimmedMeanFold(KeptUpdates kept, const FoldBounds& bounds)
      : kept_(std::move(kept)), share_(bounds.trimmed_share), threads_(bounds.threads) {}

  KeptUpdates kept_;
  double share_;
  unsigned threads_;
};

}  // namespace genesis::aggregation
