#include "common/quality/single_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace genesis::quality {
namespace {

std::vector<double> present(const std::vector<double>& cells, std::size_t first, std::size_t step) {
  std::vector<double> values;
  for (std::size_t row = first; row < cells.size(); row += step) {
    if (!std::isnan(cells[row])) {
      values.push_back(cells[row]);
    }
  }
  return values;
}

// The values that occur once, sorted.
std::vector<double> singles_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  std::vector<double> singles;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool as_before = i > 0 && values[i] == values[i - 1];
    const bool as_after = i + 1 < values.size() && values[i] == values[i + 1];
    if (!as_before && !as_after) {
      singles.push_back(values[i]);
    }
  }
  return singles;
}

double share_among(const std::vector<double>& values, const std::vector<double>& singles) {
  const auto found = std::count_if(values.begin(), values.end(), [&](double value) {
    return std::binary_search(singles.begin(), singles.end(), value);
  });
  return static_cast<double>(found) / static_cast<double>(values.size());
}

// More than chance explains: the difference of two shares exceeds four of its standard deviations
// (1 in 30,000 if they are the same), and is a share worth a word.
bool is_more(const SingleNumbers& found, std::size_t synthetic, std::size_t held_out) {
  constexpr double kDeviations = 4.0;
  constexpr double kWorthAWord = 0.02;
  const auto n = static_cast<double>(synthetic);
  const auto m = static_cast<double>(held_out);
  const double share = (found.synthetic * n + found.held_out * m) / (n + m);
  const double deviation = std::sqrt(share * (1.0 - share) * (1.0 / n + 1.0 / m));
  return found.synthetic - found.held_out > std::max(kDeviations * deviation, kWorthAWord);
}

}  // namespace

std::vector<SingleNumbers> find_single_numbers(std::span<const ComparedColumn> columns) {
  std::vector<SingleNumbers> all;
  for (const auto& column : columns) {
    if (!tabular::is_continuous(column.kind)) {
      continue;
    }
    const bool has_holdout = !column.holdout.numbers.empty();
    const auto known = present(column.real.numbers, 0, has_holdout ? 1 : 2);
    const auto others =
        has_holdout ? present(column.holdout.numbers, 0, 1) : present(column.real.numbers, 1, 2);
    const auto synthetic = present(column.synthetic.numbers, 0, 1);
    if (others.empty() || synthetic.empty()) {
      continue;
    }
    const auto singles = singles_of(known);
    SingleNumbers found{
        column.name, share_among(synthetic, singles), share_among(others, singles), false};
    found.more = is_more(found, synthetic.size(), others.size());
    all.push_back(std::move(found));
  }
  return all;
}

}  // namespace genesis::quality
