#pragma once
// Whether a table may still join an encoding that was agreed on without it.
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// Encoder::encode takes the table that `sketch` describes. Numbers and dates beyond the agreed
/// bounds, or beside the agreed values, fit: encode takes the nearest; so does text that is not one
/// of the agreed categories. Errors: kInvalidArgument names the column and the name, kind, format
/// or missing cell that does not fit.
[[nodiscard]] Status check_fits(const Sketch& sketch, const Encoder& encoder);

/// Columns in which encode will take agreed numbers, dates or categories for others of the table's,
/// and why, one sentence each; none for a site that took part in the agreement. `sketch` is the
/// table's. The few rows that lie beyond the bounds which a sketch tells are no news.
[[nodiscard]] std::vector<std::string> moved_columns(const Table& table,
                                                     const Sketch& sketch,
                                                     const Encoder& encoder);

}  // namespace genesis::tabular
