#pragma once
// Columns in memory as the text that the readers of tables take, piece by piece: there is one way
// from cells to kinds, whatever a table comes as.
#include <functional>
#include <string_view>

#include "common/base/error.hpp"
#include "genesis/column_table.hpp"

namespace genesis::tabular {

/// Calls `take` with a header line and the rows, as RFC 4180 has them, in pieces of some 100 KiB
/// that may end anywhere, until it fails. Floats are as short as they can be and still be read
/// exactly, laid out as Python writes them. `source` stands for the table in messages. Errors:
/// kInvalidArgument names the column whose cells are not as many as the first column's, or whose
/// buffers contradict themselves; those of `take`.
[[nodiscard]] Status write_columns(const ColumnTable& table,
                                   std::string_view source,
                                   const std::function<Status(std::string_view)>& take);

}  // namespace genesis::tabular
