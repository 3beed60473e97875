#pragma once
// Synthetic text that single real rows hold. Used by evaluate.
#include <vector>

#include "common/quality/evaluate.hpp"

namespace genesis::quality {

/// Text columns of `real` of whose cells in `synthetic` more than half hold a text that occurs once
/// in the real column. Numbers coincide by chance and are left out.
[[nodiscard]] std::vector<CopiedText> find_copied_text(const tabular::Table& real,
                                                       const tabular::Table& synthetic);

}  // namespace genesis::quality
