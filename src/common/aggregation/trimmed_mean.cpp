#include "common/aggregation/trimmed_mean.hpp"

#include <utility>

#include "common/aggregation/weighted_order.hpp"

namespace genesis::aggregation {

Result<TrimmedMeanFold> TrimmedMeanFold::create(const FoldBounds& bounds) {
  GENESIS_ASSIGN(auto kept, KeptUpdates::create("trimmed-mean", bounds));
  if (!(bounds.trimmed_share > 0.0 && bounds.trimmed_share < 0.5)) {
    return fail(Errc::kInvalidArgument, "aggregation.trimmedShare: must be above 0 and below 0.5");
  }
  return TrimmedMeanFold(std::move(kept), bounds);
}

Status TrimmedMeanFold::add(std::span<const float> update, std::uint64_t rows) {
  return kept_.add(update, rows);
}

Result<std::vector<float>> TrimmedMeanFold::aggregate() const {
  if (kept_.count() == 0) {
    return fail(Errc::kFailedPrecondition, "trimmed-mean: no update has been added");
  }
  return middles(kept_.values(), kept_.weights(), share_, threads_);
}

}  // namespace genesis::aggregation
