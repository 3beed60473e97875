#include "common/privacy/gaussian.hpp"

#include <array>
#include <cmath>
#include <limits>

#include <rapidcheck.h>

#include "common/privacy/normal.hpp"
#include "tests/support/catch.hpp"

namespace genesis::privacy {
namespace {

Guarantee guarantee(double epsilon, double delta) {
  const auto result = Guarantee::of(Epsilon{epsilon}, Delta{delta});
  REQUIRE(result.has_value());
  return *result;
}

}  // namespace

TEST_CASE("privacy: mu of common guarantees is that of Balle and Wang's formula", "[privacy]") {
  // python3, scipy 1.14: brentq(lambda m: norm.cdf(-e/m+m/2) - exp(e+norm.logcdf(-e/m-m/2)) - d, …)
  CHECK_THAT(calibrate(guarantee(3, 1e-5)).mu, WithinAbs(0.7191, 1e-4));
  CHECK_THAT(calibrate(guarantee(1, 1e-5)).mu, WithinAbs(0.26805, 5e-6));
  // sigma = 5 on a sensitivity of 1, of dp-accounting 0.6.0.
  CHECK_THAT(epsilon_of(GaussianPrivacy{0.2}, Delta{1e-5}).value, WithinRel(0.72552, 1e-5));
}

TEST_CASE("privacy: delta of a Gaussian at epsilon 0 is the distance of two normals", "[privacy]") {
  for (const double mu : {1e-6, 0.01, 1.0, 5.0, 40.0}) {
    CHECK_THAT(delta_of(GaussianPrivacy{mu}, Epsilon{0}).value,
               WithinRel(std::erf(mu / 2 / std::sqrt(2.0)), 1e-9));
  }
  CHECK(delta_of(GaussianPrivacy{0}, Epsilon{0}).value == 0);
}

TEST_CASE("privacy: epsilon and mu go back and forth, and never to the unsafe side", "[privacy]") {
  for (const double epsilon : {1e-3, 0.1, 0.5, 1.0, 3.0, 10.0, 100.0, 1e4, 1e9}) {
    for (const double delta : {1e-10, 1e-6, 1e-5, 1e-2, 0.5}) {
      const auto target = guarantee(epsilon, delta);
      const auto mechanism = calibrate(target);
      CHECK(std::isfinite(mechanism.mu));
      CHECK(delta_of(mechanism, target.epsilon()) <= target.delta());
      CHECK(delta_of(mechanism, epsilon_of(mechanism, target.delta())) <= target.delta());
      // Against what little cancellation is left: 1e-6 relative, at 1e9 too.
      CHECK_THAT(epsilon_of(mechanism, target.delta()).value, WithinRel(epsilon, 1e-6));
    }
  }
}

TEST_CASE("privacy: epsilon grows with mu and falls with delta", "[privacy][property]") {
  REQUIRE(rc::check("monotone", [] {
    const auto mu = static_cast<double>(*rc::gen::inRange(1, 100'000)) / 1e4;
    const auto more = mu * (1 + static_cast<double>(*rc::gen::inRange(1, 1000)) / 1e3);
    const double delta = std::pow(10.0, -static_cast<double>(*rc::gen::inRange(1, 100)) / 10);
    RC_ASSERT(epsilon_of(GaussianPrivacy{mu}, Delta{delta}) <=
              epsilon_of(GaussianPrivacy{more}, Delta{delta}));
    RC_ASSERT(epsilon_of(GaussianPrivacy{mu}, Delta{delta}) <=
              epsilon_of(GaussianPrivacy{mu}, Delta{delta / 2}));
  }));
}

TEST_CASE("privacy: a guarantee that promises nothing or everything is refused", "[privacy]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double epsilon : {0.0, -1.0, nan, infinity, -infinity}) {
    const auto result = Guarantee::of(Epsilon{epsilon}, Delta{1e-5});
    REQUIRE_FALSE(result);
    CHECK_THAT(result.error().message, ContainsSubstring("epsilon: "));
  }
  for (const double delta : {0.0, -1e-5, 1e-11, 1.0, nan, infinity}) {
    const auto result = Guarantee::of(Epsilon{1}, Delta{delta});
    REQUIRE_FALSE(result);
    CHECK_THAT(result.error().message, ContainsSubstring("delta: "));
  }
  CHECK(guarantee(1e9, 1e-5).is_meaningless());
  CHECK_FALSE(guarantee(10, 1e-5).is_meaningless());
}

TEST_CASE("privacy: the normal distribution keeps its precision in the tails", "[privacy]") {
  // python3, mpmath 1.3: mp.ncdf(-10), mp.ncdf(-37), mills = ncdf(-x)/npdf(x)
  CHECK_THAT(normal_tail(10), WithinRel(7.619853024160526e-24, 1e-13));
  CHECK_THAT(normal_cdf(-37), WithinRel(5.725571222524577e-300, 1e-12));
  CHECK_THAT(mills_ratio(6), WithinRel(normal_tail(6) / normal_density(6), 1e-13));
  CHECK_THAT(mills_ratio(30), WithinRel(normal_tail(30) / normal_density(30), 1e-12));
  CHECK_THAT(mills_ratio(1e6), WithinRel(1e-6, 1e-11));
  CHECK_THAT(normal_between(8, 9), WithinRel(normal_tail(8) - normal_tail(9), 1e-15));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(normal_between(-infinity, infinity) == 1);
  for (const double p : {1e-12, 0.025, 0.5, 0.9}) {
    CHECK_THAT(normal_cdf(normal_quantile(p)), WithinRel(p, 1e-11));
  }
  CHECK(normal_quantile(1) == infinity);
}

}  // namespace genesis::privacy
