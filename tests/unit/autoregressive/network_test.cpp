// Loss and gradient against an independent computation in double precision, and the shapes.
#include "common/autoregressive/network.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "common/autoregressive/sampler.hpp"
#include "common/autoregressive/trainer.hpp"
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
