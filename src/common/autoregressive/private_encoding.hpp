#pragma once
// Codes under differential privacy: from each column's noisy distribution alone. Pure; no LibTorch.
#include <cstddef>

#include "common/autoregressive/discretizer.hpp"
#include "common/base/error.hpp"
#include "common/mixture/marginals.hpp"
#include "common/mixture/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::autoregressive {

/// The encoding of columns with bounds, one marginal a column: post-processing of noisy counts.
/// Errors: kInvalidArgument where every column is an identifier.
[[nodiscard]] Result<Discretizer> discretizer_of(const mixture::Schema& schema,
                                                 const mixture::Marginals& marginals,
                                                 std::size_t bins);

/// Codes of the rows of `table`, whose cells are read one by one as they are counted
/// (mixture/schema.hpp): no cell is an error, and what becomes of a row depends on no other one. A
/// row with a cell that has no code (missing where the counts show none, or a category that is
/// neither declared nor counted) is left out. Errors: kInvalidArgument where a column is not there
/// or `schema` is not of the encoding.
[[nodiscard]] Result<CodedTable> code_rows(const tabular::Table& table,
                                           const mixture::Schema& schema,
                                           const Discretizer& discretizer);

}  // namespace genesis::autoregressive
