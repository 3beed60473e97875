// A private training of the discriminator and the generator: what reaches Adam of rows and noise.
#include "common/model/private_trainer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "common/privacy/cost.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fixed_noise.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;
using privacy::PrivateSteps;

constexpr double kRate = 1e-3;

// As a private training has it: all columns are codes.
tabular::Layout coded_layout() {
  return {{discrete("colour", {0.5, 0.3, 0.2}),
           discrete("shape", {0.25, 0.75}),
           discrete("size", {0.1, 0.2, 0.3, 0.4})}};
}

TrainingConfig a_training() {
  TrainingConfig config;
  config.ctgan = {
      .embedding_dim = 4, .generator_dims = {8}, .discriminator_dims = {12, 10}, .pac = 1};
  config.batch_size = 10;
  config.seed = 7;
  config.client = "hospital-1";
  return config;
}

PrivateTrainer trainer_of(tabular::EncodedTable table,
                          const TrainingConfig& config = a_training()) {
  return PrivateTrainer::create(config, coded_layout(), std::move(table), 400.0).value();
}

Tensors initial() {
  return initial_parameters(a_training().ctgan, coded_layout(), 7).value();
}

// Adam's first moments of the discriminator after its first step, times 2: its gradient.
std::vector<double> first_gradient(const PrivateTrainer& trainer) {
  const auto state = trainer.optimizer_state();
  std::vector<double> gradient;
  const float* values = state.values.data();
  for (const auto& spec : state.specs) {
    for (std::size_t k = 0; k < spec.element_count(); ++k) {
      if (spec.name.starts_with("adam.m.discriminator.")) {
        gradient.push_back(2.0 * static_cast<double>(values[k]));
      }
    }
    values += spec.element_count();
  }
  return gradient;
}

double norm_of(const std::vector<double>& values) {
  double squares = 0.0;
  for (const double value : values) {
    squares += value * value;
  }
  return std::sqrt(squares);
}

// Every draw of a row the same, so that a row's own draws do not depend on the rows beside it.
void fix_draws(privacy::NoiseBits& bits) {
  privacy::NoiseBitsForTests::fix(
      bits, [](std::span<std::uint64_t> words) { std::ranges::fill(words, 0x5a5a5a5a3c3c3c3cU); });
}

tabular::EncodedTable without_row(tabular::EncodedTable table, std::size_t row) {
  --table.rows;
  for (auto& column : table.columns) {
    column.mode.erase(column.mode.begin() + static_cast<std::ptrdiff_t>(row));
  }
  return table;
}

}  // namespace

TEST_CASE("model: a private training takes the steps it is told, whatever rows there are",
          "[model]") {
  const PrivateSteps steps{
      .steps = 7, .sampling = std::uint64_t{1} << 29U, .max_grad_norm = 1.0, .multiplier = 1.0};
  privacy::NoiseBits bits;
  std::vector<float> moved;
  for (const std::size_t rows : {0U, 1U, 400U}) {
    auto trainer = trainer_of(random_table(coded_layout(), rows));
    const auto trained = trainer.train_privately(initial(), RoundId{1}, kRate, steps, bits).value();
    CHECK(trained.metrics.steps == 7);
    CHECK(trained.metrics.discriminator_loss == 0.0);  // which would tell of rows
    CHECK(trained.metrics.generator_loss == 0.0);
    const auto state = trainer.optimizer_state();
    CHECK(state.values.back() == 7.0F);                    // of the discriminator
    CHECK(state.values[state.values.size() - 2] == 2.0F);  // of the generator
    // Every weight of the discriminator has noise.
    const auto global = initial();
    std::size_t unmoved = 0;
    std::size_t at = 0;
    for (const auto& spec : global.specs) {
      for (std::size_t k = 0; k < spec.element_count(); ++k, ++at) {
        unmoved += spec.name.starts_with("discriminator.") &&
                           trained.parameters.values[at] == global.values[at]
                       ? 1
                       : 0;
      }
    }
    CHECK(unmoved == 0);
    CHECK_FALSE(trained.parameters.values == moved);
    moved = trained.parameters.values;
  }
  // The same call again has other rows and other noise.
  auto again = trainer_of(random_table(coded_layout(), 400));
  CHECK_FALSE(again.train_privately(initial(), RoundId{1}, kRate, steps, bits)->parameters.values ==
              moved);
}

TEST_CASE("model: one row more moves a private step by no more than its share of the batch",
          "[model][property]") {
  // Hardly any noise, which is the same for both tables; all rows take part, in several parts.
  const PrivateSteps all{
      .steps = 1, .sampling = privacy::kMostSampling, .max_grad_norm = 0.5, .multiplier = 1e-6};
  const auto table = random_table(coded_layout(), 35);
  const auto gradient = [&](const tabular::EncodedTable& rows) {
    auto trainer = trainer_of(rows);
    privacy::NoiseBits bits;
    fix_draws(bits);
    REQUIRE(trainer.train_privately(initial(), RoundId{1}, kRate, all, bits));
    return first_gradient(trainer);
  };
  const auto whole = gradient(table);
  for (std::size_t row = 0; row < table.rows; ++row) {
    auto difference = gradient(without_row(table, row));
    for (std::size_t k = 0; k < difference.size(); ++k) {
      difference[k] -= whole[k];
    }
    CHECK(norm_of(difference) <= 0.5 / 10.0 * (1.0 + 1e-4));
    CHECK(norm_of(difference) > 0.0);
  }
}

TEST_CASE("model: a private sum is divided by the batch that was asked for, not by its rows",
          "[model]") {
  const PrivateSteps all{.steps = 1,
                         .sampling = privacy::kMostSampling,
                         .max_grad_norm = 0.01,  // all rows are clipped
                         .multiplier = 1e-6};
  auto table = random_table(coded_layout(), 50);
  for (auto& column : table.columns) {
    std::ranges::fill(column.mode, 0U);
  }
  auto trainer = trainer_of(table);
  privacy::NoiseBits bits;
  fix_draws(bits);
  REQUIRE(trainer.train_privately(initial(), RoundId{1}, kRate, all, bits));
  // 50 equal rows, each of the norm 0.01, over 10.
  CHECK_THAT(norm_of(first_gradient(trainer)), WithinRel(50.0 * 0.01 / 10.0, 2e-3));
}

TEST_CASE("model: the noise of a private step has the deviation that was asked for",
          "[model][statistical]") {
  const PrivateSteps steps{
      .steps = 1, .sampling = std::uint64_t{1} << 31U, .max_grad_norm = 0.5, .multiplier = 4.0};
  privacy::NoiseBits bits;
  double squares = 0.0;
  std::size_t count = 0;
  for (int run = 0; run < 200; ++run) {
    auto trainer = trainer_of(random_table(coded_layout(), 0));
    REQUIRE(trainer.train_privately(initial(), RoundId{1}, kRate, steps, bits));
    for (const double value : first_gradient(trainer)) {
      squares += value * 10.0 * value * 10.0;  // of the sum
      ++count;
    }
  }
  // Six deviations of the estimate: a false alarm in some 10^8 runs.
  const double deviation = std::sqrt(squares / static_cast<double>(count));
  CHECK_THAT(deviation, WithinRel(4.0 * 0.5, 6.0 / std::sqrt(2.0 * static_cast<double>(count))));
}

TEST_CASE(
    "model: the generator of a private training depends on rows through the discriminator "
    "alone",
    "[model]") {
  // Without noise and without a gradient's length, the discriminator stays the same whatever the
  // rows are, and so does the generator.
  const PrivateSteps steps{
      .steps = 9, .sampling = privacy::kMostSampling, .max_grad_norm = 1e-30, .multiplier = 1e8};
  const auto trained = [&](std::size_t rows) {
    auto trainer = trainer_of(random_table(coded_layout(), rows));
    privacy::NoiseBits bits;
    fix_draws(bits);
    return trainer.train_privately(initial(), RoundId{1}, kRate, steps, bits)->parameters;
  };
  CHECK(trained(0) == trained(300));
  CHECK_FALSE(trained(0) == initial());
}

TEST_CASE("model: a private training whose weights are no longer finite ends there", "[model]") {
  const PrivateSteps steps{
      .steps = 50, .sampling = privacy::kMostSampling / 2, .max_grad_norm = 1.0, .multiplier = 1.0};
  privacy::NoiseBits bits;
  int taken = 0;
  auto config = a_training();
  config.on_step = [&](const StepReport& /*step*/) { ++taken; };
  auto trainer = trainer_of(random_table(coded_layout(), 30), config);
  const auto diverged = trainer.train_privately(initial(), RoundId{1}, 1e38, steps, bits);
  REQUIRE_FALSE(diverged);
  CHECK(diverged.error().code == Errc::kFailedPrecondition);
  CHECK(taken < 50);
}

TEST_CASE("model: a private trainer goes on with restored moments, and refuses what is none",
          "[model]") {
  const PrivateSteps steps{
      .steps = 4, .sampling = privacy::kMostSampling / 4, .max_grad_norm = 1.0, .multiplier = 1.0};
  const auto table = random_table(coded_layout(), 100);
  const auto run = [&](PrivateTrainer& trainer, const Tensors& from, std::uint64_t seed) {
    privacy::NoiseBits bits;
    privacy::NoiseBitsForTests::seed(bits, seed);
    return trainer.train_privately(from, RoundId{1}, kRate, steps, bits).value().parameters;
  };
  auto one = trainer_of(table);
  const auto first = run(one, initial(), 1);
  auto restored = trainer_of(table);
  REQUIRE(restored.restore_optimizer_state(one.optimizer_state()));
  const auto second = run(one, first, 2);
  CHECK(run(restored, first, 2) == second);
  auto fresh = trainer_of(table);
  CHECK_FALSE(run(fresh, first, 2) == second);

  auto broken = initial();
  broken.values[7] = std::numeric_limits<float>::quiet_NaN();
  CHECK_FALSE(one.check(broken));
  broken.values.pop_back();
  CHECK_FALSE(one.check(broken));
  auto config = a_training();
  config.ctgan.pac = 2;
  const auto together = PrivateTrainer::create(config, coded_layout(), table, 400.0);
  REQUIRE_FALSE(together);
  CHECK_THAT(together.error().message, ContainsSubstring("model.pac: is 2"));
}

}  // namespace genesis::model
