// What a site tells of its columns before a grid exists (encoder.hpp).
#include <algorithm>
#include <cmath>

#include "common/tabular/cell.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {
namespace {

struct Run {
  double value = 0.0;
  std::uint64_t count = 0;
};

std::vector<Run> distinct_values(const Column& column) {
  std::vector<double> sorted;
  sorted.reserve(column.numbers.size());
  std::copy_if(
      column.numbers.begin(), column.numbers.end(), std::back_inserter(sorted), [](double x) {
        return !std::isnan(x);
      });
  std::sort(sorted.begin(), sorted.end());
  std::vector<Run> runs;
  for (const double value : sorted) {
    if (runs.empty() || runs.back().value != value) {
      runs.push_back({value, 0});
    }
    ++runs.back().count;
  }
  return runs;
}

// The fewest decimals, up to `precision`, that write every value.
int resolution_of(const std::vector<Run>& runs, int precision) {
  int resolution = 0;
  for (const auto& run : runs) {
    while (resolution < precision && round_to(run.value, resolution) != run.value) {
      ++resolution;
    }
  }
  return resolution;
}

void sketch_numbers(const Column& column, std::uint64_t rows, ColumnSketch& result) {
  const auto runs = distinct_values(column);
  std::uint64_t present = 0;
  result.few_values = runs.size() <= kFewValues;
  for (const auto& run : runs) {
    present += run.count;
    if (result.few_values || run.count * kSpikeRows >= rows) {
      result.heavy_values.push_back(run.value);
    }
  }
  result.missing = rows - present;
  result.resolution = resolution_of(runs, column.precision);
  if (!runs.empty()) {
    result.extremes = {runs.front().value, runs.back().value};
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
