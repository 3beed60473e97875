#pragma once
// Values that look alike and are not the same: for logs of the aggregator, and `genesis validate`.
#include <span>
#include <string>
#include <vector>

#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// What the sites should be told of values that look alike and are not the same, such as M beside
/// m, and of categories that look like "no value": one sentence each, with the column and the
/// sites.
[[nodiscard]] std::vector<std::string> look_alikes(std::span<const NamedSketch> sketches);

}  // namespace genesis::tabular
