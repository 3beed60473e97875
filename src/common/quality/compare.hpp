#pragma once
// Two or three tables seen as the real one's kinds: numbers, or codes into one shared domain. Used
// by evaluate; the metrics see nothing else.
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::quality {

/// One table's column. Continuous kinds fill `numbers` (NaN is missing), the others `codes`
/// (tabular::kMissingCode is missing).
struct Cells {
  std::vector<double> numbers;
  std::vector<std::uint32_t> codes;
  std::uint64_t outside = 0;  // cells outside the real column's domain, see Report::cells_outside
  std::uint64_t unreadable = 0;  // of these, text that is no number or date
  std::string example;           // one such text
};

struct ComparedColumn {
  std::string name;
  tabular::Kind kind = tabular::Kind::kCategory;
  std::string format;    // of dates
  double minimum = 0.0;  // continuous: extremes of the real values, 0 where there are none
  double maximum = 0.0;
  std::uint32_t real_categories = 0;  // codes below this occur in the real column
  std::uint32_t categories = 0;       // codes are below this in all tables
  Cells real;
  Cells synthetic;
  Cells holdout;  // empty without holdout
};

/// The real table's columns in order, without identifiers. Errors: kInvalidArgument for a table
/// without rows or with other columns than the real one.
[[nodiscard]] Result<std::vector<ComparedColumn>> compare(const tabular::Table& real,
                                                          const tabular::Table& synthetic,
                                                          const tabular::Table* holdout);

/// Errors: kInvalidArgument names the columns that only one of the two has; `what` stands for
/// `names`.
[[nodiscard]] Status check_same_columns(const std::vector<std::string>& real,
                                        const std::vector<std::string>& names,
                                        const std::string& what);

[[nodiscard]] std::vector<std::string> column_names(const tabular::Table& table);

}  // namespace genesis::quality
