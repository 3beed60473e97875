#include "common/privacy/cost.hpp"

#include <cmath>
#include <vector>

#include "common/privacy/gaussian.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/privacy/costs.hpp"

namespace genesis::privacy {

TEST_CASE("privacy: squared mu is an integer, rounded up", "[privacy]") {
  CHECK(squared_mu(a_cost(1, 1.0), Adversary::kClaimed) == std::uint64_t{1} << 40U);
  CHECK(squared_mu(a_cost(91, 200.0), Adversary::kClaimed) ==
        static_cast<std::uint64_t>(std::ceil(91 * 0x1p40 / 200)));
  Cost third = a_cost(1, 3.0);
  CHECK(squared_mu(third, Adversary::kClaimed) == 366'503'875'926);  // ceil(2^40 / 3)
  third.shares = 4;
  CHECK(squared_mu(third, Adversary::kClaimed) == 91'625'968'982);  // ceil(2^40 / 12)
  CHECK(squared_mu(third, Adversary::kAllOthers) == 366'503'875'926);
  Cost huge = a_cost(1'000'000, 0.25);
  huge.shift = 1'000'000;
  CHECK(squared_mu(huge, Adversary::kClaimed) == ~std::uint64_t{0});  // no overflow
}

TEST_CASE("privacy: answers together cost what one Gaussian of their squares costs", "[privacy]") {
  const std::vector<Cost> costs{a_cost(15, 500.0), a_cost(4, 130.0), a_cost(91, 200.0)};
  const double mu = std::sqrt(15 / 500.0 + 4 / 130.0 + 91 / 200.0);
  const auto epsilon = epsilon_of(costs, Delta{1e-5}, Adversary::kClaimed);
  REQUIRE(epsilon);
  CHECK_THAT(epsilon->value, WithinRel(epsilon_of(GaussianPrivacy{mu}, Delta{1e-5}).value, 1e-4));
  CHECK(epsilon_of({}, Delta{1e-5}, Adversary::kClaimed)->value == 0);
}

TEST_CASE("privacy: without the other sites' noise an answer costs more", "[privacy]") {
  Cost shared = a_cost(91, 100.0);
  shared.shares = 3;
  const std::vector<Cost> costs{shared};
  const auto claimed = epsilon_of(costs, Delta{1e-5}, Adversary::kClaimed);
  const auto worst = epsilon_of(costs, Delta{1e-5}, Adversary::kAllOthers);
  const std::vector<Cost> alone{a_cost(91, 300.0)};
  CHECK(*claimed == *epsilon_of(alone, Delta{1e-5}, Adversary::kClaimed));
  CHECK(*worst > *claimed);
}

TEST_CASE("privacy: delta pays for thresholds and for the sampler's distance", "[privacy]") {
  const std::vector<Cost> plain{a_cost(91, 200.0)};
  auto with = [&](auto change) {
    std::vector<Cost> costs = plain;
    change(costs[0]);
    return epsilon_of(costs, Delta{1e-5}, Adversary::kClaimed)->value;
  };
  const double base = with([](Cost&) {});
  CHECK(with([](Cost& cost) { cost.extra_delta = std::uint64_t(5e-6 / kDeltaUnit); }) >
        base * 1.01);
  CHECK(std::isinf(with([](Cost& cost) { cost.extra_delta = std::uint64_t(1e-5 / kDeltaUnit); })));
  // The sampler's own distance changes nothing that can be seen; a poor sampler's does.
  const auto sampled = cost_of(91, 26'000, *NoiseVariance::at_least(200));
  REQUIRE(sampled);
  CHECK(sampled->distance > 0);
  CHECK(with([&](Cost& cost) { cost.distance = sampled->distance; }) < base * (1 + 1e-9));
  CHECK(with([](Cost& cost) { cost.distance = std::uint64_t{1} << 60U; }) >= base);
}

TEST_CASE("privacy: steps of training cost what they do alone, and counts beside them add to it",
          "[privacy]") {
  const auto variance = *NoiseVariance::at_least(1.0);
  const auto cost = training_cost(1000, 100, variance, 0.01);
  REQUIRE(cost);
  CHECK(cost->is_training());
  CHECK(static_cast<double>(cost->sampling) * kSamplingUnit >= 0.01);
  CHECK(cost->distance > 0);
  const auto epsilon = [](const std::vector<Cost>& costs) {
    return epsilon_of(costs, Delta{1e-5}, Adversary::kClaimed)->value;
  };
  // dp-accounting's PLD of the same run is 1.8282.
  CHECK_THAT(epsilon({*cost}), WithinRel(1.8282436456, 3e-3));
  CHECK(epsilon({*cost}) > 1.8282);
  const auto half = training_cost(500, 100, variance, 0.01);
  CHECK_THAT(epsilon({*half, *half}), WithinRel(epsilon({*cost}), 1e-12));
  CHECK(epsilon({*half}) < epsilon({*cost}));
  const auto both = epsilon({*cost, a_cost(91, 200.0)});
  CHECK(both > epsilon({*cost}));
  CHECK(both < epsilon({*cost}) + epsilon({a_cost(91, 200.0)}));
  CHECK(epsilon_of(std::vector{*cost}, Delta{1e-5}, Adversary::kAllOthers)->value ==
        epsilon({*cost}));
  // What people are shown of it: q^2 steps (e - 1).
  CHECK_THAT(static_cast<double>(squared_mu(*cost, Adversary::kClaimed)) * 0x1p-40,
             WithinRel(1e-4 * 1000 * 1.718281828, 1e-6));
}

TEST_CASE("privacy: a cost without sense is refused", "[privacy]") {
  const auto variance = *NoiseVariance::at_least(1.0);
  for (const double rate : {0.0, -0.1, 1.5, std::nan("")}) {
    CHECK_FALSE(training_cost(10, 10, variance, rate));
  }
  CHECK_FALSE(training_cost(0, 10, variance, 0.5));
  auto grouped = *training_cost(10, 10, variance, 0.5);
  grouped.shift = 2;  // which this accountant has no loss for
  CHECK_FALSE(check(grouped));
  CHECK_FALSE(epsilon_of(std::vector{grouped}, Delta{1e-5}, Adversary::kClaimed));
  CHECK_FALSE(cost_of(0, 1, *NoiseVariance::at_least(1)));
  CHECK_FALSE(cost_of(1, 0, *NoiseVariance::at_least(1)));
  CHECK_FALSE(cost_of(1, 1, *NoiseVariance::at_least(1), 0));
  CHECK_FALSE(cost_of(std::uint64_t{1} << 40U, 1, *NoiseVariance::at_least(1)));
  Cost cost = a_cost(1, 1.0);
  cost.shares = 0;
  CHECK_FALSE(check(cost));
}

}  // namespace genesis::privacy
