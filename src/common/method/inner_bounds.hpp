#pragma once
// The domain of numbers that nobody has declared: what the sites' extremes span, without those that
// lie far beyond what the others have. One site alone can't stretch it. Pure.
#include <span>
#include <string>
#include <vector>

#include "common/tabular/encoder.hpp"

namespace genesis::method {

/// With fewer sites than this, nobody can say whose extremes are the odd ones.
inline constexpr std::size_t kFewestForBounds = 4;

struct Bounded {
  std::vector<tabular::NamedSketch> sketches;  // as given, with the far extremes clamped
  std::vector<std::string> notes;              // what was clamped or should be declared, for people
};

/// In each continuous column without declared bounds, an extreme is far where it lies more than ten
/// times the width of the inner range beyond that range, which a third of the sites on each side
/// has no part in. With fewer than kFewestForBounds sites nothing is clamped: a far extreme is
/// noted. Does not depend on the order of `sketches`.
[[nodiscard]] Bounded inner_bounds(std::vector<tabular::NamedSketch> sketches,
                                   std::span<const tabular::Declaration> declared);

}  // namespace genesis::method
