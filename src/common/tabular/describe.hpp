#pragma once
// A site's table in words, for its own people: describe() of table.hpp, and where less leaves with
// its join.
#include <string>
#include <vector>

#include "common/tabular/table.hpp"

namespace genesis::tabular {

/// Whether bounds and frequent values of numeric columns leave the site with its join, or, as with
/// secure sums, nothing but counts on a grid that depends on no row.
enum class Told { kBounds, kCounts };

[[nodiscard]] std::vector<std::string> describe(const Table& table,
                                                const SitePolicy& policy,
                                                Told told);

}  // namespace genesis::tabular
