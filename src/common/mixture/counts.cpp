#include "common/mixture/counts.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/tabular/cell.hpp"

namespace genesis::mixture {
namespace {

constexpr int kBinsPerDecade = 16;
constexpr int kLowestDecade = -4;
constexpr int kHighestDecade = 12;
constexpr std::size_t kMagnitudes = kBinsPerDecade * (kHighestDecade - kLowestDecade);

constexpr double kFirstDate = -2208988800.0;  // 1900-01-01
constexpr double kYear = 31556952.0;          // seconds of a mean Gregorian one
constexpr std::size_t kYears = 200;

double magnitude(std::size_t i) {
  return std::pow(10.0, kLowestDecade + static_cast<double>(i) / kBinsPerDecade);
}

std::size_t open_bin(double x, const Column& column) {
  if (column.kind == tabular::Kind::kDatetime) {
    const double year = std::floor((x - kFirstDate) / kYear);
    return static_cast<std::size_t>(std::clamp(year, 0.0, static_cast<double>(kYears - 1)));
  }
  const double size = std::abs(x);
  if (size < magnitude(0)) {
    return kMagnitudes;  // 0
  }
  const double i = std::floor((std::log10(size) - kLowestDecade) * kBinsPerDecade);
  const auto bin =
      static_cast<std::size_t>(std::clamp(i, 0.0, static_cast<double>(kMagnitudes - 1)));
  return x > 0.0 ? kMagnitudes + 1 + bin : kMagnitudes - 1 - bin;
}

std::size_t precision_class(double x, const std::vector<int>& precisions) {
  for (std::size_t i = 0; i + 1 < precisions.size(); ++i) {
    if (tabular::round_to(x, precisions[i]) == x) {
      return i;
    }
  }
  return precisions.size() - 1;
}

void count_open(const tabular::Column& cells,
                const Column& column,
                std::span<std::uint64_t> counts) {
  const auto grid = open_grid(column);
  for (const double x : numbers_of(cells, column)) {
    if (std::isfinite(x)) {
      ++counts[precision_class(x, grid.precisions) * grid.bins + open_bin(x, column)];
    } else if (column.missing != Missing::kNever) {
      ++counts[counts.size() - 1];
    }
  }
}

void count_column(const tabular::Column& cells,
                  const Column& column,
                  std::span<std::uint64_t> counts) {
  if (column.is_number() && column.units == 0) {
    return count_open(cells, column, counts);
  }
  const auto width = fine_width(column);
  for (const auto unit : units_of(cells, column)) {
    if (unit == kMissingUnit) {
      ++counts[counts.size() - 1];
    } else if (unit != kNoUnit) {
      ++counts[unit / width];
    }
  }
}

}  // namespace

Result<std::vector<std::size_t>> match_columns(const tabular::Table& table, const Schema& schema) {
  std::vector<std::size_t> places;
  for (const auto& column : schema) {
    const auto found = std::ranges::find(table.columns, column.name, &tabular::Column::name);
    if (found == table.columns.end()) {
      return fail(Errc::kInvalidArgument, "the table has no column '" + column.name + "'");
    }
    places.push_back(static_cast<std::size_t>(found - table.columns.begin()));
  }
  return places;
}

OpenGrid open_grid(const Column& column) {
  if (column.kind == tabular::Kind::kDatetime) {
    return {kYears, {0}};
  }
  const std::size_t bins = 2 * kMagnitudes + 1;
  return column.kind == tabular::Kind::kDecimal && !column.has_precision
             ? OpenGrid{bins, {0, 2, 4, 6}}
             : OpenGrid{bins, {column.precision}};
}

double lower_edge(const Column& column, std::size_t bin) {
  if (column.kind == tabular::Kind::kDatetime) {
    return kFirstDate + static_cast<double>(bin) * kYear;
  }
  if (bin <= kMagnitudes) {
    return -magnitude(kMagnitudes - bin);
  }
  return magnitude(bin - kMagnitudes - 1);
}

std::uint64_t fine_width(const Column& column) {
  return column.is_number() ? (column.units + kFineBins - 1) / kFineBins : 1;
}

std::size_t fine_values(const Column& column) {
  if (!column.is_counted()) {
    return 0;
  }
  if (column.is_number() && column.units == 0) {
    const auto grid = open_grid(column);
    return grid.bins * grid.precisions.size();
  }
  const auto width = fine_width(column);
  return (column.size() + width - 1) / width;
}

std::size_t fine_cells(const Column& column) {
  return fine_values(column) + (column.is_counted() && column.missing != Missing::kNever ? 1 : 0);
}

std::size_t fine_cells(const Schema& schema) {
  std::size_t cells = 0;
  for (const auto& column : schema) {
    cells += fine_cells(column);
  }
  return cells;
}

std::size_t counted_columns(const Schema& schema) {
  return static_cast<std::size_t>(std::ranges::count_if(schema, &Column::is_counted));
}

std::size_t zoom_cells(const Ranges& ranges) {
  std::size_t cells = 0;
  for (const auto& range : ranges) {
    cells += range.cells();
  }
  return cells;
}

std::size_t zoomed_columns(const Ranges& ranges) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    columns += i == 0 || ranges[i].column != ranges[i - 1].column ? 1 : 0;
  }
  return columns;
}

Result<Counts> count_fine(const tabular::Table& table, const Schema& schema) {
  GENESIS_ASSIGN(const auto places, match_columns(table, schema));
  Counts counts(fine_cells(schema), 0);
  std::size_t at = 0;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    const std::size_t cells = fine_cells(schema[c]);
    if (schema[c].is_counted()) {
      count_column(table.columns[places[c]], schema[c], std::span(counts).subspan(at, cells));
    }
    at += cells;
  }
  return counts;
}

Result<Counts> count_zoom(const tabular::Table& table, const Schema& schema, const Ranges& ranges) {
  GENESIS_ASSIGN(const auto places, match_columns(table, schema));
  Counts counts(zoom_cells(ranges), 0);
  std::size_t at = 0;
  for (auto first = ranges.begin(); first != ranges.end();) {
    const auto next = std::find_if(
        first, ranges.end(), [&](const Range& range) { return range.column != first->column; });
    const std::span<const Range> of_column(first, next);
    std::vector<std::size_t> begins;
    for (const auto& range : of_column) {
      begins.push_back(at);
      at += range.cells();
    }
    for (const auto unit : units_of(table.columns[places[first->column]], schema[first->column])) {
      const auto after = std::ranges::upper_bound(of_column, unit, {}, &Range::first);
      if (after == of_column.begin()) {
        continue;
      }
      const auto i = static_cast<std::size_t>(after - of_column.begin()) - 1;
      if (unit <= of_column[i].last) {
        ++counts[begins[i] + (unit - of_column[i].first) / of_column[i].step];
      }
    }
    first = next;
  }
  return counts;
}

nlohmann::json to_json(const Ranges& ranges) {
  auto json = nlohmann::json::array();
  for (const auto& range : ranges) {
    json.push_back({range.column, range.first, range.last, range.step});
  }
  return json;
}

Result<Ranges> ranges_from_json(JsonValue json, const Schema& schema) {
  constexpr std::size_t kNumbers = 4;
  Ranges ranges;
  std::uint64_t cells = 0;
  if (!json.is_array()) {
    return fail(Errc::kInvalidArgument, "ranges: expected a list");
  }
  for (const JsonValue entry : json.elements()) {
    const std::string path = "ranges[" + std::to_string(ranges.size()) + "]";
    std::vector<std::uint64_t> numbers;
    for (const JsonValue number : entry.elements()) {
      const auto whole = number.whole();
      if (!whole || numbers.size() == kNumbers) {
        numbers.clear();
        break;
      }
      numbers.push_back(*whole);
    }
    if (numbers.size() != kNumbers || numbers[0] >= schema.size()) {
      return fail(Errc::kInvalidArgument, path + ": expected a column and three whole numbers");
    }
    const Range range{static_cast<std::uint32_t>(numbers[0]), numbers[1], numbers[2], numbers[3]};
    const bool is_in_order =
        ranges.empty() || ranges.back().column < range.column ||
        (ranges.back().column == range.column && ranges.back().last < range.first);
    if (!schema[range.column].is_number() || range.first > range.last ||
        range.last >= schema[range.column].units || range.step == 0 || !is_in_order) {
      return fail(Errc::kInvalidArgument, path + ": is none of its column");
    }
    cells += range.cells();
    if (cells > kMaxZoomCells) {
      return fail(Errc::kResourceExhausted, "ranges: more than 2^20 cells");
    }
    ranges.push_back(range);
  }
  return ranges;
}

}  // namespace genesis::mixture
