#include "common/aggregation/norm_bound.hpp"

#include <algorithm>
#include <cmath>

namespace genesis::aggregation {

double first_norm_bound(std::size_t weights) {
  return std::sqrt(static_cast<double>(weights));
}

double next_norm_bound(std::vector<double> norms, double bound) {
  if (norms.empty()) {
    return bound;
  }
  std::ranges::sort(norms);
  const double lower = norms[(norms.size() - 1) / 2];
  const double upper = norms[norms.size() / 2];
  const double median = lower + (upper - lower) / 2.0;
  return median > 0.0 ? kNormBoundFactor * median : bound;
}

std::vector<float> scaled_to(std::span<const float> update, double norm, double bound) {
  const double factor = bound / norm;
  std::vector<float> scaled(update.size());
  std::ranges::transform(update, scaled.begin(), [factor](float value) {
    return static_cast<float>(static_cast<double>(value) * factor);
  });
  return scaled;
}

}  // namespace genesis::aggregation
