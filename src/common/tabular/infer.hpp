#pragma once
// From a column's distinct texts to a typed column: the kind that all of them have, or the declared
// one, which every cell must obey.
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/csv_reader.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

enum class Discreteness { kInferred, kForced };

/// What is known of a column before its cells are read as values.
struct TypingRules {
  const Declaration& declaration;
  Discreteness discreteness = Discreteness::kInferred;
  const std::optional<std::vector<std::string>>& missing_values;  // the table's
  NumberStyle style;
  bool lenient = false;
  const std::string& source;  // the file, for messages
};

struct TypedColumn {
  Column column;
  /// Of a column that is declared censored: "<" and ">" where its number is a bound, "=" elsewhere.
  std::optional<Column> flag;
  std::vector<std::string> notes;
};

/// Errors: kInvalidArgument "source:line: column 'x': …" for the first cell (in order of
/// occurrence) that the declaration excludes, or that keeps an undeclared column from being numbers
/// or dates as most of its cells are.
[[nodiscard]] Result<TypedColumn> type_column(RawColumn raw, const TypingRules& rules);

/// The decimal sign that most columns with a telling number have; nothing where no cell tells.
[[nodiscard]] std::optional<char> decimal_sign_of(const RawTable& table);
/// The same of one column.
[[nodiscard]] std::optional<char> decimal_sign_of(const RawColumn& column);

}  // namespace genesis::tabular
