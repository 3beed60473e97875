#include "common/quality/classifier.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace genesis::quality {
namespace {

constexpr std::size_t kBins = 64;
constexpr std::size_t kTrees = 100;
constexpr std::size_t kDepth = 5;
constexpr double kRate = 0.1;
constexpr double kPenalty = 1.0;       // on a leaf's squared value
constexpr double kLeastHessian = 5.0;  // of a leaf: 20 rows that are undecided
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

double logistic(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

// A column as bins of about equal mass, or as categories, of which all beyond the most frequent are
// one; bin 0 is missing.
struct Binned {
  std::vector<std::uint8_t> bins;  // one a row
  std::size_t count = 1;
  bool is_number = true;
};

Binned bin_numbers(const std::vector<double>& numbers, std::span<const std::size_t> trained) {
  std::vector<double> sorted;
  for (const auto row : trained) {
    if (!std::isnan(numbers[row])) {
      sorted.push_back(numbers[row]);
    }
  }
  std::ranges::sort(sorted);
  std::vector<double> cuts;  // a bin ends before each
  for (std::size_t i = 1; i + 1 < kBins && !sorted.empty(); ++i) {
    const double cut = sorted[sorted.size() * i / (kBins - 1)];
    if (cut > sorted.front() && (cuts.empty() || cut > cuts.back())) {
      cuts.push_back(cut);
    }
  }
  Binned binned;
  binned.count = cuts.size() + 2;
  for (const double number : numbers) {
    const auto after = std::ranges::upper_bound(cuts, number) - cuts.begin();
    binned.bins.push_back(std::isnan(number) ? 0 : static_cast<std::uint8_t>(after + 1));
  }
  return binned;
}

Binned bin_categories(const Feature& feature, std::span<const std::size_t> trained) {
  std::vector<std::size_t> rows(feature.categories, 0);
  for (const auto row : trained) {
    if (feature.codes[row] != Feature::kMissingCategory) {
      ++rows[feature.codes[row]];
    }
  }
  std::vector<std::uint32_t> by_rows(feature.categories);
  std::iota(by_rows.begin(), by_rows.end(), 0U);
  std::ranges::stable_sort(by_rows, [&](auto a, auto b) { return rows[a] > rows[b]; });
  std::vector<std::uint8_t> bin_of(feature.categories, kBins - 1);
  for (std::size_t i = 0; i < std::min<std::size_t>(by_rows.size(), kBins - 2); ++i) {
    bin_of[by_rows[i]] = static_cast<std::uint8_t>(i + 1);
  }
  Binned binned;
  binned.is_number = false;
  binned.count = std::min<std::size_t>(feature.categories + 1, kBins);
  for (const auto code : feature.codes) {
    binned.bins.push_back(code == Feature::kMissingCategory ? 0 : bin_of[code]);
  }
  return binned;
}

struct Sums {
  double gradient = 0.0;
  double hessian = 0.0;
  [[nodiscard]] double gain() const { return gradient * gradient / (hessian + kPenalty); }
  void add(const Sums& other) {
    gradient += other.gradient;
    hessian += other.hessian;
  }
};

struct Split {
  double gain = 1e-6;
  std::size_t column = kNone;
  std::bitset<kBins> left;
};

// The best cut of one column at one node.
void consider(const Binned& column,
              std::size_t number,
              const std::array<Sums, kBins>& sums,
              const Sums& all,
              Split& best) {
  std::array<std::size_t, kBins> order{};
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(column.count);
  if (!column.is_number) {
    std::stable_sort(order.begin(), end, [&](auto a, auto b) {
      return sums[a].gradient / (sums[a].hessian + kPenalty) <
             sums[b].gradient / (sums[b].hessian + kPenalty);
    });
  }
  Sums left;
  std::bitset<kBins> bins;
  for (auto at = order.begin(); at + 1 < end; ++at) {
    left.add(sums[*at]);
    bins.set(*at);
    const Sums right{all.gradient - left.gradient, all.hessian - left.hessian};
    if (left.hessian < kLeastHessian || right.hessian < kLeastHessian) {
      continue;
    }
    const double gain = left.gain() + right.gain() - all.gain();
    if (gain > best.gain) {
      best = {gain, number, bins};
    }
  }
}

// Grows one tree on the gradients and adds its values to the scores of all rows.
class Grower {
 public:
  Grower(const std::vector<Binned>& columns, std::vector<double>& scores)
      : columns_(columns), scores_(scores) {}

  void grow(std::vector<std::size_t> trained,
            std::vector<std::size_t> others,
            const std::vector<Sums>& of_row,
            std::size_t depth) {
    Sums all;
    for (const auto row : trained) {
      all.add(of_row[row]);
    }
    Split best;
    for (std::size_t c = 0; depth < kDepth && c < columns_.size(); ++c) {
      std::array<Sums, kBins> sums{};
      for (const auto row : trained) {
        sums[columns_[c].bins[row]].add(of_row[row]);
      }
      consider(columns_[c], c, sums, all, best);
    }
    if (best.column == kNone) {
      const double value = -kRate * all.gradient / (all.hessian + kPenalty);
      for (const auto* rows : {&trained, &others}) {
        for (const auto row : *rows) {
          scores_[row] += value;
        }
      }
      return;
    }
    const auto is_left = [&](std::size_t row) {
      return best.left.test(columns_[best.column].bins[row]);
    };
    const auto part = [&](std::vector<std::size_t>& rows) {
      const auto right = std::stable_partition(rows.begin(), rows.end(), is_left);
      std::vector<std::size_t> cut(right, rows.end());
      rows.erase(right, rows.end());
      return cut;
    };
    auto trained_right = part(trained);
    auto others_right = part(others);
    grow(std::move(trained), std::move(others), of_row, depth + 1);
    grow(std::move(trained_right), std::move(others_right), of_row, depth + 1);
  }

 private:
  const std::vector<Binned>& columns_;
  std::vector<double>& scores_;
};

// Rows as numbers that are not 0 at few places: `dense` of them in every row, then indicators.
struct Sparse {
  std::size_t dense = 0;
  std::size_t width = 0;
  std::vector<float> numbers;          // (rows, dense)
  std::vector<std::uint32_t> indices;  // (rows, indicators a row): `width` stands for none
  std::size_t indicators = 0;

  template <typename Visit>
  void visit(std::size_t row, const Visit& visit) const {
    for (std::size_t i = 0; i < dense; ++i) {
      visit(i, static_cast<double>(numbers[row * dense + i]));
    }
    for (std::size_t i = 0; i < indicators; ++i) {
      const auto index = indices[row * indicators + i];
      if (index != width) {
        visit(index, 1.0);
      }
    }
  }
};

Sparse sparse(const Examples& examples, std::span<const std::size_t> trained) {
  constexpr double kMost = 5.0;  // deviations; a far value is one of many that are far
  Sparse made;
  made.dense = 1;  // the constant
  for (const auto& feature : examples.features) {
    made.dense += feature.is_number() ? 1 : 0;
  }
  made.width = made.dense;
  made.indicators = examples.features.size();
  made.numbers.assign(examples.rows() * made.dense, 1.0F);
  std::vector<std::uint32_t> first;
  for (const auto& feature : examples.features) {
    first.push_back(static_cast<std::uint32_t>(made.width));
    made.width += feature.is_number() ? 1 : feature.categories + 1;  // missing has one too
  }
  made.indices.assign(examples.rows() * made.indicators, static_cast<std::uint32_t>(made.width));
  std::size_t dense = 1;
  for (std::size_t f = 0; f < examples.features.size(); ++f) {
    const auto& feature = examples.features[f];
    if (!feature.is_number()) {
      for (std::size_t row = 0; row < examples.rows(); ++row) {
        const auto code = std::min(feature.codes[row], feature.categories);
        made.indices[row * made.indicators + f] = first[f] + code;
      }
      continue;
    }
    double sum = 0.0;
    double squares = 0.0;
    double count = 0.0;
    for (const auto row : trained) {
      const double number = feature.numbers[row];
      if (!std::isnan(number)) {
        sum += number;
        count += 1.0;
      }
    }
    const double mean = count > 0.0 ? sum / count : 0.0;
    for (const auto row : trained) {
      const double off = feature.numbers[row] - mean;
      squares += std::isnan(off) ? 0.0 : off * off;
    }
    const double deviation = squares > 0.0 ? std::sqrt(squares / count) : 1.0;
    for (std::size_t row = 0; row < examples.rows(); ++row) {
      const double number = feature.numbers[row];
      const bool is_missing = std::isnan(number);
      const double value =
          is_missing ? 0.0 : std::clamp((number - mean) / deviation, -kMost, kMost);
      made.numbers[row * made.dense + dense] = static_cast<float>(value);
      if (is_missing) {
        made.indices[row * made.indicators + f] = first[f];
      }
    }
    ++dense;
  }
  return made;
}

double product(const Sparse& rows, std::size_t row, const std::vector<double>& weights) {
  double sum = 0.0;
  rows.visit(row, [&](std::size_t i, double x) { sum += x * weights[i]; });
  return sum;
}

// The largest eigenvalue of the mean of x x', by the power method.
double largest_eigenvalue(const Sparse& rows, std::span<const std::size_t> trained) {
  std::vector<double> vector(rows.width, 1.0);
  double value = 1.0;
  for (int step = 0; step < 12; ++step) {
    std::vector<double> next(rows.width, 0.0);
    for (const auto row : trained) {
      const double along = product(rows, row, vector);
      rows.visit(row, [&](std::size_t i, double x) { next[i] += x * along; });
    }
    double norm = 0.0;
    for (double& entry : next) {
      entry /= static_cast<double>(trained.size());
      norm += entry * entry;
    }
    value = std::sqrt(norm) /
            std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
    for (double& entry : next) {
      entry /= std::max(std::sqrt(norm), 1e-300);
    }
    vector = std::move(next);
  }
  return value;
}

}  // namespace

std::vector<double> score_by_trees(const Examples& examples,
                                   std::span<const std::size_t> trained,
                                   std::span<const std::size_t> tested) {
  std::vector<Binned> columns;
  for (const auto& feature : examples.features) {
    columns.push_back(feature.is_number() ? bin_numbers(feature.numbers, trained)
                                          : bin_categories(feature, trained));
  }
  std::vector<double> scores(examples.rows(), 0.0);
  std::vector<Sums> of_row(examples.rows());
  Grower grower(columns, scores);
  for (std::size_t tree = 0; tree < kTrees; ++tree) {
    for (const auto row : trained) {
      const double chance = logistic(scores[row]);
      of_row[row] = {chance - examples.labels[row], chance * (1.0 - chance)};
    }
    grower.grow({trained.begin(), trained.end()}, {tested.begin(), tested.end()}, of_row, 0);
  }
  std::vector<double> result;
  for (const auto row : tested) {
    result.push_back(scores[row]);
  }
  return result;
}

// Accelerated gradient steps (Nesterov 1983) of the length that the loss's curvature allows.
std::vector<double> score_by_regression(const Examples& examples,
                                        std::span<const std::size_t> trained,
                                        std::span<const std::size_t> tested) {
  constexpr int kSteps = 300;
  constexpr double kRidge = 1e-4;
  const auto rows = sparse(examples, trained);
  const double step = 1.0 / (0.25 * 1.1 * largest_eigenvalue(rows, trained) + kRidge);
  std::vector<double> weights(rows.width, 0.0);
  std::vector<double> ahead = weights;
  for (int i = 1; i <= kSteps; ++i) {
    std::vector<double> gradient(rows.width, 0.0);
    for (const auto row : trained) {
      const double error = logistic(product(rows, row, ahead)) - examples.labels[row];
      rows.visit(row, [&](std::size_t k, double x) { gradient[k] += error * x; });
    }
    for (std::size_t k = 0; k < rows.width; ++k) {
      const double next =
          ahead[k] - step * (gradient[k] / static_cast<double>(trained.size()) + kRidge * ahead[k]);
      ahead[k] = next + (next - weights[k]) * (i - 1.0) / (i + 2.0);
      weights[k] = next;
    }
  }
  std::vector<double> result;
  for (const auto row : tested) {
    result.push_back(product(rows, row, weights));
  }
  return result;
}

double area_under_curve(std::span<const double> scores, std::span<const std::uint8_t> labels) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](auto a, auto b) { return scores[a] < scores[b]; });
  double ranks = 0.0;  // of class 1
  double ones = 0.0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double tied = 0.0;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) {
      tied += labels[order[end++]];
    }
    ranks += tied * (static_cast<double>(begin + end) + 1.0) / 2.0;
    ones += tied;
    begin = end;
  }
  const double zeros = static_cast<double>(scores.size()) - ones;
  return ones == 0.0 || zeros == 0.0 ? 0.5 : (ranks - ones * (ones + 1.0) / 2.0) / (ones * zeros);
}

}  // namespace genesis::quality
