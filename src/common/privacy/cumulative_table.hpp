#pragma once
// The table by which one draw of a discrete Gaussian is made (discrete_gaussian.hpp). Internal to
// privacy. Pure.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace genesis::privacy {

/// Entry k is P(|X| > k) in units of 2^-126, as two words of 63 bits, for X ~ N_Z(0, variance): a
/// uniform number of 126 bits is below entry 0, …, |X| - 1 and no other. Computed with 100 bits,
/// and cut where less than 2 e^(-72) of the probability is left.
struct CumulativeTable {
  std::vector<std::uint64_t> high;
  std::vector<std::uint64_t> low;

  [[nodiscard]] std::size_t size() const { return high.size(); }
};

[[nodiscard]] CumulativeTable make_cumulative_table(double variance);

}  // namespace genesis::privacy
