#pragma once
// The noise of differential privacy on counts: integers from the discrete Gaussian N_Z(0, s^2),
// P(x) proportional to e^(-x^2 / (2 s^2)) (Canonne, Kamath & Steinke 2020).
//
// Constant time: for a given variance, neither the instructions that run nor the addresses that are
// read depend on the random bits or on what they become. A draw compares one uniform number of 126
// bits with every entry of a cumulative table and counts the entries above it. Large variances are
// put together from small ones, x = x1 + 8 x2, with a table each (Micciancio & Walter 2017), so
// that a draw costs some hundred comparisons for every variance.
//
// Security parameter: a draw is within 2^-90 of the exact distribution (distance()); whoever
// releases n cells adds (1 + e^epsilon) n distance() to delta.
#include <cstdint>
#include <span>
#include <vector>

#include "common/privacy/cumulative_table.hpp"
#include "common/privacy/noise_bits.hpp"
#include "common/privacy/noise_variance.hpp"

namespace genesis::privacy {

class DiscreteGaussian {
 public:
  explicit DiscreteGaussian(NoiseVariance variance);

  /// Independent draws in all of `noise`. Takes two words of `bits` a draw and table.
  void draw(NoiseBits& bits, std::span<std::int64_t> noise) const;

  /// An upper bound on the statistical distance of one draw from N_Z(0, variance): what the tables
  /// cut off and round away, and what putting them together leaves.
  [[nodiscard]] double distance() const { return distance_; }

 private:
  struct Layer {
    CumulativeTable table;
    std::int64_t scale = 1;
  };
  std::vector<Layer> layers_;
  double distance_ = 0;
};

/// What `cells` draws of that distance add to delta at `epsilon` (statistical distance moves both
/// neighbours' probabilities): (1 + e^epsilon) cells distance.
[[nodiscard]] double distance_delta(double distance, std::uint64_t cells, double epsilon);

}  // namespace genesis::privacy
