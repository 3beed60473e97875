#pragma once
// From a column's distinct texts to a typed column: the kind that all of them have, or the declared
// one, which every cell must obey.
#include <string>

#include "common/base/error.hpp"
#include "common/tabular/csv_reader.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

enum class Discreteness { kInferred, kForced };

/// Errors: kInvalidArgument "source:line: column 'x': …" for the first cell (in order of
/// occurrence) that the declaration excludes.
[[nodiscard]] Result<Column> type_column(RawColumn raw,
                                         const Declaration& declaration,
                                         Discreteness discreteness,
                                         const std::string& source);

/// {true, false} or {yes, no} in one casing. `sorted` bytewise.
bool is_boolean_pair(const std::vector<std::string>& sorted);

}  // namespace genesis::tabular
