#pragma once
// The modes of a continuous column from its summed counts. Pure and deterministic.
#include <cstdint>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// Fills scale and modes of `spec`, whose other fields are the plan's: exact values first, then
/// Gaussians by mean; without the mode for missing cells. `rows` of the whole table, more than 0.
[[nodiscard]] Status fit_numbers(const ColumnPlan& plan,
                                 const ColumnSummary& total,
                                 std::uint64_t rows,
                                 EncodedColumnSpec& spec);

}  // namespace genesis::tabular
