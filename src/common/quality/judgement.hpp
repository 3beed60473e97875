#pragma once
// What classifiers say of synthetic rows: whether they can tell them from real ones, and what a
// model learns from them that is to judge real ones. Pure.
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/quality/compare.hpp"

namespace genesis::quality {

/// Areas under the curve of classifiers that tell synthetic rows from real ones, on rows that they
/// were not fitted to: mean of three parts. 0.5: they cannot; 1: they always can.
struct Detection {
  double regression = 0.5;
  double trees = 0.5;
  std::size_t rows = 0;  // of each table, at most kJudgedRows
};

/// Area under the curve, for one class of `target` against the others, of trees that were fitted to
/// one table and judge held-out real rows.
struct Utility {
  std::string target;
  std::string positive;
  double real = 0.5;       // fitted to the real table
  double synthetic = 0.5;  // fitted to the synthetic one
};

/// Rows of each table that classifiers see at most, fewer of more than 40 columns; drawn with a
/// fixed seed.
inline constexpr std::size_t kJudgedRows = 10000;

/// Nothing where a table has fewer than 30 rows.
[[nodiscard]] std::optional<Detection> detect(const std::vector<ComparedColumn>& columns);

/// `positive` is the rarer of two categories of `target`, or the most frequent of several; numbers
/// are split at the real median. Columns have held-out cells; `real` is the table that they were
/// compared with. Errors: kInvalidArgument names a target that is no column, or that has one value.
[[nodiscard]] Result<Utility> utility(const std::vector<ComparedColumn>& columns,
                                      const std::string& target,
                                      const tabular::Table& real);

}  // namespace genesis::quality
