#pragma once
// A summary as one list of counts, so that it is summed like everything else that sites send. The
// plan gives the order: rows, then for each column missing, bins, values, categories. Pure.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

[[nodiscard]] std::vector<std::uint64_t> counts_of(const Summary& summary);

/// How many counts a summary of `plan` has.
[[nodiscard]] std::size_t count_words(const Plan& plan);

/// Lengths of the lists in them that each add up to the rows: the rows themselves, then a list for
/// each column.
[[nodiscard]] std::vector<std::size_t> count_lists(const Plan& plan);

/// Errors: kInvalidArgument where there are not count_words(plan) counts, or a column's do not add
/// up to the rows; kResourceExhausted for a count above 2^53.
[[nodiscard]] Result<Summary> summary_of(const std::vector<std::uint64_t>& counts,
                                         const Plan& plan);

}  // namespace genesis::tabular
