#pragma once
// Tables by hand, in as few characters as the story needs.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/tabular/table.hpp"

namespace genesis::quality {

inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

inline tabular::Column numbers(std::string name,
                               std::vector<double> values,
                               tabular::Kind kind = tabular::Kind::kDecimal) {
  tabular::Column column;
  column.name = std::move(name);
  column.kind = kind;
  column.precision = kind == tabular::Kind::kDecimal ? 2 : 0;
  column.format = kind == tabular::Kind::kDatetime ? "%Y-%m-%d" : "";
  column.numbers = std::move(values);
  return column;
}

inline tabular::Column integers(std::string name, std::vector<double> values) {
  return numbers(std::move(name), std::move(values), tabular::Kind::kInteger);
}

/// Days since 1970-01-01.
inline tabular::Column days(std::string name, std::vector<double> values) {
  for (double& value : values) {
    value *= 86400.0;
  }
  return numbers(std::move(name), std::move(values), tabular::Kind::kDatetime);
}

/// "" is missing.
inline tabular::Column texts(std::string name,
                             const std::vector<std::string>& cells,
                             tabular::Kind kind = tabular::Kind::kCategory) {
  tabular::Column column;
  column.name = std::move(name);
  column.kind = kind;
  std::set<std::string> distinct(cells.begin(), cells.end());
  distinct.erase("");
  column.categories.assign(distinct.begin(), distinct.end());
  for (const std::string& cell : cells) {
    const auto at = std::lower_bound(column.categories.begin(), column.categories.end(), cell) -
                    column.categories.begin();
    column.codes.push_back(cell.empty() ? tabular::kMissingCode : static_cast<std::uint32_t>(at));
  }
  return column;
}

/// One category a character; '.' is missing.
inline tabular::Column letters(std::string name, const std::string& cells) {
  std::vector<std::string> each;
  for (const char c : cells) {
    each.emplace_back(c == '.' ? 0 : 1, c);
  }
  return texts(std::move(name), each);
}

inline tabular::Table a_table(std::vector<tabular::Column> columns) {
  tabular::Table table;
  table.rows = columns.empty() ? 0 : std::max(columns[0].numbers.size(), columns[0].codes.size());
  table.columns = std::move(columns);
  return table;
}

}  // namespace genesis::quality
