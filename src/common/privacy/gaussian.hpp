#pragma once
// Exact accounting of Gaussian mechanisms by their one number mu = sensitivity / sigma. A release
// of several is one Gaussian mechanism again, whether each query is fixed beforehand or chosen by
// the answers before it. Pure. Mathematics: Balle & Wang 2018, Theorem 8; Dong, Roth & Su 2022,
// Corollary 3.3 (adaptive composition) and Theorem 2.14 (groups).
#include "common/privacy/guarantee.hpp"

namespace genesis::privacy {

/// mu of a Gaussian mechanism, at least 0.
struct GaussianPrivacy {
  double mu = 0;
  auto operator<=>(const GaussianPrivacy&) const = default;
};

/// The least delta for which the mechanism is (epsilon, delta) differentially private, exact to 13
/// digits; epsilon at least 0.
[[nodiscard]] Delta delta_of(GaussianPrivacy mechanism, Epsilon epsilon);

/// The least epsilon for which it is (epsilon, delta) differentially private, rounded up in the
/// last digits; 0 where delta alone suffices. 0 < delta < 1.
[[nodiscard]] Epsilon epsilon_of(GaussianPrivacy mechanism, Delta delta);

/// The largest mu that is (epsilon, delta) differentially private, rounded down in the last digits.
[[nodiscard]] GaussianPrivacy calibrate(const Guarantee& guarantee);

}  // namespace genesis::privacy
