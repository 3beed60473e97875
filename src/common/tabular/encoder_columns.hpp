#pragma once
// An encoder whose columns are known otherwise than from counts on a plan. Pure.
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// Errors: kInvalidArgument names the column and the law of columns that it breaks, as where an
/// encoder is read.
[[nodiscard]] Result<Encoder> encoder_of(const std::vector<EncodedColumnSpec>& columns);

}  // namespace genesis::tabular
