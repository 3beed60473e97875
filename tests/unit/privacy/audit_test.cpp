#include "common/privacy/audit.hpp"

#include <cmath>
#include <vector>

#include "common/privacy/binomial.hpp"
#include "common/privacy/discrete_gaussian.hpp"
#include "common/privacy/noisy_counts.hpp"
#include "common/privacy/query_plan.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fixed_noise.hpp"
#include "tests/unit/privacy/costs.hpp"

namespace genesis::privacy {
namespace {

// Answers of a mixture on 15 columns, at a claimed epsilon.
std::vector<Cost> answers(double epsilon) {
  const QueryPlan plan{
      {{"fine", 15, 2'000, 0.08}, {"zoom", 4, 24'000, 0.04}, {"tables", 91, 26'000, 0.88}}};
  const auto noise = plan_noise(plan, a_guarantee(epsilon), {});
  REQUIRE(noise.has_value());
  return noise->costs;
}

// A site whose noise is `factor` times what it should be.
AnswerCells with_noise_factor(NoiseBits& bits, double factor) {
  return [&bits, factor](const Cost& cost, std::span<const std::uint64_t> cells) {
    const auto variance = NoiseVariance::at_least(cost.variance.value() * factor * factor);
    return add_noise(cells, DiscreteGaussian(*variance), bits);
  };
}

AuditResult audited(std::span<const Cost> costs,
                    const AnswerCells& answer,
                    NoiseBits& bits,
                    std::uint64_t canaries = 100'000) {
  const auto result = audit(costs, answer, bits, {.canaries = canaries});
  REQUIRE(result.has_value());
  return *result;
}

}  // namespace

TEST_CASE("privacy: bounds on probabilities are Clopper and Pearson's", "[privacy][golden]") {
  // python3, scipy 1.14: beta.ppf(1 - error, k + 1, n - k); binom.cdf(k, n, p).
  CHECK_THAT(upper_bound(0, 100, 0.025), WithinRel(0.036216693, 1e-7));
  CHECK_THAT(upper_bound(7, 100, 0.025), WithinRel(0.1389203, 1e-5));
  CHECK(upper_bound(10, 10, 0.01) == 1);
  CHECK_THAT(binomial_cdf(3, 10, 0.5), WithinRel(0.171875, 1e-12));
  CHECK_THAT(binomial_cdf(0, 20, 0.1), WithinRel(std::pow(0.9, 20), 1e-12));
  CHECK(binomial_cdf(20, 20, 0.1) == 1);
  // A wide one, against the normal distribution with continuity correction.
  CHECK_THAT(binomial_cdf(50'000, 100'000, 0.5), WithinAbs(0.50126, 1e-4));
}

TEST_CASE("privacy: the audit comes close to the claim and does not pass it",
          "[privacy][statistical]") {
  // 100,000 canaries, fixed bits. A sound mechanism is refuted once in 1000 audits.
  NoiseBits bits;
  NoiseBitsForTests::seed(bits, 5);
  const auto three = audited(answers(3), site_answers(bits), bits);
  CHECK_FALSE(three.is_refuted());
  CHECK(three.lower_bound.value > 0.9 * 3);
  const auto one = audited(answers(1), site_answers(bits), bits);
  CHECK_FALSE(one.is_refuted());
  CHECK(one.lower_bound.value > 0.8 * 1);
  // Entry by entry.
  for (const auto& cost : answers(3)) {
    const std::vector<Cost> entry{cost};
    const auto result = audited(entry, site_answers(bits), bits);
    CHECK_FALSE(result.is_refuted());
    CHECK(result.lower_bound.value > 0.6 * result.claimed.value);
  }
}

TEST_CASE("privacy: the audit refutes noise that is too small", "[privacy][statistical]") {
  // Noise x0.8 is caught with a probability above 0.999 at both claims, x0.9 at 3.
  NoiseBits bits;
  NoiseBitsForTests::seed(bits, 6);
  CHECK(audited(answers(3), with_noise_factor(bits, 0.9), bits).is_refuted());
  CHECK(audited(answers(3), with_noise_factor(bits, 0.8), bits).is_refuted());
  CHECK(audited(answers(1), with_noise_factor(bits, 0.8), bits).is_refuted());
  const auto half = audited(answers(3), with_noise_factor(bits, 0.5), bits, 10'000);
  CHECK(half.lower_bound.value > 5);
}

TEST_CASE("privacy: the audit refutes answers without noise, in all or in one collection",
          "[privacy][statistical]") {
  NoiseBits bits;
  NoiseBitsForTests::seed(bits, 7);
  const auto exact = [](const Cost&, std::span<const std::uint64_t> cells) {
    return std::vector<std::int64_t>(cells.begin(), cells.end());
  };
  const auto costs = answers(3);
  CHECK(audited(costs, exact, bits, 10'000).lower_bound.value > 20);
  // Only the first collection, such as an encoder that is fitted to exact counts: its own audit.
  const std::vector<Cost> first{costs[0]};
  CHECK(audited(first, exact, bits, 10'000).is_refuted());
}

TEST_CASE("privacy: the audit refutes an answer that is given twice and charged once",
          "[privacy][statistical]") {
  // The mean of two answers has half the variance.
  NoiseBits bits;
  NoiseBitsForTests::seed(bits, 8);
  const auto once = site_answers(bits);
  const auto twice = [&](const Cost& cost, std::span<const std::uint64_t> cells) {
    auto sum = once(cost, cells);
    const auto second = once(cost, cells);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] = (sum[i] + second[i]) / 2;
    }
    return sum;
  };
  CHECK(audited(answers(3), twice, bits).is_refuted());
}

TEST_CASE("privacy: the audit does not refute little noise that is what was charged for",
          "[privacy][statistical]") {
  // 100,000 canaries, fixed bits; each is refuted once in 1000 audits. A Gaussian of the same
  // variance would leave fewer wrong guesses than the lattice does.
  NoiseBits bits;
  NoiseBitsForTests::seed(bits, 21);
  for (const std::uint64_t tables : {1U, 2U, 3U, 10U}) {
    for (const double sigma : {0.5, 0.7, 1.0, 3.0}) {
      CAPTURE(tables, sigma);
      const std::vector<Cost> costs{a_cost(tables, sigma * sigma)};
      CHECK_FALSE(audited(costs, site_answers(bits), bits).is_refuted());
      if (sigma >= 0.7) {  // no site draws with less than 0.5
        CHECK(audited(costs, with_noise_factor(bits, 0.8), bits).is_refuted());
      }
    }
  }
}

TEST_CASE("privacy: the audit holds a unit of several rows to its claim",
          "[privacy][statistical]") {
  NoiseBits bits;
  NoiseBitsForTests::seed(bits, 9);
  const auto noise = plan_noise({{{"tables", 20, 500, 1.0}}}, a_guarantee(3), {.rows_per_unit = 4});
  REQUIRE(noise);
  const auto result = audited(noise->costs, site_answers(bits), bits);
  CHECK_FALSE(result.is_refuted());
  CHECK(result.lower_bound.value > 2.7);
}

TEST_CASE("privacy: an audit without sense is refused", "[privacy]") {
  NoiseBits bits;
  const auto costs = answers(3);
  CHECK_FALSE(audit({}, site_answers(bits), bits, {}));
  CHECK_FALSE(audit(costs, site_answers(bits), bits, {.canaries = 1}));
  CHECK_FALSE(audit(costs, site_answers(bits), bits, {.confidence = 1}));
  CHECK_FALSE(audit(costs, site_answers(bits), bits, {.confidence = std::nan("")}));
}

}  // namespace genesis::privacy
