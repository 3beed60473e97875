#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "common/model/ctgan.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;

constexpr double kRate = 1e-3;

TrainingConfig a_training() {
  TrainingConfig config;
  config.ctgan = small_config();
  config.batch_size = 20;
  config.epochs = 2;
  config.seed = 7;
  config.client = "hospital-1";
  return config;
}

Trainer trainer_of(const TrainingConfig& config, std::size_t rows = 60) {
  return Trainer::create(config, small_layout(), random_table(small_layout(), rows)).value();
}

Tensors initial() {
  return initial_parameters(small_config(), small_layout(), 7).value();
}

// Byte equality, also of zeros' signs.
bool same(const Tensors& a, const Tensors& b) {
  return a.specs == b.specs && a.values == b.values;
}

std::string train_error(const Tensors& global) {
  auto trainer = trainer_of(a_training());
  const auto result = trainer.train(global, RoundId{1}, kRate);
  return result ? "" : result.error().message;
}

}  // namespace

TEST_CASE("model: training is a function of its arguments", "[model]") {
  const auto once = trainer_of(a_training()).train(initial(), RoundId{1}, kRate).value();
  const auto again = trainer_of(a_training()).train(initial(), RoundId{1}, kRate).value();
  CHECK(same(once.parameters, again.parameters));
  CHECK(once.metrics.generator_loss == again.metrics.generator_loss);
  CHECK(once.metrics.steps == 2 * 3);
  CHECK(once.metrics.update_norm > 0.0);

  auto other = a_training();
  other.seed = 8;
  CHECK_FALSE(
      same(trainer_of(other).train(initial(), RoundId{1}, kRate)->parameters, once.parameters));
  other = a_training();
  other.client = "hospital-2";
  CHECK_FALSE(
      same(trainer_of(other).train(initial(), RoundId{1}, kRate)->parameters, once.parameters));
  CHECK_FALSE(same(trainer_of(a_training()).train(initial(), RoundId{2}, kRate)->parameters,
                   once.parameters));
}

TEST_CASE("model: two trainers in two threads do not disturb each other", "[model]") {
  const auto alone = trainer_of(a_training()).train(initial(), RoundId{1}, kRate)->parameters;
  Tensors results[2];
  {
    std::jthread a([&] {
      results[0] = trainer_of(a_training()).train(initial(), RoundId{1}, kRate)->parameters;
    });
    std::jthread b([&] {
      results[1] = trainer_of(a_training()).train(initial(), RoundId{1}, kRate)->parameters;
    });
  }
  CHECK(same(results[0], alone));
  CHECK(same(results[1], alone));
}

TEST_CASE("model: a restored optimizer continues with the same bytes", "[model]") {
  auto whole = trainer_of(a_training());
  auto first = whole.train(initial(), RoundId{1}, kRate)->parameters;
  const auto saved = whole.optimizer_state();
  const auto expected = whole.train(first, RoundId{2}, kRate)->parameters;

  auto resumed = trainer_of(a_training());
  REQUIRE(resumed.restore_optimizer_state(saved).has_value());
  CHECK(same(resumed.optimizer_state(), saved));
  CHECK(same(resumed.train(first, RoundId{2}, kRate)->parameters, expected));

  auto fresh = trainer_of(a_training());
  CHECK_FALSE(same(fresh.train(first, RoundId{2}, kRate)->parameters, expected));
}

TEST_CASE("model: the optimizer's state is named after the parameters", "[model]") {
  const auto state = trainer_of(a_training()).optimizer_state();
  CHECK(state.specs.front().name == "adam.m.generator.blocks.0.linear.weight");
  CHECK(state.specs.front().shape == initial().specs.front().shape);
  CHECK(state.specs.back().name == "adam.steps");
  CHECK(state.values.size() == element_count(state.specs));
  for (const auto& spec : state.specs) {
    CHECK(spec.name.find("running") == std::string::npos);
  }
}

TEST_CASE("model: a wrong optimizer state is refused and changes nothing", "[model]") {
  auto trainer = trainer_of(a_training());
  (void)trainer.train(initial(), RoundId{1}, kRate);
  const auto good = trainer.optimizer_state();
  const auto refused = [&](const Tensors& state) {
    const auto status = trainer.restore_optimizer_state(state);
    return !status.has_value() && same(trainer.optimizer_state(), good);
  };
  auto bad = good;
  bad.specs[0].name = "adam.m.other";
  CHECK(refused(bad));
  bad = good;
  bad.specs[0].shape[0] += 1;
  CHECK(refused(bad));
  bad = good;
  bad.values.pop_back();
  CHECK(refused(bad));
  bad = good;
  bad.values[0] = std::numeric_limits<float>::infinity();
  CHECK(refused(bad));
  bad = good;
  bad.values.back() = 1.5F;
  CHECK(refused(bad));
  bad = good;
  bad.values[bad.values.size() - 3] = -1.0F;  // of adam.v
  CHECK(refused(bad));
}

TEST_CASE("model: global parameters that do not fit are refused by tensor", "[model]") {
  auto global = initial();
  global.specs[1].shape[0] = 7;
  CHECK_THAT(train_error(global), ContainsSubstring("expected generator.blocks.0.linear.bias (6)"));
  global = initial();
  global.specs.pop_back();
  CHECK_THAT(train_error(global), ContainsSubstring("tensors"));
  global = initial();
  global.values.resize(3);
  CHECK_THAT(train_error(global), ContainsSubstring("values"));
  global = initial();
  global.values.back() = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(train_error(global), ContainsSubstring("discriminator.output.bias"));
  CHECK(train_error(initial()).empty());
}

TEST_CASE("model: impossible trainings are refused when they are created", "[model]") {
  const auto error_of = [](const TrainingConfig& config, std::size_t rows) {
    return Trainer::create(config, small_layout(), random_table(small_layout(), rows))
        .error()
        .message;
  };
  auto config = a_training();
  config.batch_size = 21;
  CHECK_THAT(error_of(config, 60), ContainsSubstring("pac"));
  config = a_training();
  config.batch_size = 0;
  CHECK_THAT(error_of(config, 60), ContainsSubstring("batchSize"));
  CHECK_THAT(error_of(a_training(), 0), ContainsSubstring("no rows"));
}

TEST_CASE("model: a site with fewer rows than a batch still trains", "[model]") {
  const auto result = trainer_of(a_training(), 3).train(initial(), RoundId{1}, kRate);
  REQUIRE(result.has_value());
  CHECK(result->metrics.steps == 2);  // one an epoch
  CHECK(std::isfinite(result->metrics.discriminator_loss));
}

TEST_CASE("model: a table without discrete columns trains and samples", "[model]") {
  const tabular::Layout layout{{continuous("a", {1, 0, 1}), continuous("b", {1, 1})}};
  auto trainer = Trainer::create(a_training(), layout, random_table(layout, 50)).value();
  const auto global = initial_parameters(small_config(), layout, 7).value();
  const auto result = trainer.train(global, RoundId{1}, kRate);
  REQUIRE(result.has_value());
  const auto sampler = Sampler::create(small_config(), layout, result->parameters);
  REQUIRE(sampler.has_value());
  CHECK(sampler->sample_block(1, 0, 10).rows == 10);
}

TEST_CASE("model: each step is told, each epoch ends once, and the result is the same", "[model]") {
  auto config = a_training();
  config.epochs = 3;
  const auto silent = trainer_of(config).train(initial(), RoundId{1}, kRate);
  std::vector<StepReport> steps;
  config.on_step = [&](const StepReport& step) { steps.push_back(step); };
  const auto told = trainer_of(config).train(initial(), RoundId{1}, kRate);
  CHECK(same(told->parameters, silent->parameters));
  REQUIRE(steps.size() == told->metrics.steps);
  double seconds = 0.0;
  for (const auto& step : steps) {
    CHECK(step.seconds >= 0.0);
    seconds += step.seconds;
  }
  CHECK_THAT(seconds / static_cast<double>(steps.size()),
             WithinRel(told->metrics.step_seconds, 0.5));
  CHECK(std::ranges::count_if(steps, &StepReport::ends_epoch) == 3);
  CHECK(steps.back().ends_epoch);
}

TEST_CASE("model: FedProx keeps the update near the global weights", "[model]") {
  auto config = a_training();
  config.epochs = 20;
  const auto change_of_weights = [&](double mu) {
    config.proximal_mu = mu;
    const auto global = initial();
    const auto trained = trainer_of(config).train(global, RoundId{1}, kRate)->parameters;
    double squares = 0.0;
    std::size_t at = 0;
    for (const auto& spec : global.specs) {
      for (std::size_t i = 0; i < spec.element_count(); ++i, ++at) {
        const double change = static_cast<double>(trained.values[at] - global.values[at]);
        squares += spec.name.find("running") == std::string::npos ? change * change : 0.0;
      }
    }
    return std::sqrt(squares);
  };
  CHECK(change_of_weights(100.0) < 0.5 * change_of_weights(0.0));
}

TEST_CASE("model: clipping reaches the optimizer", "[model]") {
  auto config = a_training();
  config.epochs = 1;
  config.max_grad_norm = 1e-3;
  for (const bool per_layer : {false, true}) {
    config.clip_per_layer = per_layer;
    auto trainer = trainer_of(config, 20);  // one step
    (void)trainer.train(initial(), RoundId{1}, kRate);
    const auto state = trainer.optimizer_state();
    double total = 0.0;
    std::size_t at = 0;
    for (const auto& spec : state.specs) {
      double squares = 0.0;
      for (std::size_t i = 0; i < spec.element_count(); ++i, ++at) {
        squares += std::pow(2.0 * static_cast<double>(state.values[at]), 2);  // m = g / 2
      }
      if (spec.name.starts_with("adam.m.discriminator")) {
        CHECK(std::sqrt(squares) < 1.01e-3);
        total += squares;
      }
    }
    CHECK((std::sqrt(total) < 1.01e-3) == !per_layer);
  }
}

TEST_CASE("model: a training that diverges says so and forgets its moments", "[model]") {
  auto config = a_training();
  config.epochs = 30;
  auto trainer = trainer_of(config);
  const auto result = trainer.train(initial(), RoundId{1}, 1e30);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Errc::kFailedPrecondition);
  CHECK_THAT(result.error().message, ContainsSubstring("learningRate"));
  for (const float value : trainer.optimizer_state().values) {
    REQUIRE(value == 0.0F);
  }
}

}  // namespace genesis::model
