#pragma once
// The accountant: the distribution of the privacy loss of everything that was released, by
// convolution, and from it (epsilon, delta). Tight where a formula is not known: discrete Gaussian
// noise on counts, DP-SGD, and any mixture of them. Pure.
//
// Each mechanism's loss is put on a common grid so that the probabilities of an outcome under both
// neighbours are kept ("connect the dots": Doroshenko, Ghazi, Kamath, Kumar & Manurangsi 2022). The
// result dominates the mechanism, so epsilon and delta are upper bounds; the excess is of second
// order in the grid's step. The composition is a product of Fourier transforms (Koskela, Jälkö &
// Honkela 2020). What can lie outside of the grid, at most 2e-13 of the probability, and the error
// of the transforms in double precision, at most kNumericalDelta, are added to delta.
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "common/privacy/gaussian.hpp"
#include "common/privacy/guarantee.hpp"
#include "common/privacy/renyi.hpp"

namespace genesis::privacy {

/// Tables of counts with discrete Gaussian noise N_Z(0, variance) on every cell. A row adds `shift`
/// to one cell of each table: 1, or the number of rows of a unit that may all fall into one cell.
struct NoisyCounts {
  std::uint64_t tables = 1;
  double variance = 1;  // of a cell's noise, at least 1/4
  std::uint64_t shift = 1;
  bool operator==(const NoisyCounts&) const = default;
};

using Mechanism = std::variant<NoisyCounts, SubsampledGaussian, GaussianPrivacy>;

/// What is added to every delta for the floating-point error of the transforms.
inline constexpr double kNumericalDelta = 2e-12;

/// The privacy loss of one composition, for adding and for removing a row.
class LossDistribution {
 public:
  /// All mechanisms, on the same rows, in any order, later ones chosen by the answers of earlier
  /// ones or not. Errors: kInvalidArgument names the mechanism that is out of range, or says that
  /// the noise is too weak to be accounted for (losses beyond 10,000).
  [[nodiscard]] static Result<LossDistribution> compose(std::span<const Mechanism> mechanisms);

  /// The least delta for `epsilon`, an upper bound.
  [[nodiscard]] Delta delta(Epsilon epsilon) const;
  /// The least epsilon for `delta`, an upper bound; +inf where delta is below what is never met.
  [[nodiscard]] Epsilon epsilon(Delta delta) const;

 private:
  // One direction: probabilities of the losses first * step, (first + 1) * step, … and of infinity.
  struct Side {
    double step = 1;
    std::int64_t first = 0;
    std::vector<double> probabilities;
    double infinite = 0;
  };
  [[nodiscard]] static double delta_of_side(const Side& side, double epsilon);
  [[nodiscard]] static double epsilon_of_side(const Side& side, double delta);

  std::vector<Side> sides_;  // two, or one where both directions are alike
};

}  // namespace genesis::privacy
