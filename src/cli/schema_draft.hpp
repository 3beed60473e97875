#pragma once
// A draft of spec.table.columns from rows, for the site's own people. Pure.
#include <cstdint>
#include <string>

#include "common/base/error.hpp"
#include "common/tabular/table.hpp"

namespace genesis::cli {

struct DraftOptions {
  /// Categories that fewer rows have are left out, and counted as "other".
  std::uint64_t min_category_count = 5;
  /// Of a column of more categories the most frequent ones are listed.
  std::size_t most_categories = 64;
};

/// YAML with the key "columns". Bounds are rounded outwards: those of numbers to their first digit,
/// those of dates to whole years. A comment marks each line that tells what the rows hold, so that
/// publishing it as it stands would be a disclosure. Errors: kInvalidArgument for a date's format
/// that cannot be read.
[[nodiscard]] Result<std::string> draft_schema(const tabular::Table& table,
                                               const DraftOptions& options = {});

}  // namespace genesis::cli
