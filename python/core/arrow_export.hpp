#pragma once
// Generated columns as an Arrow stream of one batch, for whoever takes tables through Arrow's C
// stream interface. Numbers and codes stay where they are; whole numbers and moments, which Arrow
// has as integers, and the bits that tell what is missing are made here. Pure: knows nothing of
// Python.
#include <memory>
#include <vector>

#include "core/arrow_abi.hpp"
#include "genesis/columns.hpp"

namespace genesis::python {

/// Fills `out`, which shares the columns with the arrays that come out of it until all are
/// released. decimal: float64; integer: int64; datetime: timestamp[us], in UTC where its format
/// has a zone, and duration[us]; the others: a dictionary of text.
void export_stream(std::shared_ptr<const std::vector<ColumnValues>> columns, ArrowArrayStream& out);

}  // namespace genesis::python
