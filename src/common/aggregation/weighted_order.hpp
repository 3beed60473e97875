#pragma once
// Means of the middle of weighed values, coordinate by coordinate: the median and the trimmed mean
// of updates whose clients do not weigh the same. Pure; the same for any order of the updates and
// any number of threads.
#include <cstdint>
#include <span>
#include <vector>

namespace genesis::aggregation {

/// Of each coordinate the mean, by weight, of those values that lie wholly within the weight that
/// is left when the share `aside` of it is left out at each end. Where none does, as always at 0.5,
/// the weighted median: the value at half of the weight, or the mean of the two that meet there.
/// With equal weights these are the usual trimmed mean and median. 0 <= aside <= 0.5; a weight for
/// each of at least one update, all above 0 and below 2^31.
[[nodiscard]] std::vector<float> middles(std::span<const std::vector<float>> updates,
                                         std::span<const std::uint64_t> weights,
                                         double aside,
                                         unsigned threads);

}  // namespace genesis::aggregation
