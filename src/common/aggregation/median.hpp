#pragma once
// Coordinate-wise median (Yin et al. 2018, arXiv 1803.01498): a minority of sites, however wrong,
// can't carry a coordinate beyond what the others sent. A site weighs its rows, but no more than
// the median site's: neither many small sites nor one that claims to be large decides for the
// others.
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/aggregation/kept_updates.hpp"
#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"

namespace genesis::aggregation {

class MedianFold final : public Fold {
 public:
  /// Errors: kInvalidArgument for a size or max_updates of 0, kResourceExhausted above
  /// kMaxKeptUpdates.
  [[nodiscard]] static Result<MedianFold> create(const FoldBounds& bounds);

  [[nodiscard]] Status add(std::span<const float> update, std::uint64_t rows) override;
  /// Where two values meet at half of the weight their mean, rounded once.
  [[nodiscard]] Result<std::vector<float>> aggregate() const override;
  [[nodiscard]] std::size_t count() const override { return kept_.count(); }

 private:
  MedianFold(KeptUpdates kept, unsigned threads) : kept_(std::move(kept)), threads_(threads) {}

  KeptUpdates kept_;
  unsigned threads_ = 1;
};

}  // namespace genesis::aggregation
