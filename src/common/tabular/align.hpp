#pragma once
// Seeing a site's column as the agreed kind, where the two may differ: integer as decimal, a column
// without values as anything, boolean as category. Used by summarize and encode.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

/// One cell a row in the agreed kind: numbers for continuous kinds, else codes into the agreed
/// domain.
struct AlignedColumn {
  std::span<const double> numbers;
  std::vector<std::uint32_t> codes;
  std::vector<double> blank;  // owns `numbers` where the site has no value
};

/// What the sites agreed on for one column. A view: plan or encoder outlive it.
struct Agreed {
  Kind kind = Kind::kCategory;
  const std::string& format;
  std::span<const std::string> domain;  // sorted
  bool other = false;                   // text beyond the domain is coded as domain.size()
};

/// Errors: kInvalidArgument names the column and the category that the domain lacks, or the kinds.
[[nodiscard]] Result<AlignedColumn> align(const Column& column, const Agreed& agreed);

/// The table's column of that name, or an error that names the nearest.
[[nodiscard]] Result<const Column*> find_column(const Table& table, const std::string& name);

}  // namespace genesis::tabular
