#pragma once
// Renyi accountant of the Poisson-subsampled Gaussian mechanism, add or remove one row. Coarser
// than the loss distributions (loss_distribution.hpp) and independent of them: each checks the
// other. Pure. Mathematics: Mironov, Talwar & Zhang 2019, Section 3; conversion: Canonne, Kamath &
// Steinke 2020, Proposition 12.
#include <cstdint>
#include <span>
#include <vector>

#include "common/privacy/guarantee.hpp"

namespace genesis::privacy {

/// DP-SGD of a run: each step every row takes part by a coin of its own, clipped contributions are
/// added up, and Gaussian noise is added to the sum.
struct SubsampledGaussian {
  double sampling_rate = 1;     // (0, 1]: the probability that a row takes part in a step
  double noise_multiplier = 1;  // > 0: standard deviation of the noise over the clipping norm
  std::uint64_t steps = 1;
};

/// Errors: kInvalidArgument names the number that is out of range.
[[nodiscard]] Status check(const SubsampledGaussian& mechanism);

/// Renyi divergence of all steps at one order above 1, in nats. +inf where it overflows.
[[nodiscard]] double renyi_divergence(const SubsampledGaussian& mechanism, double order);

/// The orders that are tried where the caller names none: 1.1 to 10.9 in tenths, 11 to 63, and then
/// 128, 256, 512.
[[nodiscard]] std::vector<double> default_orders();

struct RenyiEpsilon {
  Epsilon epsilon;
  double order = 0;  // at which it was found
};

/// The least epsilon over the orders, an upper bound. `mechanism` is valid.
[[nodiscard]] RenyiEpsilon epsilon_of(const SubsampledGaussian& mechanism,
                                      Delta delta,
                                      std::span<const double> orders);

}  // namespace genesis::privacy
