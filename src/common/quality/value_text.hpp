#pragma once
// Values as people read them.
#include <string>

#include "common/tabular/schema.hpp"

namespace genesis::quality {

/// Numbers with six digits, dates in `format`.
[[nodiscard]] std::string value_text(tabular::Kind kind, const std::string& format, double value);

/// `value` with so many decimal places.
[[nodiscard]] std::string fixed(double value, int places);

}  // namespace genesis::quality
