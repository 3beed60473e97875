#include "common/aggregation/strategy.hpp"

#include <string>
#include <utility>

#include "common/aggregation/mean.hpp"
#include "common/aggregation/median.hpp"
#include "common/aggregation/trimmed_mean.hpp"

namespace genesis::aggregation {
namespace {

using Made = Result<std::unique_ptr<Fold>>;

template <typename SomeFold>
Made owned(Result<SomeFold> fold) {
  if (!fold) {
    return tl::unexpected(std::move(fold).error());
  }
  return std::make_unique<SomeFold>(*std::move(fold));
}

Made plain_mean(const FoldBounds& bounds) {
  return owned(MeanFold::create(bounds, Weighting::kEqual));
}
Made mean_by_rows(const FoldBounds& bounds) {
  return owned(MeanFold::create(bounds, Weighting::kByRows));
}
Made median(const FoldBounds& bounds) {
  return owned(MedianFold::create(bounds));
}
Made trimmed_mean(const FoldBounds& bounds) {
  return owned(TrimmedMeanFold::create(bounds));
}

constexpr Strategy kStrategies[] = {
    {"fedavg", plain_mean},
    {"weighted", mean_by_rows},
    {"fedprox", mean_by_rows},
    {"median", median},
    {"trimmed-mean", trimmed_mean},
};

}  // namespace

std::span<const Strategy> strategies() {
  return kStrategies;
}

Result<std::unique_ptr<Fold>> make_fold(std::string_view strategy, const FoldBounds& bounds) {
  std::string known;
  for (const Strategy& candidate : kStrategies) {
    if (candidate.name == strategy) {
      return candidate.make(bounds);
    }
    known += (known.empty() ? "" : ", ") + std::string(candidate.name);
  }
  return fail(Errc::kInvalidArgument,
              "aggregation.strategy: \"" + std::string(strategy) + "\" is not one of " + known);
}

}  // namespace genesis::aggregation
