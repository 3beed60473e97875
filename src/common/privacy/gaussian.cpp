#include "common/privacy/gaussian.hpp"

#include <cmath>

#include "common/privacy/normal.hpp"

namespace genesis::privacy {
namespace {

struct Bracket {
  double low;
  double high;
};

// Where `is_below` stops to hold, from 0 up: halves a bracket until it is two neighbouring numbers
// or `kSteps` are done.
template <typename Predicate>
Bracket boundary(const Predicate& is_below) {
  constexpr int kSteps = 200;
  Bracket bracket{0, 1};
  while (is_below(bracket.high)) {
    bracket.low = bracket.high;
    bracket.high *= 2;
  }
  for (int i = 0; i < kSteps; ++i) {
    const double middle = bracket.low + (bracket.high - bracket.low) / 2;
    if (middle == bracket.low || middle == bracket.high) {
      break;
    }
    (is_below(middle) ? bracket.low : bracket.high) = middle;
  }
  return bracket;
}

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
  const auto exceeds = [&](double epsilon) {
    return delta_of(mechanism, Epsilon{epsilon}) > delta;
  };
  return Epsilon{boundary(exceeds).high};
}

GaussianPrivacy calibrate(const Guarantee& guarantee) {
  const auto allowed = [&](double mu) {
    return delta_of(GaussianPrivacy{mu}, guarantee.epsilon()) <= guarantee.delta();
  };
  return GaussianPrivacy{boundary(allowed).low};
}

}  // namespace genesis::privacy
