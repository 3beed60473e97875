#include "common/privacy/query_plan.hpp"

#include <cmath>

#include <rapidcheck.h>

#include "common/privacy/gaussian.hpp"
#include "common/privacy/renyi.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/privacy/costs.hpp"

namespace genesis::privacy {
namespace {

// Those of the mixture on a table of 15 columns with a target.
const QueryPlan kPlan{
    {{"fine", 15, 2'000, 0.08}, {"zoom", 4, 24'000, 0.04}, {"tables", 91, 26'000, 0.88}}};

}  // namespace

TEST_CASE("privacy: the planned noise keeps the guarantee and wastes next to nothing",
          "[privacy]") {
  for (const double epsilon : {0.1, 0.5, 1.0, 3.0, 10.0}) {
    const auto noise = plan_noise(kPlan, a_guarantee(epsilon), {});
    REQUIRE(noise);
    CHECK(noise->epsilon <= Epsilon{epsilon});
    CHECK(noise->epsilon.value > 0.999 * epsilon);
    CHECK(noise->worst == noise->epsilon);
    const double mu = calibrate(a_guarantee(epsilon)).mu;
    CHECK_THAT(noise->costs[2].variance.value(), WithinRel(91 / (0.88 * mu * mu), 1e-3));
  }
  // sigma 14.1 at epsilon 3 and 37.9 at epsilon 1.
  CHECK_THAT(std::sqrt(plan_noise(kPlan, a_guarantee(3), {})->costs[2].variance.value()),
             WithinAbs(14.1, 0.1));
  CHECK_THAT(std::sqrt(plan_noise(kPlan, a_guarantee(1), {})->costs[2].variance.value()),
             WithinAbs(37.9, 0.1));
}

TEST_CASE("privacy: steps of training get the least noise that leaves the whole in the guarantee",
          "[privacy]") {
  QueryPlan plan{{{"fine", 15, 2'000, 0.08}, {"zoom", 4, 24'000, 0.04}}};
  plan.queries.push_back(
      {.name = "updates", .tables = 1000, .cells = 1000 * 5000, .share = 0.0, .sampling = 0.0192});
  for (const double epsilon : {0.5, 3.0, 10.0}) {
    const auto guarantee = a_guarantee(epsilon);
    const auto noise = plan_noise(plan, guarantee, {});
    INFO((noise ? "" : noise.error().message));
    REQUIRE(noise);
    CHECK(noise->epsilon <= Epsilon{epsilon});
    CHECK(noise->epsilon.value > 0.997 * epsilon);
    CHECK(noise->worst == noise->epsilon);
    REQUIRE(noise->costs[2].is_training());
    // Renyi divergences, which are independent, need more noise for the training alone than this
    // where it has nearly all of the budget.
    const auto alone = epsilon_of(
        SubsampledGaussian{.sampling_rate = 0.0192,
                           .noise_multiplier = std::sqrt(noise->costs[2].variance.value()),
                           .steps = 1000},
        guarantee.delta(),
        default_orders());
    CHECK(alone.epsilon.value > 0.85 * epsilon);
    // Of rounds that are charged one by one, the whole is what was planned.
    std::vector<Cost> rounds(noise->costs.begin(), noise->costs.begin() + 2);
    for (int round = 0; round < 20; ++round) {
      const auto cost = training_cost(50, 5000, noise->costs[2].variance, 0.0192);
      REQUIRE(cost);
      rounds.push_back(*cost);
    }
    const auto spent = epsilon_of(rounds, guarantee.delta(), Adversary::kClaimed);
    REQUIRE(spent);
    CHECK(*spent <= guarantee.epsilon());
    CHECK_THAT(spent->value, WithinRel(noise->epsilon.value, 1e-9));
  }
  plan.queries[2].tables = 900'000;
  plan.queries[2].sampling = 1.0;
  CHECK_FALSE(plan_noise(plan, a_guarantee(0.01), {}));
}

TEST_CASE("privacy: a ledger accepts exactly what was planned", "[privacy]") {
  const auto guarantee = a_guarantee(3);
  const auto noise = plan_noise(kPlan, guarantee, {});
  REQUIRE(noise);
  Ledger ledger = Ledger::empty();
  REQUIRE(ledger.append(
      ledger.next(Opened{"patients", std::string(32, '1'), std::string(64, '2')}, kNow)));
  for (std::uint32_t i = 0; i < 3; ++i) {
    REQUIRE(ledger.consider(a_question(i + 1), noise->costs[i], guarantee));
    REQUIRE(ledger.append(ledger.next(Charged{a_question(i + 1), noise->costs[i]}, kNow)));
  }
  CHECK(ledger.spent(guarantee.delta())->epsilon == noise->epsilon);
  CHECK_FALSE(ledger.consider(a_question(4), noise->costs[0], guarantee));
}

TEST_CASE("privacy: units of several rows and shares of several sites change the noise",
          "[privacy]") {
  const auto guarantee = a_guarantee(3);
  const double one = plan_noise(kPlan, guarantee, {})->costs[2].variance.value();
  const auto unit = plan_noise(kPlan, guarantee, {.rows_per_unit = 4});
  REQUIRE(unit);
  CHECK_THAT(unit->costs[2].variance.value(), WithinRel(16 * one, 1e-3));
  const auto shared = plan_noise(kPlan, guarantee, {.shares = 3});
  REQUIRE(shared);
  CHECK_THAT(shared->costs[2].variance.value(), WithinRel(one / 3, 1e-3));
  CHECK(shared->epsilon <= guarantee.epsilon());
  CHECK_THAT(shared->worst.value, WithinAbs(5.66, 0.1));  // what is left of 3 if all others collude
  // What no sum hides has the noise of one site, whatever others add.
  auto plan = kPlan;
  plan.queries[2].is_summed = false;
  const auto mixed = plan_noise(plan, guarantee, {.shares = 3});
  REQUIRE(mixed);
  CHECK_THAT(mixed->costs[2].variance.value(), WithinRel(one, 1e-3));
  CHECK(mixed->costs[2].shares == 1);
  CHECK(mixed->costs[0].shares == 3);
  CHECK(mixed->epsilon <= guarantee.epsilon());
}

TEST_CASE("privacy: few tables get the noise that discrete counts need", "[privacy][property]") {
  REQUIRE(rc::check("kept", [] {
    const auto tables = static_cast<std::uint64_t>(*rc::gen::inRange(1, 6));
    const double epsilon = static_cast<double>(*rc::gen::inRange(5, 200)) / 10;
    const auto noise = plan_noise({{{"one", tables, 10, 1.0}}}, a_guarantee(epsilon, 1e-6), {});
    RC_ASSERT(noise.has_value());
    RC_ASSERT(noise->epsilon.value <= epsilon);
    RC_ASSERT(noise->epsilon.value > 0.5 * epsilon);
  }));
}

TEST_CASE("privacy: a plan that asks nothing, or more than all, is refused", "[privacy]") {
  const auto guarantee = a_guarantee(3);
  CHECK_FALSE(plan_noise({}, guarantee, {}));
  CHECK_FALSE(plan_noise({{{"a", 1, 1, 0.6}, {"b", 1, 1, 0.6}}}, guarantee, {}));
  CHECK_FALSE(plan_noise({{{"a", 1, 1, std::nan("")}}}, guarantee, {}));
  CHECK_FALSE(plan_noise({{{"a", 0, 1, 1}}}, guarantee, {}));
  CHECK_FALSE(plan_noise({{{"a", 1'000'000, 1, 1e-9}}}, a_guarantee(1e-4), {}));
}

}  // namespace genesis::privacy
