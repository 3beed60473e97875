// What a site tells of its columns before a grid exists (encoder.hpp).
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "common/tabular/cell.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/partition.hpp"

namespace genesis::tabular {
namespace {

std::vector<ValueCount> count_values(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::vector<ValueCount> counts;
  for (const double value : numbers) {
    if (counts.empty() || counts.back().value != value) {
      counts.push_back({value, 0});
    }
    ++counts.back().count;
  }
  return counts;
}

std::vector<double> present_values(const Column& column) {
  std::vector<double> values;
  values.reserve(column.numbers.size());
  std::copy_if(
      column.numbers.begin(), column.numbers.end(), std::back_inserter(values), [](double x) {
        return !std::isnan(x);
      });
  return values;
}

// Without rounding noise, which would ask for cuts; within the extremes.
std::vector<ValueCount> rounded(const std::vector<ValueCount>& counts, const Step& step) {
  std::vector<ValueCount> result;
  for (const auto& [value, count] : counts) {
    const double near = std::clamp(step.rounded(value), counts.front().value, counts.back().value);
    if (result.empty() || result.back().value != near) {
      result.push_back({near, 0});
    }
    result.back().count += count;
  }
  return result;
}

// The value that `rank` others come before.
const ValueCount& at_rank(const std::vector<ValueCount>& counts, std::uint64_t rank) {
  std::uint64_t seen = 0;
  for (const auto& value : counts) {
    seen += value.count;
    if (seen > rank) {
      return value;
    }
  }
  return counts.back();
}

// Bounds on or beyond which `least` rows lie on each side, or half of all where there are fewer. A
// value that fewer rows hold is rounded outward, to a 32nd of what lies between the bounds or an
// eighth of itself, and two steps at least, so that nobody's own value is told and one far value
// takes no other bound along.
std::vector<double> told_extremes(const std::vector<ValueCount>& counts,
                                  std::uint64_t least,
                                  const Step& step) {
  std::uint64_t total = 0;
  for (const auto& value : counts) {
    total += value.count;
  }
  const std::uint64_t aside = std::min(std::max<std::uint64_t>(least, 1) - 1, (total - 1) / 2);
  const auto& low = at_rank(counts, aside);
  const auto& high = at_rank(counts, total - 1 - aside);
  constexpr double kParts = 32.0;
  constexpr double kPartsOfOne = 8.0;
  const auto outward = [&](const ValueCount& bound, double (*round)(double)) {
    const double of_itself = std::abs(bound.value) / kPartsOfOne;
    const double of_all = (high.value - low.value) / kParts;
    const double finest =
        of_all > 0.0 && of_itself > 0.0 ? std::min(of_all, of_itself) : std::max(of_all, of_itself);
    const double width = std::max(finest, 2.0 * step.size(bound.value));
    const double unit = std::isnormal(width) ? std::ldexp(1.0, std::ilogb(width)) : 0.0;
    const double steps = unit > 0.0 ? bound.value / unit : 0.0;
    const bool is_told = bound.count >= least || unit == 0.0 || !std::isfinite(steps);
    return is_told ? bound.value : round(steps) * unit;
  };
  constexpr double kLargest = 1e300;  // that a column can hold
  return {std::max(outward(low, std::floor), -kLargest),
          std::min(outward(high, std::ceil), kLargest)};
}

void sketch_numbers(const Column& column,
                    std::uint64_t rows,
                    const SitePolicy& policy,
                    std::size_t most_edges,
                    ColumnSketch& result) {
  auto values = present_values(column);
  result.missing = rows - values.size();
  if (values.empty()) {
    return;
  }
  auto counts = count_values(std::move(values));
  if (column.kind != Kind::kDatetime) {
    for (const auto& [value, count] : counts) {
      result.digits.add(value, count);
    }
  }
  const auto step = step_of(column.kind, finest_of(result.digits), column.format);
  if (step) {
    counts = rounded(counts, *step);
  }
  const std::uint64_t least = policy.min_category_count;
  result.extremes = told_extremes(counts, least, step.value_or(Step{1.0, 1.0, kAllDigits}));
  auto refinement = refine(counts, least, most_edges);
  result.edges = std::move(refinement.edges);
  result.few_values = counts.size() <= kFewValues;
  if (!result.few_values && result.extremes[0] == result.extremes[1]) {
    // Many different values, each side's within the rows that are left out.
    const double room = std::max(1.0, std::abs(result.extremes[0]) / 2);
    result.extremes = {result.extremes[0] - room, result.extremes[1] + room};
  }
  for (const auto& [value, count] : result.few_values ? counts : refinement.atoms) {
    if (count >= least) {
      result.heavy_values.push_back(value);
      result.heavy_counts.push_back(count);
    }
  }
}

// Sorted, as the column's are.
std::vector<std::string> frequent_categories(const Column& column, const SitePolicy& policy) {
  std::vector<std::uint64_t> counts(column.categories.size());
  for (const auto code : column.codes) {
    if (code != kMissingCode) {
      ++counts[code];
    }
  }
  std::vector<std::string> frequent;
  for (std::size_t i = 0; i < counts.size() && frequent.size() <= kMaxCategories; ++i) {
    if (counts[i] >= policy.min_category_count) {
      frequent.push_back(column.categories[i]);
    }
  }
  return frequent;
}

}  // namespace

Sketch sketch(const Table& table, const SitePolicy& policy) {
  Sketch result;
  result.rows = table.rows;
  for (const auto& column : table.columns) {
    auto& about = result.columns.emplace_back();
    about.name = column.name;
    about.kind = column.kind;
    about.declared = column.declared;
    about.precision = column.precision;
    about.format = column.format;
    if (is_continuous(column.kind)) {
      sketch_numbers(column, result.rows, policy, most_bins(table.columns.size()), about);
    } else {
      about.missing = static_cast<std::uint64_t>(
          std::count(column.codes.begin(), column.codes.end(), kMissingCode));
    }
    if (column.kind == Kind::kCategory || column.kind == Kind::kBoolean) {
      about.categories = frequent_categories(column, policy);
      if (is_blank(column.categories)) {
        about.missing = result.rows;  // words for "no value" alone are no opinion on the kind
      }
    }
  }
  return result;
}

}  // namespace genesis::tabular
