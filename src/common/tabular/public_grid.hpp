#pragma once
// Counting numbers on a grid that does not depend on any row: for sums that only show what all
// sites together have. A site tells no extreme, no frequent value and no number of rows; bounds are
// the spec's, or wide ones that are the same for every column of a kind. What the encoder needs of
// the data is then taken from the sum. Pure.
#include <span>

#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// What is told instead of a table's number of rows.
inline constexpr std::uint64_t kUntoldRows = std::uint64_t{1} << 20;

/// What is left of a site's sketch: names, kinds, formats, the digits of most cells, whether a
/// column has any value, and categories that enough rows hold.
[[nodiscard]] Sketch public_sketch(const Sketch& sketch);

/// Public sketches with the grid on which they count, within the declared bounds.
void add_public_grid(std::span<NamedSketch> sketches, std::span<const Declaration> declared);

/// The plan and the sum as if the plan had known the sum: bounds that at least 5 rows reach unless
/// they are declared, and columns of few values by their values.
void narrow(Plan& plan, Summary& total, std::span<const Declaration> declared);

}  // namespace genesis::tabular
