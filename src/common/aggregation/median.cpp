#include "common/aggregation/median.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "common/aggregation/parallel.hpp"
#include "common/aggregation/sorting_network.hpp"
#include "common/aggregation/validity.hpp"

namespace genesis::aggregation {
namespace {

// Coordinates that are sorted side by side. 100 updates of 64 lanes are 25 KiB: first-level cache.
constexpr std::size_t kLanes = 64;
using Lanes = std::array<std::int32_t, kLanes>;

// Floats as integers of the same order, -0 before +0: a total order makes equal sets give equal
// bits, and integers have vector minimum and maximum in every case. Its own inverse.
constexpr std::int32_t flip(std::int32_t bits) {
  return bits ^ static_cast<std::int32_t>(static_cast<std::uint32_t>(bits >> 31) >> 1U);
}

float value_of(std::int32_t key) {
  return std::bit_cast<float>(flip(key));
}

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
      wire[lane] = flip(std::bit_cast<std::int32_t>(values[lane]));
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
      const double middle = (static_cast<double>(value_of(lower[lane])) +
                             static_cast<double>(value_of(upper[lane]))) /
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
  if (bounds.size == 0 || bounds.max_updates == 0) {
    return fail(Errc::kInvalidArgument, "median: needs at least 1 value an update and 1 update");
  }
  if (bounds.max_updates > kMaxMedianUpdates) {
    return fail(Errc::kResourceExhausted,
                "median: " + std::to_string(bounds.max_updates) + " updates exceed " +
                    std::to_string(kMaxMedianUpdates) + "; lower rounds.maxClients or take a mean");
  }
  return MedianFold(bounds);
}

MedianFold::MedianFold(const FoldBounds& bounds)
    : size_(bounds.size), max_updates_(bounds.max_updates), threads_(bounds.threads) {}

Status MedianFold::add(std::span<const float> update, std::uint64_t rows) {
  GENESIS_RETURN_IF_ERROR(check_shape(update.size(), size_, rows));
  if (updates_.size() == max_updates_) {
    return fail(Errc::kResourceExhausted,
                "update: the round holds the " + std::to_string(max_updates_) +
                    " updates that were announced");
  }
  if (const auto bad = first_invalid(update)) {
    return invalid_value(*bad, update[*bad]);
  }
  updates_.emplace_back(update.begin(), update.end());
  return {};
}

Result<std::vector<float>> MedianFold::aggregate() const {
  if (updates_.empty()) {
    return fail(Errc::kFailedPrecondition, "median: no update has been added");
  }
  const std::vector<Exchange> network = median_network(updates_.size());
  std::vector<float> medians(size_);
  const Job job{updates_, network, medians};
  const std::vector<Range> ranges = split(size_, threads_);
  run_parts(ranges.size(), [&](std::size_t part) { find_medians_fastest(job, ranges[part]); });
  return medians;
}

}  // namespace genesis::aggregation
