#pragma once
// What one answer costs, in exact numbers, and what all answers of a data set cost together. Pure.
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/privacy/guarantee.hpp"
#include "common/privacy/noise_variance.hpp"

namespace genesis::privacy {

/// Tables of counts that one answer holds, with the noise that this site adds to every cell; or
/// steps of DP-SGD that it comes of (`sampling`). All are integers, so that sums over a ledger are
/// exact.
struct Cost {
  std::uint64_t tables = 1;
  std::uint64_t cells = 1;  // of all tables
  NoiseVariance variance;   // of this site's own noise
  std::uint64_t shift = 1;  // rows of one unit that may fall into one cell
  /// Sites whose independent noise is in every sum that is opened, and unknown to those who see it;
  /// 1 where this site's own noise alone protects its rows.
  std::uint32_t shares = 1;
  /// Delta that the answer costs beside the noise, such as that of a threshold; units of 2^-60.
  std::uint64_t extra_delta = 0;
  /// Statistical distance of all cells' noise from what the accountant takes it for, rounded up;
  /// units of 2^-90.
  std::uint64_t distance = 0;
  /// 0: counts. Else the answer is what `tables` steps of DP-SGD have come to: in each of them
  /// every row takes part with this probability, in units of 2^-32, and the sum of what rows bring,
  /// clipped to the norm 1, has noise of `variance` in each of its values.
  std::uint64_t sampling = 0;
  bool operator==(const Cost&) const = default;

  [[nodiscard]] bool is_training() const { return sampling > 0; }
};

inline constexpr double kSamplingUnit = 0x1p-32;
inline constexpr std::uint64_t kMostSampling = std::uint64_t{1} << 32U;  // every row, always

/// Least variance of one site's noise where several share it: below it the sum of theirs is no
/// discrete Gaussian any more. A share that would be smaller is made as large.
inline constexpr double kLeastSharedVariance = 4.0;

inline constexpr double kDeltaUnit = 0x1p-60;
inline constexpr double kDistanceUnit = 0x1p-90;

/// A cost with the sampler's distance for all cells. Errors: kInvalidArgument where a number is 0
/// or larger than any answer could have it.
[[nodiscard]] Result<Cost> cost_of(std::uint64_t tables,
                                   std::uint64_t cells,
                                   NoiseVariance variance,
                                   std::uint64_t shift = 1);

/// Of `steps` steps of DP-SGD whose sums have at most `values` values each. `sampling` is rounded
/// up to the next unit. The distance is that of the noise's generator (gaussian_noise.hpp). Errors:
/// as above.
[[nodiscard]] Result<Cost> training_cost(std::uint64_t steps,
                                         std::uint64_t values,
                                         NoiseVariance variance,
                                         double sampling);

/// Errors: kInvalidArgument where the numbers are no cost.
[[nodiscard]] Status check(const Cost& cost);

/// Against whom: those who know at most the noise of the other sites that the shares leave out, or
/// everybody else together, where this site's own noise is all that is left.
enum class Adversary { kClaimed, kAllOthers };

/// tables shift^2 / variance in units of 2^-40, rounded up. Of DP-SGD, which has no such number,
/// the limit for many steps, q^2 steps (e^(1 / variance) - 1) (Bu, Dong, Long & Su 2020): for
/// people.
[[nodiscard]] std::uint64_t squared_mu(const Cost& cost, Adversary adversary);

/// The least epsilon of all answers together at `delta`; 0 of none, +inf where it cannot be met.
/// Errors: kInvalidArgument where the noise is too weak to be accounted for.
[[nodiscard]] Result<Epsilon> epsilon_of(std::span<const Cost> costs,
                                         Delta delta,
                                         Adversary adversary);

}  // namespace genesis::privacy
