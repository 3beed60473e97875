#include "common/aggregation/weighted_order.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "common/aggregation/float_order.hpp"
#include "common/aggregation/parallel.hpp"
#include "common/aggregation/sorting_network.hpp"
#include "common/base/check.hpp"
#include "common/base/target.hpp"

namespace genesis::aggregation {
namespace {

// Coordinates that are sorted side by side, as in the median.
constexpr std::size_t kLanes = 64;
// The value, as an integer of the same order, above the weight: values that are equal are in the
// order of their weights, so that what is sorted depends on the set of updates alone.
using Lanes = std::array<std::int64_t, kLanes>;

std::int64_t key_of(float value, std::uint64_t weight) {
  const auto high = static_cast<std::uint64_t>(ordered(value)) << 32U;
  return static_cast<std::int64_t>(high | weight);
}
double value_of(std::int64_t key) {
  return static_cast<double>(from_ordered(static_cast<std::int32_t>(key >> 32)));
}
std::uint64_t weight_of(std::int64_t key) {
  return static_cast<std::uint64_t>(key) & 0xffffffffU;
}

GENESIS_KERNEL void sort(const Exchange* exchanges, std::size_t count, Lanes* wires) {
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t* low = wires[exchanges[i].low].data();
    std::int64_t* high = wires[exchanges[i].high].data();
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::int64_t a = low[lane];
      const std::int64_t b = high[lane];
      low[lane] = a < b ? a : b;
      high[lane] = a < b ? b : a;
    }
  }
}

struct Kept {
  std::uint64_t from;
  std::uint64_t to;
  std::uint64_t total;
};

double middle(std::span<const Lanes> wires, std::size_t lane, const Kept& kept) {
  double sum = 0.0;
  std::uint64_t weight = 0;
  std::uint64_t begin = 0;
  for (const Lanes& wire : wires) {
    const std::uint64_t end = begin + weight_of(wire[lane]);
    if (begin >= kept.from && end <= kept.to) {
      sum += value_of(wire[lane]) * static_cast<double>(end - begin);
      weight += end - begin;
    }
    begin = end;
  }
  if (weight > 0) {
    return sum / static_cast<double>(weight);
  }
  std::uint64_t seen = 0;
  for (std::size_t i = 0;; ++i) {
    seen += weight_of(wires[i][lane]);
    if (2 * seen == kept.total) {
      return (value_of(wires[i][lane]) + value_of(wires[i + 1][lane])) / 2.0;
    }
    if (2 * seen > kept.total) {
      return value_of(wires[i][lane]);
    }
  }
}

}  // namespace

std::vector<float> middles(std::span<const std::vector<float>> updates,
                           std::span<const std::uint64_t> weights,
                           double aside,
                           unsigned threads) {
  GENESIS_CHECK(!updates.empty() && updates.size() == weights.size(), "a weight for each update");
  const auto total = std::reduce(weights.begin(), weights.end(), std::uint64_t{0});
  const auto from = static_cast<std::uint64_t>(std::ceil(aside * static_cast<double>(total)));
  const Kept kept{from, from < total ? total - from : 0, total};
  const std::vector<Exchange> network = sort_network(updates.size());
  std::vector<float> middles(updates.front().size());
  const std::vector<Range> ranges = split(middles.size(), threads);
  run_parts(ranges.size(), [&](std::size_t part) {
    std::vector<Lanes> wires(updates.size());
    for (std::size_t first = ranges[part].begin; first < ranges[part].end; first += kLanes) {
      const std::size_t lanes = std::min(kLanes, ranges[part].end - first);
      for (std::size_t update = 0; update < updates.size(); ++update) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          wires[update][lane] = key_of(updates[update][first + lane], weights[update]);
        }
      }
      sort(network.data(), network.size(), wires.data());
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        middles[first + lane] = static_cast<float>(middle(wires, lane, kept));
      }
    }
  });
  return middles;
}

}  // namespace genesis::aggregation
