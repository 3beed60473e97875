#include "common/aggregation/sorting_network.hpp"

#include <algorithm>
#include <bit>

namespace genesis::aggregation {

std::vector<Exchange> sort_network(std::size_t wires) {
  std::vector<Exchange> network;
  const std::size_t top = std::bit_ceil(wires) / 2;
  for (std::size_t p = top; p > 0; p /= 2) {
    std::size_t remainder = 0;
    std::size_t distance = p;
    for (std::size_t q = top; q >= p; q /= 2) {
      for (std::size_t i = 0; i + distance < wires; ++i) {
        if ((i & p) == remainder) {
          network.push_back(
              {static_cast<std::uint16_t>(i), static_cast<std::uint16_t>(i + distance)});
        }
      }
      distance = q - p;
      remainder = p;
    }
  }
  return network;
}

std::vector<Exchange> median_network(std::size_t wires) {
  std::vector<Exchange> network = sort_network(wires);
  std::vector<bool> needed(wires, false);
  needed[(wires - 1) / 2] = true;
  needed[wires / 2] = true;
  std::vector<Exchange> kept;
  std::reverse(network.begin(), network.end());
  for (const Exchange& exchange : network) {
    if (needed[exchange.low] || needed[exchange.high]) {
      needed[exchange.low] = true;
      needed[exchange.high] = true;
      kept.push_back(exchange);
    }
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

}  // namespace genesis::aggregation
