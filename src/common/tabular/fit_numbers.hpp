#pragma once
// The modes of a continuous column from its summed counts. Pure and deterministic.
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/partition.hpp"

namespace genesis::tabular {

/// Fills scale and modes of `spec`, whose other fields are the plan's: exact values first, then
/// Gaussians by mean; without the mode for missing cells. `rows` of the whole table, more than 0.
[[nodiscard]] Status fit_numbers(const ColumnPlan& plan,
                                 const ColumnSummary& total,
                                 std::uint64_t rows,
                                 EncodedColumnSpec& spec);

/// Of a domain.
struct Bounds {
  double minimum = 0.0;
  double maximum = 0.0;
};

/// The values that would be exact modes of a column that holds the heavy values `told`, rounded by
/// `step` and sorted, and beside them only light ones; `present` counts all its values.
[[nodiscard]] std::vector<double> exact_values(std::span<const ValueCount> told,
                                               const Step& step,
                                               const Bounds& bounds,
                                               std::uint64_t present);

}  // namespace genesis::tabular
