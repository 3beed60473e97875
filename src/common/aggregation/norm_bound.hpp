#pragma once
// How long an update may be. The bound of a round is fixed when it opens, from the updates of the
// round before, so that it does not depend on the order in which updates arrive. Longer updates are
// scaled down to it: their direction counts, their length does not. Pure.
#include <cstddef>
#include <span>
#include <vector>

namespace genesis::aggregation {

/// A round's bound is so many times the median norm of the round before.
inline constexpr double kNormBoundFactor = 10.0;

/// The bound of the first round, where the spec declares none: the square root of the number of
/// weights, so that the weights move by at most 1 on average (root mean square).
[[nodiscard]] double first_norm_bound(std::size_t weights);

/// The bound of the next round. `norms` are those of this round's updates, each at most `bound`,
/// which was this round's. It stays where they are all 0 or there are none.
[[nodiscard]] double next_norm_bound(std::vector<double> norms, double bound);

/// `update`, whose norm is `norm`, with the norm `bound`.
[[nodiscard]] std::vector<float> scaled_to(std::span<const float> update,
                                           double norm,
                                           double bound);

}  // namespace genesis::aggregation
