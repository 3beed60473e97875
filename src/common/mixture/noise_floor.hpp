#pragma once
// What bins and marginals take for a pattern in noisy counts, and not for noise. Pure.
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace genesis::mixture {

/// Exact counts are treated as if they had this much noise, so that a single row is no pattern.
inline constexpr double kLeastSigma = 2.0;
/// Deviations above which a count is no noise.
inline constexpr double kClear = 4.0;
/// On each side.
inline constexpr std::size_t kNeighbours = 4;

/// 0 of none.
inline double median(std::vector<double> values) {
  if (values.empty()) {
    return 0.0;
  }
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 != 0) {
    return *middle;
  }
  return (*middle + *std::max_element(values.begin(), middle)) / 2.0;
}

/// Of the counts beside the `i`-th of `size`, each as `count(j)` gives it.
template <typename Count>
double median_of_neighbours(std::size_t size, std::size_t i, Count count) {
  std::vector<double> near;
  const std::size_t first = i < kNeighbours ? 0 : i - kNeighbours;
  for (std::size_t j = first; j < std::min(size, i + kNeighbours + 1); ++j) {
    if (j != i) {
      near.push_back(count(j));
    }
  }
  return median(std::move(near));
}

}  // namespace genesis::mixture
