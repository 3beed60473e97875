#include "common/aggregation/trimmed_mean.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "common/aggregation/parallel.hpp"
#include "common/aggregation/sorting_network.hpp"
#include "common/aggregation/weighted_order.hpp"
#include "common/aggregation/weights.hpp"

namespace genesis::aggregation {
namespace {

// Coordinates that are sorted side by side, as in the median.
constexpr std::size_t kLanes = 64;
using Lanes = std::array<float, kLanes>;

void find_means(std::span<const std::vector<float>> updates,
                std::span<const Exchange> network,
                std::size_t trimmed,
                Range range,
                std::span<float> means) {
  const std::size_t kept = updates.size() - 2 * trimmed;
  std::vector<Lanes> wires(updates.size());
  for (std::size_t begin = range.begin; begin < range.end; begin += kLanes) {
    const std::size_t lanes = std::min(kLanes, range.end - begin);
    for (std::size_t update = 0; update < updates.size(); ++update) {
      std::copy_n(updates[update].data() + begin, lanes, wires[update].begin());
    }
    for (const Exchange exchange : network) {
      float* low = wires[exchange.low].data();
      float* high = wires[exchange.high].data();
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float a = low[lane];
        const float b = high[lane];
        low[lane] = a < b ? a : b;
        high[lane] = a < b ? b : a;
      }
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      double sum = 0.0;  // in the order of the values, which is that of no client
      for (std::size_t wire = trimmed; wire < trimmed + kept; ++wire) {
        sum += static_cast<double>(wires[wire][lane]);
      }
      means[begin + lane] = static_cast<float>(sum / static_cast<double>(kept));
    }
  }
}

}  // namespace

std::size_t trimmed_count(std::size_t updates, double share) {
  const auto wanted = static_cast<std::size_t>(std::ceil(share * static_cast<double>(updates)));
  return updates == 0 ? 0 : std::min(wanted, (updates - 1) / 2);
}

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
  const auto& updates = kept_.values();
  if (updates.empty()) {
    return fail(Errc::kFailedPrecondition, "trimmed-mean: no update has been added");
  }
  const auto weights = kept_.weights();
  if (!are_equal(weights)) {
    return middles(updates, weights, share_, threads_);
  }
  const std::vector<Exchange> network = sort_network(updates.size());
  const std::size_t trimmed = trimmed_count(updates.size(), share_);
  std::vector<float> means(updates.front().size());
  const std::vector<Range> ranges = split(means.size(), threads_);
  run_parts(ranges.size(),
            [&](std::size_t part) { find_means(updates, network, trimmed, ranges[part], means); });
  return means;
}

}  // namespace genesis::aggregation
