#include "common/aggregation/weights.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

namespace genesis::aggregation {
namespace {

double total(std::span<const std::uint64_t> rows, std::uint64_t cap) {
  double sum = 0.0;
  for (const auto count : rows) {
    sum += static_cast<double>(std::min(count, cap));
  }
  return sum;
}

}  // namespace

std::uint64_t weight_cap(std::span<const std::uint64_t> rows,
                         std::span<const std::uint64_t> declared_rows,
                         double max_share) {
  constexpr auto kNoCap = std::numeric_limits<std::uint64_t>::max();
  if (rows.empty() || max_share >= 1.0 || rows.size() + declared_rows.size() < kFewestForShares) {
    return kNoCap;
  }
  const double others = total(declared_rows, kNoCap);
  const auto is_within = [&](std::uint64_t cap) {
    return static_cast<double>(cap) <= max_share * (others + total(rows, cap));
  };
  const auto [smallest, largest] = std::minmax_element(rows.begin(), rows.end());
  if (is_within(*largest)) {
    return kNoCap;
  }
  // A cap of 0 is within; from there on one point parts what is within from what is not, since the
  // sum grows the less the higher the cap is.
  std::uint64_t within = 0;
  std::uint64_t beyond = *largest;
  while (beyond - within > 1) {
    const std::uint64_t middle = within + (beyond - within) / 2;
    (is_within(middle) ? within : beyond) = middle;
  }
  return within > 0 ? within : *smallest;
}

std::vector<std::uint64_t> up_to_median(std::vector<std::uint64_t> rows) {
  if (rows.empty()) {
    return rows;
  }
  auto sorted = rows;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::ranges::nth_element(sorted, middle);
  for (auto& each : rows) {
    each = std::min(each, *middle);
  }
  return rows;
}

bool are_equal(std::span<const std::uint64_t> weights) {
  return std::ranges::adjacent_find(weights, std::ranges::not_equal_to()) == weights.end();
}

std::vector<std::uint64_t> apportioned(std::span<const std::uint64_t> counts,
                                       std::uint64_t rows,
                                       std::uint64_t weight) {
  struct Part {
    std::uint64_t rest;
    std::size_t index;
  };
  __extension__ using Wide = unsigned __int128;
  std::vector<std::uint64_t> scaled;
  std::vector<Part> parts;
  Wide whole = 0;
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Wide product = Wide{counts[i]} * weight;
    scaled.push_back(static_cast<std::uint64_t>(product / rows));
    parts.push_back({static_cast<std::uint64_t>(product % rows), i});
    whole += product;
    given += scaled.back();
  }
  std::ranges::sort(parts, [](const Part& a, const Part& b) {
    return a.rest != b.rest ? a.rest > b.rest : a.index < b.index;
  });
  const auto left = static_cast<std::uint64_t>(whole / rows) - given;
  for (std::uint64_t i = 0; i < left; ++i) {
    ++scaled[parts[i].index];
  }
  return scaled;
}

}  // namespace genesis::aggregation
