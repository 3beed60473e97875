#pragma once
// Arrow arrays of other libraries as columns of the engine, in place. Pure: knows nothing of
// Python.
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "core/arrow_abi.hpp"
#include "genesis/column_table.hpp"

namespace genesis::python {

/// The columns of a schema: those of a struct, or itself under `name` where it is none. Errors, as
/// of all here: kInvalidArgument names the column and what is wrong with it, such as a type that is
/// not read.
[[nodiscard]] Result<std::vector<ColumnCells>> columns_of(const ArrowSchema& schema,
                                                          const std::string& name);

/// Adds an array of that schema to them. It is looked at here as far as it can be without its
/// buffers' sizes, which the interface does not tell: lengths, offsets, missing buffers. It
/// outlives `columns`.
[[nodiscard]] Status append(const ArrowSchema& schema,
                            const ArrowArray& array,
                            std::vector<ColumnCells>& columns);

}  // namespace genesis::python
