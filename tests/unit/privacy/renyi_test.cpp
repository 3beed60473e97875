#include "common/privacy/renyi.hpp"

#include <cmath>
#include <limits>

#include "tests/support/catch.hpp"
#include "tests/unit/privacy/references.hpp"

namespace genesis::privacy {

TEST_CASE("privacy: Renyi divergences are those of Opacus at each order", "[privacy][golden]") {
  for (const auto& reference : kRenyiReferences) {
    for (std::size_t i = 0; i < kRenyiOrders.size(); ++i) {
      CAPTURE(reference.q, reference.sigma, kRenyiOrders[i]);
      CHECK_THAT(renyi_divergence({reference.q, reference.sigma, 1}, kRenyiOrders[i]),
                 WithinRel(reference.one_step[i], 1e-8));
      CHECK_THAT(renyi_divergence({reference.q, reference.sigma, 1000}, kRenyiOrders[i]),
                 WithinRel(1000 * reference.one_step[i], 1e-8));
    }
  }
}

TEST_CASE("privacy: Renyi epsilons are those of dp-accounting", "[privacy][golden]") {
  for (const auto& reference : kReferences) {
    CAPTURE(reference.q, reference.sigma, reference.steps);
    const auto found = epsilon_of(
        {reference.q, reference.sigma, reference.steps}, Delta{reference.delta}, default_orders());
    CHECK_THAT(found.epsilon.value, WithinRel(reference.rdp, 3e-3));
    CHECK(found.order > 1);
  }
}

TEST_CASE("privacy: Renyi divergence survives strong noise, weak noise and high orders",
          "[privacy]") {
  CHECK(renyi_divergence({1e-6, 1e3, 1}, 2) >= 0);
  CHECK(std::isfinite(renyi_divergence({0.5, 0.1, 1}, 512)));
  CHECK_THAT(renyi_divergence({0.999999, 2, 1}, 8), WithinRel(1.0, 1e-4));
}

TEST_CASE("privacy: a subsampled Gaussian without sense is refused by name", "[privacy]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double q : {0.0, -0.1, 1.1, nan}) {
    const auto status = check(SubsampledGaussian{q, 1, 1});
    REQUIRE_FALSE(status);
    CHECK_THAT(status.error().message, ContainsSubstring("sampling rate"));
  }
  for (const double sigma : {0.0, -1.0, 0.05, 1e7, nan}) {
    const auto status = check(SubsampledGaussian{0.1, sigma, 1});
    REQUIRE_FALSE(status);
    CHECK_THAT(status.error().message, ContainsSubstring("noise multiplier"));
  }
  CHECK_FALSE(check(SubsampledGaussian{0.1, 1, 0}));
  CHECK(check(SubsampledGaussian{1, 1, 1}));
}

}  // namespace genesis::privacy
