#pragma once
// Columns as shares of a few values or ranges, for pictures of a report. Pure.
#include <optional>
#include <string>
#include <vector>

#include "common/quality/compare.hpp"

namespace genesis::quality {

/// Of each label the share of the rows, of the real and of the synthetic table.
struct Histogram {
  std::vector<std::string> labels;
  std::vector<double> real;
  std::vector<double> synthetic;
};

inline constexpr std::size_t kMostBars = 24;

/// Of a number or date: ranges of equal width between the real 0.5% and 99.5% quantiles, of which
/// the outer ones hold what is beyond; of few different values, these. Of categories: the most
/// frequent real ones, then all others. Missing cells last, where there are any. `real` is the
/// table that the column was compared with.
[[nodiscard]] Histogram histogram(const ComparedColumn& column, const tabular::Table& real);

}  // namespace genesis::quality
