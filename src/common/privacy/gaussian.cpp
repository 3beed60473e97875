#include "common/privacy/gaussian.hpp"

#include <cmath>

#include "common/privacy/normal.hpp"

namespace genesis::privacy {
namespace {

// Halves a bracket until it is two neighbouring numbers or `kSteps` are done.
constexpr int kSteps = 200;

}  // namespace

Delta delta_of(GaussianPrivacy mechanism, Epsilon epsilon) {
  const double mu = mechanism.mu;
  if (mu <= 0) {
    return Delta{0};
  }
  // P(X > a) - e^epsilon P(X > b). As density(b) e^epsilon = density(a), the second term is
  // density(a) times the Mills ratio of b: nothing overflows, whatever epsilon is.
  const double a = epsilon.value / mu - mu / 2;
  const double b = epsilon.value / mu + mu / 2;
  const double delta = a < 6 ? normal_tail(a) - normal_density(a) * mills_ratio(b)
                             : normal_density(a) * (mills_ratio(a) - mills_ratio(b));
  return Delta{delta < 0 ? 0 : delta};
}

Epsilon epsilon_of(GaussianPrivacy mechanism, Delta delta) {
  if (delta_of(mechanism, Epsilon{0}) <= delta) {
    return Epsilon{0};
  }
  double low = 0;
  double high = 1;
  while (delta_of(mechanism, Epsilon{high}) > delta) {
    low = high;
    high *= 2;
  }
  for (int i = 0; i < kSteps; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) {
      break;
    }
    (delta_of(mechanism, Epsilon{middle}) > delta ? low : high) = middle;
  }
  return Epsilon{high};
}

GaussianPrivacy calibrate(const Guarantee& guarantee) {
  const auto allowed = [&](double mu) {
    return delta_of(GaussianPrivacy{mu}, guarantee.epsilon()) <= guarantee.delta();
  };
  double low = 0;
  double high = 1;
  while (allowed(high)) {
    low = high;
    high *= 2;
  }
  for (int i = 0; i < kSteps; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) {
      break;
    }
    (allowed(middle) ? low : high) = middle;
  }
  return GaussianPrivacy{low};
}

}  // namespace genesis::privacy
