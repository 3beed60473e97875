#include "common/quality/shapes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "common/tabular/table.hpp"

namespace genesis::quality {
namespace {

std::vector<double> sorted_values(std::span<const double> numbers) {
  std::vector<double> values;
  values.reserve(numbers.size());
  std::copy_if(numbers.begin(), numbers.end(), std::back_inserter(values), [](double value) {
    return !std::isnan(value);
  });
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<std::uint64_t> counts_of(std::span<const std::uint32_t> codes,
                                     std::uint32_t categories) {
  std::vector<std::uint64_t> counts(categories, 0);
  for (const std::uint32_t code : codes) {
    if (code != tabular::kMissingCode) {
      ++counts[code];
    }
  }
  return counts;
}

double total(const std::vector<std::uint64_t>& counts) {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts) {
    sum += count;
  }
  return static_cast<double>(sum);
}

}  // namespace

std::optional<double> ks_complement(std::span<const double> real,
                                    std::span<const double> synthetic) {
  const std::vector<double> a = sorted_values(real);
  const std::vector<double> b = sorted_values(synthetic);
  if (a.empty() || b.empty()) {
    return std::nullopt;
  }
  double largest = 0.0;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const double value = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == value) {
      ++i;
    }
    while (j < b.size() && b[j] == value) {
      ++j;
    }
    const double difference = static_cast<double>(i) / static_cast<double>(a.size()) -
                              static_cast<double>(j) / static_cast<double>(b.size());
    largest = std::max(largest, std::abs(difference));
  }
  return 1.0 - largest;
}

std::optional<Quantiles> quantiles_of(std::span<const double> numbers) {
  const std::vector<double> values = sorted_values(numbers);
  if (values.empty()) {
    return std::nullopt;
  }
  Quantiles result{};
  for (std::size_t i = 0; i < kQuantiles.size(); ++i) {
    const double place = kQuantiles[i] * static_cast<double>(values.size());
    result[i] = values[std::min(values.size() - 1, static_cast<std::size_t>(place))];
  }
  return result;
}

std::optional<double> tv_complement(std::span<const std::uint32_t> real,
                                    std::span<const std::uint32_t> synthetic,
                                    std::uint32_t categories) {
  const std::vector<std::uint64_t> a = counts_of(real, categories);
  const std::vector<std::uint64_t> b = counts_of(synthetic, categories);
  const double real_total = total(a);
  const double synthetic_total = total(b);
  if (real_total == 0.0 || synthetic_total == 0.0) {
    return std::nullopt;
  }
  double difference = 0.0;
  for (std::size_t code = 0; code < a.size(); ++code) {
    difference += std::abs(static_cast<double>(a[code]) / real_total -
                           static_cast<double>(b[code]) / synthetic_total);
  }
  return 1.0 - 0.5 * difference;
}

}  // namespace genesis::quality
