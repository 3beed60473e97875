#include "common/privacy/loss_distribution.hpp"

#include <cmath>
#include <complex>
#include <vector>

#include <rapidcheck.h>

#include "common/privacy/fft.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/privacy/exact_delta.hpp"
#include "tests/unit/privacy/references.hpp"

namespace genesis::privacy {
namespace {

LossDistribution composed(const std::vector<Mechanism>& mechanisms) {
  auto result = LossDistribution::compose(mechanisms);
  if (!result) {
    FAIL(result.error().message);
  }
  return *std::move(result);
}

// delta of one step of the subsampled Gaussian for the row being removed, by quadrature of
// max(0, P - e^epsilon Q): a value that no grid and no transform has touched.
double one_step_delta(double q, double sigma, double epsilon) {
  const auto density = [&](double x) { return std::exp(-x * x / (2 * sigma * sigma)); };
  double delta = 0;
  const double step = sigma / 20000;
  for (double x = -12 * sigma; x < 1 + 12 * sigma; x += step) {
    const double without = density(x);
    delta += std::max(0.0, (1 - q) * without + q * density(x - 1) - std::exp(epsilon) * without);
  }
  return delta * step / (sigma * std::sqrt(2 * std::acos(-1.0)));
}

}  // namespace

TEST_CASE("privacy: the transform is the sum of its definition, and goes back", "[privacy]") {
  for (const std::size_t n : {1U, 2U, 8U, 64U}) {
    std::vector<std::complex<double>> values;
    for (std::size_t i = 0; i < n; ++i) {
      values.emplace_back(std::sin(static_cast<double>(i * i)), std::cos(3.0 * double(i)));
    }
    auto transformed = values;
    const Fft fft(n);
    fft.forward(transformed);
    for (std::size_t k = 0; k < n; ++k) {
      std::complex<double> sum = 0;
      for (std::size_t j = 0; j < n; ++j) {
        sum += values[j] * std::polar(1.0, -2 * std::acos(-1.0) * double(j * k) / double(n));
      }
      CHECK(std::abs(sum - transformed[k]) < 1e-12);
    }
    fft.inverse(transformed);
    for (std::size_t k = 0; k < n; ++k) {
      CHECK(std::abs(values[k] - transformed[k]) < 1e-14);
    }
  }
}

TEST_CASE("privacy: epsilon of DP-SGD agrees with the tight accountants", "[privacy][golden]") {
  for (const auto& reference : kReferences) {
    CAPTURE(reference.q, reference.sigma, reference.steps);
    const auto loss = composed({SubsampledGaussian{reference.q, reference.sigma, reference.steps}});
    const double epsilon = loss.epsilon(Delta{reference.delta}).value;
    // dp-accounting's value is an upper bound too, on a grid of 1e-4.
    CHECK(epsilon < reference.pld * 1.002);
    CHECK(epsilon > reference.pld * 0.999 - 1e-4);
    CHECK(epsilon < reference.prv);
    CHECK(epsilon < reference.rdp);
  }
}

TEST_CASE("privacy: one step of the subsampled Gaussian has the delta of its integral",
          "[privacy]") {
  for (const auto& [q, sigma] : {std::pair{0.01, 1.0}, {0.3, 0.8}, {0.9, 4.0}, {0.05, 0.5}}) {
    const auto loss = composed({SubsampledGaussian{q, sigma, 1}});
    for (const double epsilon : {0.01, 0.1, 0.5, 1.0}) {
      const double exact = one_step_delta(q, sigma, epsilon);
      if (exact > 1e-8) {
        CAPTURE(q, sigma, epsilon, exact);
        CHECK(loss.delta(Epsilon{epsilon}).value > exact * (1 - 1e-6));
        CHECK(loss.delta(Epsilon{epsilon}).value < exact * (1 + 1e-3) + 1e-10);
      }
    }
  }
}

TEST_CASE("privacy: a composition of Gaussians is the Gaussian of the exact formula", "[privacy]") {
  for (const double mu : {1e-3, 0.05, 0.7, 3.0, 9.0}) {
    for (const std::uint64_t parts : {1U, 7U, 10000U}) {
      const double sigma = std::sqrt(static_cast<double>(parts)) / mu;
      const auto loss = composed({SubsampledGaussian{1, sigma, parts}});
      for (const double delta : {1e-8, 1e-5, 1e-2}) {
        const double exact = epsilon_of(GaussianPrivacy{mu}, Delta{delta}).value;
        CAPTURE(mu, parts, delta, exact);
        CHECK(loss.epsilon(Delta{delta}).value >= exact * (1 - 1e-9));
        CHECK(loss.epsilon(Delta{delta}).value <= exact * (1 + 2e-3));
      }
    }
  }
}

TEST_CASE("privacy: counts with discrete noise have at least their exact delta", "[privacy]") {
  // Below sigma = 5 a few tables cost more than the continuous formula says: that is why they are
  // convolved on the lattice.
  double worst = 0;
  for (const double sigma : {0.5, 0.7, 1.0, 3.0, 5.0, 14.1, 200.0}) {
    for (const std::uint64_t tables : {1U, 2U, 10U, 106U}) {
      const NoisyCounts counts{.tables = tables, .variance = sigma * sigma};
      const double mu = std::sqrt(static_cast<double>(tables)) / sigma;
      const auto loss = composed({counts});
      for (const double epsilon : {0.3 * mu, mu, 2 * mu, 3 * mu, mu * (mu / 2 + 3)}) {
        const double exact = exact_delta(counts, Epsilon{epsilon}).value;
        if (exact < 1e-9) {
          continue;
        }
        CAPTURE(sigma, tables, epsilon, exact);
        CHECK(loss.delta(Epsilon{epsilon}).value >= exact * (1 - 1e-9));
        CHECK(loss.delta(Epsilon{epsilon}).value <= exact * 1.005 + 1e-11);
        worst = std::max(worst, exact / delta_of(GaussianPrivacy{mu}, Epsilon{epsilon}).value);
      }
    }
  }
  CHECK(worst > 1.05);
}

TEST_CASE("privacy: many tables of small noise come to the Gaussian, never below", "[privacy]") {
  const NoisyCounts counts{.tables = 91, .variance = 14.1 * 14.1};
  const double mu = std::sqrt(91.0) / 14.1;
  const double gaussian = epsilon_of(GaussianPrivacy{mu}, Delta{1e-5}).value;
  CHECK_THAT(composed({counts}).epsilon(Delta{1e-5}).value, WithinRel(gaussian, 1e-4));
  // Discrete noise of this size costs 2e-6 less than continuous noise, and its own exact delta.
  CHECK(composed({counts}).epsilon(Delta{1e-5}).value >= gaussian * (1 - 4e-6));
  CHECK(exact_delta(counts, composed({counts}).epsilon(Delta{1e-5})).value <= 1e-5);
}

TEST_CASE("privacy: very wide noise costs what continuous noise does, and a little more",
          "[privacy]") {
  // The lattice below 2^26, without it from there on.
  for (const double variance : {0x1p26 - 1, 0x1p26, 0x1p33}) {
    const NoisyCounts counts{.tables = 4,
                             .variance = variance,
                             .shift = static_cast<std::uint64_t>(std::sqrt(variance))};
    const double mu = 2 * static_cast<double>(counts.shift) / std::sqrt(variance);
    const double gaussian = epsilon_of(GaussianPrivacy{mu}, Delta{1e-5}).value;
    CHECK(composed({counts}).epsilon(Delta{1e-5}).value > gaussian * (1 - 1e-7));
    CHECK(composed({counts}).epsilon(Delta{1e-5}).value < gaussian * (1 + 1e-4));
  }
}

TEST_CASE("privacy: a unit of several rows costs what its shift says", "[privacy]") {
  const NoisyCounts one{.tables = 20, .variance = 400};
  const NoisyCounts three{.tables = 20, .variance = 400, .shift = 3};
  const double mu = std::sqrt(20.0) / 20;
  CHECK_THAT(composed({three}).epsilon(Delta{1e-5}).value,
             WithinRel(epsilon_of(GaussianPrivacy{3 * mu}, Delta{1e-5}).value, 1e-3));
  CHECK(composed({one}).epsilon(Delta{1e-5}) < composed({three}).epsilon(Delta{1e-5}));
}

TEST_CASE("privacy: counts and DP-SGD compose to more than each and less than their sum",
          "[privacy]") {
  // dp-accounting 0.6.0: from_gaussian_mechanism(10).self_compose(15).compose(
  //   from_gaussian_mechanism(1.1, sampling_prob=0.0152).self_compose(3250)), epsilon at 1e-5.
  const NoisyCounts counts{.tables = 15, .variance = 100};
  const SubsampledGaussian steps{0.0152, 1.1, 3250};
  const double both = composed({counts, steps}).epsilon(Delta{1e-5}).value;
  const double first = composed({counts}).epsilon(Delta{1e-5}).value;
  const double second = composed({steps}).epsilon(Delta{1e-5}).value;
  CHECK_THAT(both, WithinRel(4.831069240820926, 2e-3));
  CHECK(both > second);
  CHECK(both > first);
  CHECK(both < first + second);
  CHECK_THAT(composed({steps, counts}).epsilon(Delta{1e-5}).value, WithinRel(both, 1e-9));
}

TEST_CASE("privacy: any composition grows with each part and falls with noise",
          "[privacy][property]") {
  REQUIRE(rc::check("monotone", [] {
    const double variance = static_cast<double>(*rc::gen::inRange(4, 100'000)) / 4;
    const auto tables = static_cast<std::uint64_t>(*rc::gen::inRange(1, 200));
    const Delta delta{1e-6};
    const auto epsilon = [&](std::vector<Mechanism> mechanisms) {
      const auto loss = LossDistribution::compose(mechanisms);
      RC_ASSERT(loss.has_value());
      return loss->epsilon(delta).value;
    };
    const NoisyCounts counts{.tables = tables, .variance = variance};
    const double alone = epsilon({counts});
    RC_ASSERT(std::isfinite(alone));
    RC_ASSERT(alone <= 1e-9 + epsilon({counts, NoisyCounts{.tables = 3, .variance = 900}}));
    RC_ASSERT(alone <=
              1.001 * epsilon({NoisyCounts{.tables = tables, .variance = variance / 1.1}}) + 1e-9);
  }));
}

TEST_CASE("privacy: rare and extreme mechanisms take neither memory nor time", "[privacy]") {
  for (const SubsampledGaussian rare : {SubsampledGaussian{1e-14, 0.1, 1},
                                        SubsampledGaussian{1e-9, 0.1, 10'000'000},
                                        SubsampledGaussian{1e-5, 1e6, 10'000'000}}) {
    CHECK(composed({rare}).epsilon(Delta{1e-5}).value >= 0);
    CHECK(composed({rare, NoisyCounts{.tables = 3, .variance = 1e16}}).epsilon(Delta{1e-5}).value >=
          0);
  }
  CHECK(composed({NoisyCounts{.tables = 1'000'000'000, .variance = 1e16}})
            .epsilon(Delta{1e-5})
            .value < 1e-2);
}

TEST_CASE("privacy: what cannot be accounted for is refused", "[privacy]") {
  CHECK_FALSE(LossDistribution::compose(std::vector<Mechanism>{NoisyCounts{.variance = 0}}));
  CHECK_FALSE(
      LossDistribution::compose(std::vector<Mechanism>{NoisyCounts{.variance = std::nan("")}}));
  CHECK_FALSE(LossDistribution::compose(std::vector<Mechanism>{NoisyCounts{.tables = 0}}));
  CHECK_FALSE(LossDistribution::compose(std::vector<Mechanism>{GaussianPrivacy{-1}}));
  CHECK_FALSE(LossDistribution::compose(std::vector<Mechanism>{SubsampledGaussian{2, 1, 1}}));
  const auto weak = LossDistribution::compose(
      std::vector<Mechanism>{NoisyCounts{.variance = 0.25, .shift = 1000}});
  REQUIRE_FALSE(weak);
  CHECK_THAT(weak.error().message, ContainsSubstring("raise the noise"));
  // A delta below what the numbers can carry is never met.
  CHECK(std::isinf(composed({GaussianPrivacy{1}}).epsilon(Delta{1e-13}).value));
}

}  // namespace genesis::privacy
