#include "common/quality/trends.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "common/base/check.hpp"
#include "common/base/rng.hpp"
#include "common/quality/draw.hpp"
#include "common/tabular/table.hpp"

namespace genesis::quality {
namespace {

using tabular::kMissingCode;

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kBins = 10;

// numpy.linspace's arithmetic, so that values on an edge fall where they do there.
std::array<double, kBins + 1> bin_edges(double minimum, double maximum) {
  if (minimum == maximum) {
    minimum -= 0.5;
    maximum += 0.5;
  }
  const double step = (maximum - minimum) / static_cast<double>(kBins);
  std::array<double, kBins + 1> edges{};
  for (std::size_t i = 0; i < kBins; ++i) {
    edges[i] = static_cast<double>(i) * step + minimum;
  }
  edges[kBins] = maximum;
  return edges;
}

bool is_constant(std::span<const double> numbers) {
  std::optional<double> first;
  for (const double value : numbers) {
    if (std::isnan(value)) {
      continue;
    }
    if (first && value != *first) {
      return false;
    }
    first = value;
  }
  return first.has_value();
}

// The levels of one column in both tables, over the rows that enter cross tables.
struct LevelPair {
  Levels real;
  Levels synthetic;
};

Levels with_missing(std::span<const std::uint32_t> codes, std::uint32_t categories) {
  Levels levels{.codes = {codes.begin(), codes.end()}, .size = categories + 1};
  std::replace(levels.codes.begin(), levels.codes.end(), kMissingCode, categories);
  return levels;
}

Levels at_rows(Levels levels, const std::vector<std::size_t>& rows) {
  if (rows.size() < levels.codes.size()) {
    std::vector<std::uint32_t> drawn;
    drawn.reserve(rows.size());
    for (const std::size_t row : rows) {
      drawn.push_back(levels.codes[row]);
    }
    levels.codes = std::move(drawn);
  }
  return levels;
}

// Dates in nanoseconds, as pandas has them: in seconds, values on an edge could fall beside it.
std::vector<double> in_nanoseconds(std::vector<double> numbers) {
  for (double& value : numbers) {
    value *= 1e9;
  }
  return numbers;
}

Levels levels_of(const ComparedColumn& column, const Cells& cells) {
  if (column.kind == tabular::Kind::kDatetime) {
    return discretize(in_nanoseconds(cells.numbers));
  }
  return tabular::is_continuous(column.kind) ? discretize(cells.numbers)
                                             : with_missing(cells.codes, column.categories);
}

PairScore score_numbers(const ComparedColumn& a, const ComparedColumn& b) {
  PairScore pair;
  pair.columns = {a.name, b.name};
  pair.metric = Metric::kCorrelationSimilarity;
  for (const auto* cells : {&a.real, &b.real, &a.synthetic, &b.synthetic}) {
    if (is_constant(cells->numbers)) {
      return pair;
    }
  }
  const double real = correlation(a.real.numbers, b.real.numbers);
  if (std::isnan(real)) {
    return pair;
  }
  pair.real = real;
  if (std::abs(real) > kCorrelationThreshold) {
    const double synthetic = correlation(a.synthetic.numbers, b.synthetic.numbers);
    if (!std::isnan(synthetic)) {
      pair.score = 1.0 - std::abs(real - synthetic) / 2.0;
    }
  }
  return pair;
}

PairScore score_levels(std::array<std::string, 2> names, const LevelPair& a, const LevelPair& b) {
  PairScore pair;
  pair.columns = std::move(names);
  pair.metric = Metric::kContingencySimilarity;
  const CrossTable real = cross(a.real, b.real);
  const double association = cramers_v(real);
  if (std::isnan(association)) {
    return pair;
  }
  pair.real = association;
  if (association > kAssociationThreshold) {
    pair.score = similarity(real, cross(a.synthetic, b.synthetic));
  }
  return pair;
}

}  // namespace

Levels discretize(std::span<const double> numbers) {
  double minimum = std::numeric_limits<double>::infinity();
  double maximum = -minimum;
  for (const double value : numbers) {
    if (!std::isnan(value)) {
      minimum = std::min(minimum, value);
      maximum = std::max(maximum, value);
    }
  }
  Levels levels{.codes = std::vector<std::uint32_t>(numbers.size(), kBins), .size = kBins + 1};
  if (minimum > maximum) {
    return levels;  // no value at all
  }
  const auto edges = bin_edges(minimum, maximum);
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    if (!std::isnan(numbers[row])) {
      const auto above = std::upper_bound(edges.begin(), edges.end(), numbers[row]);
      levels.codes[row] = static_cast<std::uint32_t>(above - edges.begin() - 1);
    }
  }
  return levels;
}

double correlation(std::span<const double> a, std::span<const double> b) {
  GENESIS_CHECK(a.size() == b.size(), "columns of one table have one length");
  const auto both = [&](std::size_t row) { return !std::isnan(a[row]) && !std::isnan(b[row]); };
  std::size_t first = 0;
  while (first < a.size() && !both(first)) {
    ++first;
  }
  // Values are taken relative to the first row, so that a constant column has a deviation of
  // exactly 0, whatever its mean rounds to.
  double count = 0.0;
  double a_mean = 0.0;
  double b_mean = 0.0;
  for (std::size_t row = first; row < a.size(); ++row) {
    if (both(row)) {
      count += 1.0;
      a_mean += a[row] - a[first];
      b_mean += b[row] - b[first];
    }
  }
  if (count < 2.0) {
    return kUndefined;
  }
  a_mean /= count;
  b_mean /= count;
  double a_square = 0.0;
  double b_square = 0.0;
  double product = 0.0;
  for (std::size_t row = first; row < a.size(); ++row) {
    if (both(row)) {
      const double x = a[row] - a[first] - a_mean;
      const double y = b[row] - b[first] - b_mean;
      a_square += x * x;
      b_square += y * y;
      product += x * y;
    }
  }
  // 0 / 0, so NaN, where a column is constant over these rows.
  return std::clamp(product / (std::sqrt(a_square) * std::sqrt(b_square)), -1.0, 1.0);
}

CrossTable cross(const Levels& a, const Levels& b) {
  GENESIS_CHECK(a.codes.size() == b.codes.size(), "columns of one table have one length");
  constexpr std::uint64_t kDenseCells = std::uint64_t{1} << 18;
  CrossTable table{.cells = {}, .rows = a.codes.size(), .a_size = a.size, .b_size = b.size};
  const auto key = [&](std::size_t row) {
    return std::uint64_t{a.codes[row]} * b.size + b.codes[row];
  };
  const std::uint64_t keys = std::uint64_t{a.size} * b.size;
  if (keys <= kDenseCells) {
    std::vector<std::uint64_t> counts(keys, 0);
    for (std::size_t row = 0; row < a.codes.size(); ++row) {
      ++counts[key(row)];
    }
    for (std::uint64_t k = 0; k < keys; ++k) {
      if (counts[k] > 0) {
        table.cells.push_back({.key = k, .count = counts[k]});
      }
    }
    return table;
  }
  std::vector<std::uint64_t> sorted(a.codes.size());
  for (std::size_t row = 0; row < sorted.size(); ++row) {
    sorted[row] = key(row);
  }
  std::sort(sorted.begin(), sorted.end());
  for (const std::uint64_t k : sorted) {
    if (table.cells.empty() || table.cells.back().key != k) {
      table.cells.push_back({.key = k, .count = 0});
    }
    ++table.cells.back().count;
  }
  return table;
}

double cramers_v(const CrossTable& table) {
  std::vector<double> a_counts(table.a_size, 0.0);
  std::vector<double> b_counts(table.b_size, 0.0);
  for (const auto& cell : table.cells) {
    a_counts[cell.key / table.b_size] += static_cast<double>(cell.count);
    b_counts[cell.key % table.b_size] += static_cast<double>(cell.count);
  }
  const auto levels = [](const std::vector<double>& counts) {
    return std::count_if(counts.begin(), counts.end(), [](double count) { return count > 0.0; });
  };
  const auto fewer = std::min(levels(a_counts), levels(b_counts));
  if (fewer < 2) {
    return kUndefined;
  }
  // chi-square / rows = sum of n_ab^2 / (n_a n_b) - 1; empty cells add nothing.
  double phi_square = -1.0;
  for (const auto& cell : table.cells) {
    const double count = static_cast<double>(cell.count);
    phi_square +=
        count * count / (a_counts[cell.key / table.b_size] * b_counts[cell.key % table.b_size]);
  }
  return std::sqrt(std::max(phi_square, 0.0) / static_cast<double>(fewer - 1));
}

double similarity(const CrossTable& a, const CrossTable& b) {
  GENESIS_CHECK(a.a_size == b.a_size && a.b_size == b.b_size, "cross tables of the same columns");
  double difference = 0.0;
  auto i = a.cells.begin();
  auto j = b.cells.begin();
  while (i != a.cells.end() || j != b.cells.end()) {
    const bool in_a = i != a.cells.end() && (j == b.cells.end() || i->key <= j->key);
    const bool in_b = j != b.cells.end() && (i == a.cells.end() || j->key <= i->key);
    const double x = in_a ? static_cast<double>((i++)->count) / static_cast<double>(a.rows) : 0.0;
    const double y = in_b ? static_cast<double>((j++)->count) / static_cast<double>(b.rows) : 0.0;
    difference += std::abs(x - y);
  }
  return 1.0 - difference / 2.0;
}

std::vector<PairScore> pair_scores(std::span<const ComparedColumn> columns) {
  if (columns.empty()) {
    return {};
  }
  const auto rows_of = [](const Cells& cells) {
    return std::max(cells.numbers.size(), cells.codes.size());
  };
  const auto real_rows = draw_rows(rows_of(columns[0].real), kPairRows, "quality pairs, real");
  const auto synthetic_rows =
      draw_rows(rows_of(columns[0].synthetic), kPairRows, "quality pairs, synthetic");
  std::vector<LevelPair> levels;
  for (const ComparedColumn& column : columns) {
    levels.push_back({.real = at_rows(levels_of(column, column.real), real_rows),
                      .synthetic = at_rows(levels_of(column, column.synthetic), synthetic_rows)});
  }
  std::vector<PairScore> pairs;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (std::size_t j = i + 1; j < columns.size(); ++j) {
      const bool numbers =
          tabular::is_continuous(columns[i].kind) && tabular::is_continuous(columns[j].kind);
      pairs.push_back(numbers
                          ? score_numbers(columns[i], columns[j])
                          : score_levels({columns[i].name, columns[j].name}, levels[i], levels[j]));
    }
  }
  return pairs;
}

}  // namespace genesis::quality
