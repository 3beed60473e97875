#pragma once
// Text that too few rows of any site hold to be named. Used by site.cpp.
#include "common/mixture/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::mixture {

/// Gives each cell whose text is no category of `schema` one of those that the column has here, as
/// often as their rows are: such a row would not be counted, and more cells would seem to be
/// missing than are. Columns that have an `other`, or none of the categories, stay as they are.
void spread_rare_text(tabular::Table& table, const Schema& schema);

}  // namespace genesis::mixture
