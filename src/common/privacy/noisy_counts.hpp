#pragma once
// The one place where counts become an answer that may leave a site.
#include <cstdint>
#include <span>
#include <vector>

#include "common/privacy/discrete_gaussian.hpp"

namespace genesis::privacy {

/// Every count with independent noise of its own. Charge the ledger first (LedgerFile::charge).
/// Counts are at most 2^53.
[[nodiscard]] std::vector<std::int64_t> add_noise(std::span<const std::uint64_t> counts,
                                                  const DiscreteGaussian& gaussian,
                                                  NoiseBits& bits);

}  // namespace genesis::privacy
