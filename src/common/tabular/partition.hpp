#pragma once
// The bins in which a continuous column is counted. Pure.
//
// All finite doubles, in order, are one interval; halving it again and again gives cells that all
// sites know. Halving follows a double's bits: first signs and powers of two, then each octave in
// equal parts. So cells are narrow in proportion near zero and far from it, whatever the column's
// magnitudes, and their number grows with the logarithm of the range.
//
// Each site halves a cell that holds one row in 1,024 of its own and as many rows as a category
// needs to be told (SitePolicy), and any cell that holds a row and is wider than a quarter of an
// octave; it tells where it has cut. The plan cuts where any site does, and the encoder's fit takes
// from the summed counts only those cuts that the sum asks for, one row in 512 and at least 8. A
// cell that heavy in the sum is that heavy at some site with enough rows (1,024 times what a
// category needs), so that there the cuts which are kept do not depend on how the rows are split;
// and as it is rows that ask for cuts, not extremes, a row that is far from all others costs no
// other row its resolution.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/tabular/grid.hpp"

namespace genesis::tabular {

/// Cells of one column at most.
inline constexpr std::size_t kMaxBins = std::size_t{1} << 15;

/// Of each of so many columns: what all sites tell has to fit a message.
[[nodiscard]] std::size_t most_bins(std::size_t columns);

struct ValueCount {
  double value = 0.0;
  std::uint64_t count = 0;
};

/// Where one site's rows ask for cuts.
struct Refinement {
  std::vector<double> edges;  // sorted
  // Values that ask for cuts and are alone in their cell: how finely they are to be cut
  // out depends on other sites' rows, and on the step that all agree on. Sorted.
  std::vector<ValueCount> atoms;
};
/// `values` sorted, each once.
/// `least` rows at least ask for a cut below the wide cells; `most` edges at most.
[[nodiscard]] Refinement refine(std::span<const ValueCount> values,
                                std::uint64_t least,
                                std::size_t most);

/// The cuts of all sites, in steps of the column. `edges` and `atoms` sorted, each once, with their
/// counts summed; `total` counts the values of all sites; fewer than `most` cuts.
[[nodiscard]] std::vector<double> join_cuts(std::span<const double> edges,
                                            std::span<const ValueCount> atoms,
                                            std::uint64_t total,
                                            const Step& step,
                                            std::size_t most);

enum class Spacing { kByOctave, kByLength };
/// Cuts that depend on no row, fewer than `most` of them: between `low` and `high` every octave is
/// halved as often as any other, or cells of one length are made, none below a single value.
[[nodiscard]] std::vector<double> even_cuts(
    double low, double high, const Step& step, Spacing spacing, std::size_t most);

/// Whether sorted `edges` are cuts as they are made here: each halves a cell that others leave.
[[nodiscard]] bool are_cuts(std::span<const double> edges);

/// The bin of a value: bin i reaches from edge i - 1 up to edge i.
[[nodiscard]] std::size_t bin_of(std::span<const double> edges, double value);

/// Index of the nearest of sorted values, the lower one of two. `values` is not empty.
[[nodiscard]] std::size_t nearest_of(std::span<const double> values, double value);

/// A cell that the sum of all sites asks for.
struct Cell {
  double low = 0.0;  // [low, high)
  double high = 0.0;
  std::uint64_t count = 0;
  bool is_single = false;  // holds one value of the column's steps
  double value = 0.0;      // that value, where is_single
};
/// The cells that hold rows, in order; `counts` has one entry a bin of `edges`.
[[nodiscard]] std::vector<Cell> cells_of(std::span<const double> edges,
                                         std::span<const std::uint64_t> counts,
                                         const Step& step);

}  // namespace genesis::tabular
