#pragma once
// The noise of DP-SGD: Gaussian noise on sums of gradients, which are floating-point numbers and of
// which there are too many for exact draws on integers (discrete_gaussian.hpp). By Box and Muller
// (1958), from the cryptographic generator: 64 bits decide how far a pair of values is from 0, and
// 64 more where that is far out; 32 in which direction.
//
// What floating point cannot promise: draws are numbers of single precision, so they are close to
// Gaussian and not exactly so. What has noise is rounded to multiples of a power of two near
// 2^-14 of the deviation, so that the last bits of a sum do not tell what it was (Mironov 2012);
// radii beyond 13.3 deviations do not occur, which is what kGaussianDistance charges for.
#include <cstdint>
#include <span>
#include <vector>

#include "common/privacy/noise_bits.hpp"

namespace genesis::privacy {

/// Above the probability, for each value, that exact noise were beyond what is drawn.
inline constexpr double kGaussianDistance = 0x1p-126;

/// Draws for values of one deviation. Not thread-safe.
class GaussianNoise {
 public:
  /// `bits` outlives this.
  explicit GaussianNoise(NoiseBits& bits) : bits_(&bits) {}

  /// Adds independent noise of `deviation` > 0 to each of `values`, whose sizes are below 500
  /// deviations or are rounded more coarsely, and rounds what results.
  void add(double deviation, std::span<float> values);

 private:
  NoiseBits* bits_;
  std::vector<std::uint64_t> words_;
  std::vector<float> exponentials_;
};

/// Which of `rows` rows take part in a step of DP-SGD: each by a coin of its own, with a
/// probability of `sampling` units of 2^-32 (Cost::sampling). In their order.
[[nodiscard]] std::vector<std::uint32_t> sample_rows(NoiseBits& bits,
                                                     std::size_t rows,
                                                     std::uint64_t sampling);

}  // namespace genesis::privacy
