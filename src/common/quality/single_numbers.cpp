#include "common/quality/single_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

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

// The share of values drawn evenly between the real extremes that hold one of the singles, if
// values are multiples of the least step that the real ones show. Days of a calendar, each in one
// row, are in no other row, but a generator can't help giving some of them.
double share_by_step(std::vector<double> values, std::size_t singles) {
  std::sort(values.begin(), values.end());
  double step = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] > values[i - 1]) {
      step = std::min(step, values[i] - values[i - 1]);
    }
  }
  const double places = (values.back() - values.front()) / step + 1.0;
  return std::isfinite(step) ? std::min(1.0, static_cast<double>(singles) / places) : 1.0;
}

// More than chance explains: the difference of two shares exceeds four of its standard deviations
// (1 in 30,000 if they are the same), and is a share worth a word.
bool is_more(double found, double expected, std::size_t synthetic, std::size_t held_out) {
  constexpr double kDeviations = 4.0;
  constexpr double kWorthAWord = 0.02;
  const auto n = static_cast<double>(synthetic);
  const auto m = static_cast<double>(held_out);
  const double share = (found * n + expected * m) / (n + m);
  const double deviation = std::sqrt(share * (1.0 - share) * (1.0 / n + 1.0 / m));
  return found - expected > std::max(kDeviations * deviation, kWorthAWord);
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
    if (known.empty() || others.empty() || synthetic.empty()) {
      continue;
    }
    const auto singles = singles_of(known);
    SingleNumbers found{
        column.name, share_among(synthetic, singles), share_among(others, singles), false};
    const double expected =
        std::max(found.held_out, share_by_step(present(column.real.numbers, 0, 1), singles.size()));
    found.more = is_more(found.synthetic, expected, synthetic.size(), others.size());
    all.push_back(std::move(found));
  }
  return all;
}

}  // namespace genesis::quality
