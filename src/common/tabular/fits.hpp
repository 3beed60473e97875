#pragma once
// Whether a table may still join an encoding that was agreed on without it.
#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// Every cell of the table that `sketch` describes is in the encoder's domain, so that
/// Encoder::encode takes it. Errors: kInvalidArgument names the column and the name, kind, format,
/// category or value that does not fit.
[[nodiscard]] Status check_fits(const Sketch& sketch, const Encoder& encoder);

}  // namespace genesis::tabular
