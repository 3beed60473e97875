#pragma once
// Do two columns hang together in the synthetic table as in the real one? Pure. The measures are
// those of SDMetrics' Column Pair Trends, with its thresholds: a pair counts only where the real
// columns are related.
//
// Numbers beside categories are cut into ten bins of equal width, by each table's own extremes; the
// maximum and missing cells share an eleventh (numpy.digitize on numpy.histogram_bin_edges).
#include <cstdint>
#include <span>
#include <vector>

#include "common/quality/compare.hpp"
#include "common/quality/evaluate.hpp"

namespace genesis::quality {

/// |Pearson's correlation| of the real columns above which two continuous columns count.
inline constexpr double kCorrelationThreshold = 0.5;
/// Cramer's V of the real columns above which any other pair counts.
inline constexpr double kAssociationThreshold = 0.3;

/// Codes below `size`; missing is a code as any other.
struct Levels {
  std::vector<std::uint32_t> codes;
  std::uint32_t size = 0;
};

/// Ten equal bins from the smallest to the largest value: codes 0 to 9, and 10 for the largest
/// value and for NaN.
[[nodiscard]] Levels discretize(std::span<const double> numbers);

/// Pearson's correlation of the rows that have both values; NaN for fewer than two such rows or a
/// constant column.
[[nodiscard]] double correlation(std::span<const double> a, std::span<const double> b);

/// Cells (a, b) of a cross table that occur, sorted by key = a * b.size + b.
struct CrossTable {
  struct Cell {
    std::uint64_t key = 0;
    std::uint64_t count = 0;
  };
  std::vector<Cell> cells;
  std::uint64_t rows = 0;
  std::uint32_t a_size = 0;
  std::uint32_t b_size = 0;
};
[[nodiscard]] CrossTable cross(const Levels& a, const Levels& b);

/// Cramer's V without bias correction; NaN where a side has a single level.
[[nodiscard]] double cramers_v(const CrossTable& table);

/// 1 - total variation distance of the cells' shares. Both tables must have the same sizes.
[[nodiscard]] double similarity(const CrossTable& a, const CrossTable& b);

/// All pairs of `columns`, in order.
[[nodiscard]] std::vector<PairScore> pair_scores(std::span<const ComparedColumn> columns);

}  // namespace genesis::quality
