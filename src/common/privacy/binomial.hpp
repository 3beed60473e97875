#pragma once
// Exact confidence bounds on a probability from counted events (Clopper & Pearson 1934). Pure.
#include <cstdint>

namespace genesis::privacy {

/// P(X <= k) of X ~ Binomial(n, p), by the incomplete beta function; relative error below 1e-10.
[[nodiscard]] double binomial_cdf(std::uint64_t k, std::uint64_t n, double p);

/// The largest p that `k` events in `n` trials leave possible, but with a probability of at most
/// `error`; 1 where k = n. n > 0.
[[nodiscard]] double upper_bound(std::uint64_t k, std::uint64_t n, double error);

}  // namespace genesis::privacy
