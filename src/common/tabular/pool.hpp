#pragma once
// All sites' rows in one table, where one machine holds them all: `genesis run` judges by it, and
// `genesis validate --data` tries the agreement on it. No part of a federation.
#include <span>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

struct NamedTable {
  std::string client;
  Table table;
};

/// Columns in the plan's order and kinds, matched by name; text that is too rare for the plan is
/// kept, and so is that of identifiers. `notes` of the tables are left out. Errors: those of align.
[[nodiscard]] Result<Table> pool(std::span<const NamedTable> tables, const Plan& plan);

/// What the sites should be told of values that look alike and are not the same, such as M beside
/// m, and of categories that look like "no value": one sentence each, with the column and the
/// sites.
[[nodiscard]] std::vector<std::string> look_alikes(std::span<const NamedSketch> sketches);

}  // namespace genesis::tabular
