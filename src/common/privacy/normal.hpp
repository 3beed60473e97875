#pragma once
// The standard normal distribution where double precision is scarce: far tails, and differences of
// nearby values. Pure.

namespace genesis::privacy {

/// Density at `x`.
[[nodiscard]] double normal_density(double x);

/// P(X <= x), with full relative precision in the lower tail down to x = -37.
[[nodiscard]] double normal_cdf(double x);

/// P(X > x), with full relative precision in the upper tail up to x = 37.
[[nodiscard]] double normal_tail(double x);

/// P(X > x) / density(x), the Mills ratio, for x >= 0; never overflows and never underflows.
[[nodiscard]] double mills_ratio(double x);

/// P(a < X <= b) for a <= b, either of which may be infinite: the difference is taken in the tail
/// in which both values are small.
[[nodiscard]] double normal_between(double a, double b);

/// x such that P(X <= x) = p, for p in (0, 1); infinite at 0 and 1.
[[nodiscard]] double normal_quantile(double p);

}  // namespace genesis::privacy
