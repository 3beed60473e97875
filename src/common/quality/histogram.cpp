#include "common/quality/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "common/quality/value_text.hpp"

namespace genesis::quality {
namespace {

// Where each cell belongs, of `count` bars and one for missing cells.
struct Bars {
  std::vector<std::string> labels;
  std::vector<double> real;
  std::vector<double> synthetic;

  explicit Bars(std::vector<std::string> names)
      : labels(std::move(names)), real(labels.size() + 1), synthetic(labels.size() + 1) {}

  Histogram histogram() && {
    labels.emplace_back("missing");
    for (auto* bars : {&real, &synthetic}) {
      const double rows = std::accumulate(bars->begin(), bars->end(), 0.0);
      for (double& bar : *bars) {
        bar /= std::max(rows, 1.0);
      }
    }
    if (real.back() == 0.0 && synthetic.back() == 0.0) {
      labels.pop_back();
      real.pop_back();
      synthetic.pop_back();
    }
    return {std::move(labels), std::move(real), std::move(synthetic)};
  }
};

Histogram of_categories(const ComparedColumn& column, const tabular::Table& real) {
  const auto named = std::ranges::find(real.columns, column.name, &tabular::Column::name);
  std::vector<std::size_t> rows(column.categories, 0);
  for (const auto code : column.real.codes) {
    if (code != tabular::kMissingCode) {
      ++rows[code];
    }
  }
  std::vector<std::uint32_t> order(column.real_categories);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](auto a, auto b) { return rows[a] > rows[b]; });
  const bool is_cut = order.size() > kMostBars || column.categories > column.real_categories;
  order.resize(std::min<std::size_t>(order.size(), kMostBars - 1));
  std::vector<std::string> labels;
  std::vector<std::size_t> bar_of(column.categories, order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    bar_of[order[i]] = i;
    labels.push_back(named->categories[order[i]]);
  }
  if (is_cut || order.size() < column.categories) {
    labels.emplace_back("all others");
  }
  Bars bars(std::move(labels));
  const auto count = [&](const std::vector<std::uint32_t>& codes, std::vector<double>& into) {
    for (const auto code : codes) {
      into[code == tabular::kMissingCode ? into.size() - 1 : bar_of[code]] += 1.0;
    }
  };
  count(column.real.codes, bars.real);
  count(column.synthetic.codes, bars.synthetic);
  return std::move(bars).histogram();
}

Histogram of_numbers(const ComparedColumn& column) {
  std::vector<double> sorted;
  for (const double value : column.real.numbers) {
    if (!std::isnan(value)) {
      sorted.push_back(value);
    }
  }
  std::ranges::sort(sorted);
  std::vector<double> starts;  // of the bars
  std::vector<std::string> labels;
  const std::set<double> values(sorted.begin(), sorted.end());
  const bool is_few = values.size() <= kMostBars;
  if (is_few) {
    starts.assign(values.begin(), values.end());
  } else {
    const auto at = [&](double share) {
      return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
    };
    const double low = at(0.005);
    double width = (at(0.995) - low) / static_cast<double>(kMostBars);
    // Ranges of whole numbers hold as many of them each.
    width = column.kind == tabular::Kind::kInteger ? std::max(1.0, std::ceil(width)) : width;
    for (std::size_t i = 0; i < kMostBars; ++i) {
      const double start = low + width * static_cast<double>(i);
      if (starts.empty() || start > starts.back()) {
        starts.push_back(start);
      }
    }
  }
  for (const double start : starts) {
    labels.push_back((is_few ? "" : "from ") + value_text(column.kind, column.format, start));
  }
  Bars bars(std::move(labels));
  const auto count = [&](const std::vector<double>& numbers, std::vector<double>& into) {
    for (const double number : numbers) {
      if (std::isnan(number) || starts.empty()) {
        into.back() += 1.0;
        continue;
      }
      const auto after = std::ranges::upper_bound(starts, number) - starts.begin();
      into[static_cast<std::size_t>(std::max<std::ptrdiff_t>(after, 1) - 1)] += 1.0;
    }
  };
  count(column.real.numbers, bars.real);
  count(column.synthetic.numbers, bars.synthetic);
  return std::move(bars).histogram();
}

}  // namespace

Histogram histogram(const ComparedColumn& column, const tabular::Table& real) {
  return tabular::is_continuous(column.kind) ? of_numbers(column) : of_categories(column, real);
}

}  // namespace genesis::quality
