// Loss and gradient against an independent computation in double precision, and the shapes.
#include "common/autoregressive/network.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "common/autoregressive/sampler.hpp"
#include "common/autoregressive/trainer.hpp"
#include "common/privacy/cost.hpp"
#include "tests/support/source_file.hpp"
#include "tests/unit/autoregressive/builders.hpp"

namespace genesis::autoregressive {
namespace {

const Shape kShape{3, 5, {4, 2, 70, 3}};
constexpr std::size_t kRows = 6;

std::vector<std::vector<float>> no_site_logits(const Shape& shape) {
  std::vector<std::vector<float>> all;
  for (const auto codes : shape.codes) {
    all.emplace_back(codes, 0.0F);
  }
  return all;
}

const std::vector<std::vector<float>> kSiteLogits = [] {
  auto all = no_site_logits(kShape);
  for (auto& column : all) {
    for (std::size_t k = 0; k < column.size(); ++k) {
      column[k] = 0.3F * static_cast<float>(k % 5) - 0.7F;
    }
  }
  return all;
}();

CodedTable some_rows(const Shape& shape, std::size_t rows) {
  Rng rng(3, RoundId{0}, "", "rows");
  CodedTable table;
  table.rows = rows;
  for (const auto codes : shape.codes) {
    auto& column = table.codes.emplace_back();
    for (std::size_t r = 0; r < rows; ++r) {
      column.push_back(static_cast<std::uint32_t>(rng.below(codes)));
    }
  }
  return table;
}

std::vector<float> some_weights(const Shape& shape) {
  return must(initial_parameters(shape, 5)).values;
}

// The formulas of parameters.hpp as they stand there, row by row and without any table.
double loss_in_double(const Shape& shape,
                      const std::vector<double>& weights,
                      const CodedTable& table,
                      const std::vector<std::uint32_t>& order) {
  const Places places(shape);
  const std::size_t hidden = shape.hidden;
  double loss = 0.0;
  for (std::size_t row = 0; row < table.rows; ++row) {
    std::vector<bool> is_known(shape.columns(), false);
    for (const auto j : order) {
      std::vector<double> first(hidden), sum(hidden), logits(shape.codes[j]);
      for (std::size_t h = 0; h < hidden; ++h) {
        double x = weights[places.input_bias + j * hidden + h];
        for (std::size_t i = 0; i < shape.columns(); ++i) {
          const std::size_t code = is_known[i] ? table.codes[i][row] : shape.codes[i];
          for (std::size_t e = 0; e < shape.embedding; ++e) {
            x += weights[places.embedding[i] + code * shape.embedding + e] *
                 weights[places.input[i] + (e * shape.columns() + j) * hidden + h];
          }
        }
        first[h] = std::max(0.0, x);
      }
      for (std::size_t h = 0; h < hidden; ++h) {
        double x = weights[places.hidden_bias[j] + h];
        for (std::size_t k = 0; k < hidden; ++k) {
          x += weights[places.hidden[j] + h * hidden + k] * first[k];
        }
        sum[h] = first[h] + std::max(0.0, x);
      }
      double total = 0.0;
      for (std::size_t k = 0; k < shape.codes[j]; ++k) {
        logits[k] = weights[places.output_bias[j] + k] + static_cast<double>(kSiteLogits[j][k]);
        for (std::size_t h = 0; h < hidden; ++h) {
          logits[k] += weights[places.output[j] + k * hidden + h] * sum[h];
        }
        total += std::exp(logits[k]);
      }
      loss += std::log(total) - logits[table.codes[j][row]];
      is_known[j] = true;
    }
  }
  return loss / static_cast<double>(table.rows);
}

std::vector<std::uint32_t> numbers(std::size_t count) {
  std::vector<std::uint32_t> all(count);
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

}  // namespace

TEST_CASE("autoregressive: loss and gradients are those of the formulas", "[autoregressive]") {
  const auto weights = some_weights(kShape);
  const auto table = some_rows(kShape, kRows);
  BatchLoss batch_loss(kShape, kRows, kSiteLogits);
  for (const std::vector<std::uint32_t>& order :
       {std::vector<std::uint32_t>{0, 1, 2, 3}, {2, 0, 3, 1}, {3, 2, 1, 0}}) {
    std::vector<float> gradient(weights.size(), 1e9F);  // what was there before is gone
    const double loss = batch_loss(weights, table, numbers(kRows), order, gradient);
    std::vector<double> exact(weights.begin(), weights.end());
    CHECK_THAT(loss, WithinRel(loss_in_double(kShape, exact, table, order), 1e-5));
    double worst = 0.0;
    constexpr double kStep = 1e-6;
    for (std::size_t k = 0; k < exact.size(); ++k) {
      const double value = exact[k];
      exact[k] = value + kStep;
      const double above = loss_in_double(kShape, exact, table, order);
      exact[k] = value - kStep;
      const double below = loss_in_double(kShape, exact, table, order);
      exact[k] = value;
      const double expected = (above - below) / (2.0 * kStep);
      worst = std::max(worst, std::abs(expected - static_cast<double>(gradient[k])));
    }
    CHECK(worst < 2e-5);
  }
}

TEST_CASE("autoregressive: the gradient is the same for nets in one table and in several",
          "[autoregressive]") {
  // Codes and width are such that the second shape's tables hold few nets at once.
  const Shape wide{4, 64, std::vector<std::uint32_t>(24, 900)};
  const auto weights = some_weights(wide);
  const auto table = some_rows(wide, 700);
  BatchLoss batch_loss(wide, 700, no_site_logits(wide));
  std::vector<float> gradient(weights.size());
  const auto order = numbers(wide.columns());
  const double loss = batch_loss(weights, table, numbers(700), order, gradient);
  // Against a small batch each, whose tables hold more nets.
  double sum = 0.0;
  std::vector<double> total(weights.size());
  std::vector<float> part(weights.size());
  for (std::uint32_t first = 0; first < 700; first += 70) {
    auto rows = numbers(70);
    std::ranges::for_each(rows, [&](auto& row) { row += first; });
    sum += batch_loss(weights, table, rows, order, part) / 10.0;
    for (std::size_t k = 0; k < part.size(); ++k) {
      total[k] += static_cast<double>(part[k]) / 10.0;
    }
  }
  CHECK_THAT(loss, WithinRel(sum, 1e-5));
  double worst = 0.0;
  for (std::size_t k = 0; k < total.size(); ++k) {
    worst = std::max(worst, std::abs(total[k] - static_cast<double>(gradient[k])));
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("autoregressive: the sum of clipped rows is that of rows' own gradients, clipped",
          "[autoregressive]") {
  const auto weights = some_weights(kShape);
  constexpr std::size_t kMany = 83;  // several chunks of the batch's rows
  const auto table = some_rows(kShape, kMany);
  BatchLoss one_row(kShape, 1, kSiteLogits);
  BatchLoss batch_loss(kShape, 37, kSiteLogits);
  for (const std::vector<std::uint32_t>& order :
       {std::vector<std::uint32_t>{0, 1, 2, 3}, {2, 0, 3, 1}, {3, 2, 1, 0}}) {
    std::vector<std::vector<float>> rows;  // materialised, one by one
    std::vector<double> norms;
    for (std::uint32_t row = 0; row < kMany; ++row) {
      auto& gradient = rows.emplace_back(weights.size());
      (void)one_row(weights, table, std::vector{row}, order, gradient);
      double squares = 0.0;
      for (const float value : gradient) {
        squares += static_cast<double>(value) * static_cast<double>(value);
      }
      norms.push_back(std::sqrt(squares));
    }
    auto sorted = norms;
    std::ranges::sort(sorted);
    // Clips all rows, about half of them, and none.
    for (const double most : {sorted.front() / 3.0, sorted[kMany / 2], 3.0 * sorted.back()}) {
      std::vector<double> expected(weights.size());
      for (std::size_t row = 0; row < kMany; ++row) {
        const double factor = std::min(1.0, most * (1.0 - 0x1p-10) / norms[row]);
        for (std::size_t k = 0; k < expected.size(); ++k) {
          expected[k] += factor * static_cast<double>(rows[row][k]);
        }
      }
      std::vector<float> sum(weights.size(), 0.5F);  // what is there stays
      batch_loss.add_clipped(weights, table, numbers(kMany), order, most, sum);
      double worst = 0.0;
      for (std::size_t k = 0; k < sum.size(); ++k) {
        worst = std::max(worst, std::abs(expected[k] + 0.5 - static_cast<double>(sum[k])));
      }
      CHECK(worst < 2e-5 * std::max(1.0, std::min(most, sorted.back())));
    }
  }
}

TEST_CASE("autoregressive: one row more changes a clipped sum by no more than the norm",
          "[autoregressive][property]") {
  auto weights = some_weights(kShape);
  const auto table = some_rows(kShape, 60);
  const double scale = GENERATE(1.0, 30.0, 1e20);  // the last makes gradients that are not finite
  for (auto& weight : weights) {
    weight *= static_cast<float>(scale);
  }
  BatchLoss batch_loss(kShape, 16, kSiteLogits);
  const auto order = numbers(kShape.columns());
  constexpr double kMost = 0.7;
  std::vector<float> before(weights.size());
  batch_loss.add_clipped(weights, table, numbers(59), order, kMost, before);
  for (std::uint32_t row = 0; row < 60; ++row) {
    auto rows = numbers(59);
    rows.push_back(row);
    std::vector<float> after(weights.size());
    batch_loss.add_clipped(weights, table, rows, order, kMost, after);
    double squares = 0.0;
    for (std::size_t k = 0; k < after.size(); ++k) {
      const double change = static_cast<double>(after[k]) - static_cast<double>(before[k]);
      squares += change * change;
    }
    REQUIRE(std::isfinite(squares));
    CHECK(std::sqrt(squares) <= kMost);
  }
}

TEST_CASE("autoregressive: a clipped sum is the same for nets in one table and in several",
          "[autoregressive]") {
  const Shape wide{4, 64, std::vector<std::uint32_t>(24, 900)};
  const auto weights = some_weights(wide);
  const auto table = some_rows(wide, 700);
  const auto order = numbers(wide.columns());
  BatchLoss at_once(wide, 700, no_site_logits(wide));
  BatchLoss in_parts(wide, 70, no_site_logits(wide));
  std::vector<float> sum(weights.size()), parts(weights.size());
  at_once.add_clipped(weights, table, numbers(700), order, 1.0, sum);
  in_parts.add_clipped(weights, table, numbers(700), order, 1.0, parts);
  double worst = 0.0;
  for (std::size_t k = 0; k < sum.size(); ++k) {
    worst = std::max(worst, static_cast<double>(std::abs(sum[k] - parts[k])));
  }
  CHECK(worst < 1e-4);
}

TEST_CASE("autoregressive: tensors have the names and shapes of the golden file",
          "[autoregressive][golden]") {
  std::ostringstream text;
  for (const auto& spec : must(parameter_specs({12, 128, {9, 50, 2}}))) {
    text << spec.name;
    for (const auto extent : spec.shape) {
      text << ' ' << extent;
    }
    text << '\n';
  }
  std::ifstream file(source_file("tests/golden/autoregressive/shapes.txt"));
  std::ostringstream golden;
  golden << file.rdbuf();
  CHECK(text.str() == golden.str());
}

TEST_CASE("autoregressive: places are where the tensors are", "[autoregressive]") {
  const Places places(kShape);
  const auto specs = must(parameter_specs(kShape));
  CHECK(places.size == element_count(specs));
  std::size_t offset = 0;
  for (const auto& spec : specs) {
    if (spec.name == "input.bias") {
      CHECK(places.input_bias == offset);
    } else if (spec.name == "output.2.weight") {
      CHECK(places.output[2] == offset);
    } else if (spec.name == "embedding.3.weight") {
      CHECK(places.embedding[3] == offset);
    }
    offset += spec.element_count();
  }
}

TEST_CASE("autoregressive: a model without columns or beyond the bound is refused",
          "[autoregressive]") {
  CHECK_FALSE(parameter_specs({12, 128, {}}));
  const auto refused = parameter_specs({12, 4096, std::vector<std::uint32_t>(2000, 50)});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kResourceExhausted);
}

TEST_CASE("autoregressive: training is a function of its arguments and of restored moments",
          "[autoregressive]") {
  TrainingConfig config;
  config.order = numbers(kShape.columns());
  config.site_logits = kSiteLogits;
  config.batch_size = 30;
  config.epochs = 2;
  config.client = "hospital-1";
  const auto table = some_rows(kShape, 100);
  const auto global = must(initial_parameters(kShape, 5));
  const auto trainer = [&](const TrainingConfig& with) {
    return must(Trainer::create(with, kShape, table));
  };
  auto one = trainer(config);
  const auto first = must(one.train(global, RoundId{1}, 1e-3));
  CHECK(first.steps == 2 * 4);
  CHECK(first.update_norm > 0.0);
  CHECK(must(trainer(config).train(global, RoundId{1}, 1e-3)).parameters == first.parameters);
  CHECK_FALSE(must(trainer(config).train(global, RoundId{2}, 1e-3)).parameters == first.parameters);
  auto other = config;
  other.client = "hospital-2";
  CHECK_FALSE(must(trainer(other).train(global, RoundId{1}, 1e-3)).parameters == first.parameters);

  auto restored = trainer(config);
  REQUIRE(restored.restore_optimizer_state(one.optimizer_state()));
  const auto second = must(one.train(first.parameters, RoundId{2}, 1e-3));
  CHECK(must(restored.train(first.parameters, RoundId{2}, 1e-3)).parameters == second.parameters);
  CHECK_FALSE(must(trainer(config).train(first.parameters, RoundId{2}, 1e-3)).parameters ==
              second.parameters);

  auto state = one.optimizer_state();
  state.values.back() = 0.5F;
  CHECK_FALSE(restored.restore_optimizer_state(state));
  state = one.optimizer_state();
  state.values[state.values.size() - 2] = -1.0F;
  CHECK_FALSE(restored.restore_optimizer_state(state));
  auto broken = global;
  broken.values[7] = std::nanf("");
  CHECK_FALSE(one.train(broken, RoundId{1}, 1e-3));
  broken.values.pop_back();
  CHECK_FALSE(one.train(broken, RoundId{1}, 1e-3));
  CHECK_FALSE(one.train(global, RoundId{1}, -1.0));
  CHECK_FALSE(Trainer::create(config, kShape, some_rows(kShape, 0)));
}

namespace {

TrainingConfig private_config() {
  TrainingConfig config;
  config.order = numbers(kShape.columns());
  config.site_logits = no_site_logits(kShape);
  config.batch_size = 10;
  config.client = "hospital-1";
  return config;
}

}  // namespace

TEST_CASE("autoregressive: a private training takes the steps it is told, whatever rows there are",
          "[autoregressive]") {
  const auto global = must(initial_parameters(kShape, 5));
  const privacy::PrivateSteps steps{
      .steps = 7, .sampling = std::uint64_t{1} << 29U, .max_grad_norm = 1.0, .multiplier = 1.0};
  privacy::NoiseBits bits;
  std::vector<float> moved;
  for (const std::size_t rows : {std::size_t{0}, std::size_t{1}, std::size_t{400}}) {
    auto trainer = must(Trainer::create_private(private_config(), kShape, some_rows(kShape, rows)));
    const auto trained = must(trainer.train_privately(global, RoundId{1}, 1e-3, steps, bits));
    CHECK(trained.steps == 7);
    CHECK(trained.loss == 0.0);  // which would tell of rows
    // Every weight has noise, also those that no row has to do with.
    std::size_t unmoved = 0;
    for (std::size_t k = 0; k < global.values.size(); ++k) {
      unmoved += trained.parameters.values[k] == global.values[k] ? 1 : 0;
    }
    CHECK(unmoved == 0);
    CHECK_FALSE(trained.parameters.values == moved);
    moved = trained.parameters.values;
  }
  // The same call again has other rows and other noise.
  auto again = must(Trainer::create_private(private_config(), kShape, some_rows(kShape, 400)));
  CHECK_FALSE(
      must(again.train_privately(global, RoundId{1}, 1e-3, steps, bits)).parameters.values ==
      moved);
}

TEST_CASE("autoregressive: a private training without noise to speak of is a step along the sum",
          "[autoregressive]") {
  const auto global = must(initial_parameters(kShape, 5));
  const auto table = some_rows(kShape, 50);
  const privacy::PrivateSteps all{
      .steps = 1, .sampling = privacy::kMostSampling, .max_grad_norm = 1.0, .multiplier = 1e-6};
  auto config = private_config();
  config.ordered = 1.0;
  auto trainer = must(Trainer::create_private(config, kShape, table));
  privacy::NoiseBits bits;
  const auto trained = must(trainer.train_privately(global, RoundId{1}, 1e-3, all, bits));
  BatchLoss batch_loss(kShape, 50, no_site_logits(kShape));
  std::vector<float> sum(global.values.size());
  batch_loss.add_clipped(global.values, table, numbers(50), config.order, 1.0, sum);
  // Adam's first step has the sign of the gradient and, where it is not small, the rate's length;
  // its moments are the mean over the expected batch, 10 rows.
  const auto moments = trainer.optimizer_state();
  for (std::size_t k = 0; k < sum.size(); ++k) {
    CHECK(std::abs(moments.values[k] - 0.1F * sum[k] / 10.0F) < 1e-5F);
  }
  CHECK(trained.update_norm > 0.0);
}

TEST_CASE("autoregressive: a private training whose weights are no longer finite ends there",
          "[autoregressive]") {
  const privacy::PrivateSteps steps{
      .steps = 50, .sampling = privacy::kMostSampling / 2, .max_grad_norm = 1.0, .multiplier = 1.0};
  privacy::NoiseBits bits;
  int taken = 0;
  auto config = private_config();
  config.on_step = [&](double /*seconds*/, bool /*ends_epoch*/) { ++taken; };
  auto trainer = must(Trainer::create_private(config, kShape, some_rows(kShape, 30)));
  const auto diverged =
      trainer.train_privately(must(initial_parameters(kShape, 5)), RoundId{1}, 1e38, steps, bits);
  REQUIRE_FALSE(diverged);
  CHECK(diverged.error().code == Errc::kFailedPrecondition);
  CHECK(taken < 50);
}

TEST_CASE("autoregressive: the noise of a private training has the deviation that was asked for",
          "[autoregressive][statistical]") {
  const auto global = must(initial_parameters(kShape, 5));
  const privacy::PrivateSteps steps{
      .steps = 1, .sampling = std::uint64_t{1} << 31U, .max_grad_norm = 0.5, .multiplier = 4.0};
  privacy::NoiseBits bits;
  double squares = 0.0;
  std::size_t count = 0;
  for (int run = 0; run < 200; ++run) {
    auto trainer = must(Trainer::create_private(private_config(), kShape, some_rows(kShape, 0)));
    REQUIRE(trainer.train_privately(global, RoundId{1}, 1e-3, steps, bits));
    const auto moments = trainer.optimizer_state();
    for (std::size_t k = 0; k < global.values.size(); ++k) {
      const double noise = static_cast<double>(moments.values[k]) / 0.1 * 10.0;  // of the sum
      squares += noise * noise;
      ++count;
    }
  }
  const double deviation = std::sqrt(squares / static_cast<double>(count));
  CHECK_THAT(deviation, WithinRel(4.0 * 0.5, 6.0 / std::sqrt(2.0 * static_cast<double>(count))));
}

TEST_CASE("autoregressive: a training that is told to stop ends before its next step",
          "[autoregressive]") {
  std::stop_source stop;
  int steps = 0;
  TrainingConfig config;
  config.order = numbers(kShape.columns());
  config.site_logits = kSiteLogits;
  config.batch_size = 10;
  config.stop = stop.get_token();
  config.on_step = [&](double /*seconds*/, bool /*ends_epoch*/) {
    ++steps;
    stop.request_stop();
  };
  auto trainer = must(Trainer::create(config, kShape, some_rows(kShape, 100)));
  const auto stopped = trainer.train(must(initial_parameters(kShape, 5)), RoundId{1}, 1e-3);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Errc::kUnavailable);
  CHECK(steps == 1);
}

TEST_CASE("autoregressive: a rate that is too high is an error, and the moments start anew",
          "[autoregressive]") {
  TrainingConfig config;
  config.order = numbers(kShape.columns());
  config.site_logits = kSiteLogits;
  auto trainer = must(Trainer::create(config, kShape, some_rows(kShape, 100)));
  const auto global = must(initial_parameters(kShape, 5));
  const auto diverged = trainer.train(global, RoundId{1}, 1e38);
  if (diverged) {
    CHECK_FALSE(trainer.train(diverged->parameters, RoundId{2}, 1e38));
  } else {
    CHECK(diverged.error().code == Errc::kFailedPrecondition);
  }
  CHECK(trainer.train(global, RoundId{1}, 1e-3).has_value());
}

}  // namespace genesis::autoregressive
