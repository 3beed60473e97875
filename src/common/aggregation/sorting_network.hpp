#pragma once
// Compare-exchange sequences that sort whatever the values are: no branch depends on data, so many
// coordinates are sorted at once in vector lanes. Batcher's odd-even merge (Knuth, TAOCP 3, 5.2.2,
// Algorithm M), for any number of wires.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace genesis::aggregation {

/// Afterwards wire `low` holds the smaller of the two, `high` the larger.
struct Exchange {
  std::uint16_t low = 0;
  std::uint16_t high = 0;
};

/// The exchanges that sort `wires` wires. 1 <= wires <= 65535.
[[nodiscard]] std::vector<Exchange> sort_network(std::size_t wires);

/// The exchanges that bring the middle wires of `wires` into place: (wires - 1) / 2 and wires / 2,
/// which are one for an odd count. What serves only other wires is left out. 1 <= wires <= 65535.
[[nodiscard]] std::vector<Exchange> median_network(std::size_t wires);

}  // namespace genesis::aggregation
