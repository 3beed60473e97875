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

}  // namespace genesis::tabular
