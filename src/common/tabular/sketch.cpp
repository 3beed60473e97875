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

// Rounded as most of this site's cells are, so that noise in the last digits asks for no cuts;
// within the extremes.
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

void sketch_numbers(const Column& column, std::uint64_t rows, ColumnSketch& result) {
  auto values = present_values(column);
  result.missing = rows - values.size();
  if (values.empty()) {
    return;
  }
  auto counts = count_values(std::move(values));
  result.extremes = {counts.front().value, counts.back().value};
  if (column.kind != Kind::kDatetime) {
    for (const auto& [value, count] : counts) {
      result.digits.add(value, count);
    }
  }
  const auto step = step_of(column.kind, rounding_of(result.digits), column.format);
  if (step) {
    counts = rounded(counts, *step);
  }
  auto refinement = refine(counts);
  result.edges = std::move(refinement.edges);
  result.few_values = counts.size() <= kFewValues;
  for (const auto& [value, count] : result.few_values ? counts : refinement.atoms) {
    result.heavy_values.push_back(value);
    result.heavy_counts.push_back(count);
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
      sketch_numbers(column, result.rows, about);
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
