#pragma once
// Whether a table may still join an encoding that was agreed on without it.
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// Encoder::encode takes the table that `sketch` describes. Errors: kInvalidArgument names the
/// column and what does not fit: its name, kind or format, or a missing cell where none was.
[[nodiscard]] Status check_fits(const Sketch& sketch, const Encoder& encoder);

/// What of that table the encoder does not know and takes as the nearest that it does: one sentence
/// a column, for logs.
[[nodiscard]] std::vector<std::string> clamped(const Sketch& sketch, const Encoder& encoder);

}  // namespace genesis::tabular
