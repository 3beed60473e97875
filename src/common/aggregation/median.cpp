#include "common/aggregation/median.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/aggregation/float_order.hpp"
#include "common/aggregation/parallel.hpp"
#include "common/aggregation/sorting_network.hpp"
#include "common/aggregation/weighted_order.hpp"
#include "common/aggregation/weights.hpp"

namespace genesis::aggregation {
namespace {

// Coordinates that are sorted side by side. 100 updates of 64 lanes are 25 KiB: first-level cache.
constexpr std::size_t kLanes = 64;
using Lanes = std::array<std::int32_t, kLanes>;

struct Job {
  std::span<const std::vector<float>> updates;
  std::span<const Exchange> network;
  std::span<float> medians;
};

[[gnu::always_inline]] inline void load(std::span<const std::vector<float>> updates,
                                        std::size_t begin,
                                        std::size_t count,
                                        std::span<Lanes> wires) {
  for (std::size_t update = 0; update < updates.size(); ++update) {
    const float* values = updates[update].data() + begin;
    Lanes& wire = wires[update];
    for (std::size_t lane = 0; lane < count; ++lane) {
      wire[lane] = ordered(values[lane]);
    }
  }
}

[[gnu::always_inline]] inline void sort(std::span<const Exchange> network, std::span<Lanes> wires) {
  for (const Exchange exchange : network) {
    std::int32_t* low = wires[exchange.low].data();
    std::int32_t* high = wires[exchange.high].data();
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::int32_t a = low[lane];
      const std::int32_t b = high[lane];
      low[lane] = a < b ? a : b;
      high[lane] = a < b ? b : a;
    }
  }
}

[[gnu::always_inline]] inline void find_medians(const Job& job, Range range) {
  const std::size_t count = job.updates.size();
  std::vector<Lanes> wires(count);
  for (std::size_t begin = range.begin; begin < range.end; begin += kLanes) {
    const std::size_t lanes = std::min(kLanes, range.end - begin);
    load(job.updates, begin, lanes, wires);
    sort(job.network, wires);
    const Lanes& lower = wires[(count - 1) / 2];
    const Lanes& upper = wires[count / 2];
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const double middle = (static_cast<double>(from_ordered(lower[lane])) +
                             static_cast<double>(from_ordered(upper[lane]))) /
                            2.0;
      job.medians[begin + lane] = static_cast<float>(middle);
    }
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void find_medians_avx2(const Job& job, Range range) {
  find_medians(job, range);
}
#endif

void find_medians_fastest(const Job& job, Range range) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) {
    find_medians_avx2(job, range);
    return;
  }
#endif
  find_medians(job, range);
}

}  // namespace

Result<MedianFold> MedianFold::create(const FoldBounds& bounds) {
  GENESIS_ASSIGN(auto kept, KeptUpdates::create("median", bounds));
  return MedianFold(std::move(kept), bounds.threads);
}

Status MedianFold::add(std::span<const float> update, std::uint64_t rows) {
  return kept_.add(update, rows);
}

Result<std::vector<float>> MedianFold::aggregate() const {
  const auto& updates = kept_.values();
  if (updates.empty()) {
    return fail(Errc::kFailedPrecondition, "median: no update has been added");
  }
  const auto weights = kept_.weights();
  if (!are_equal(weights)) {
    return middles(updates, weights, 0.5, threads_);
  }
  const std::vector<Exchange> network = median_network(updates.size());
  std::vector<float> medians(updates.front().size());
  const Job job{updates, network, medians};
  const std::vector<Range> ranges = split(medians.size(), threads_);
  run_parts(ranges.size(), [&](std::size_t part) { find_medians_fastest(job, ranges[part]); });
  return medians;
}

}  // namespace genesis::aggregation
