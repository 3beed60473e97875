#pragma once
// What makes a summary belong to a plan. Used by merge, fit and their tests.
#include <cstddef>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// Bins in which the column is counted; none where each of its values is counted for itself.
[[nodiscard]] std::size_t bin_count(const ColumnPlan& plan);

/// Counts of a text column: one a category, and one of other text where the plan asks for it.
[[nodiscard]] std::size_t category_slots(const ColumnPlan& plan);

/// Zero rows in the plan's shape.
[[nodiscard]] Summary empty_summary(const Plan& plan);

/// Errors: kInvalidArgument when lengths differ from the plan's or a column's counts do not add up
/// to the rows, kResourceExhausted above 2^53.
[[nodiscard]] Status check_shape(const Summary& summary, const Plan& plan);

}  // namespace genesis::tabular
