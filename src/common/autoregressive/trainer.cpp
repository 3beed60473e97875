#include "common/autoregressive/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>
#include <utility>

#include "common/base/clock.hpp"
#include "common/privacy/gaussian_noise.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::autoregressive {
namespace {

constexpr float kMaxSteps = 16777216.0F;  // the largest count that a float holds exactly

void shuffle(std::span<std::uint32_t> values, Rng& rng) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[rng.below(i)]);
  }
}

std::vector<TensorSpec> optimizer_specs(const std::vector<TensorSpec>& specs) {
  std::vector<TensorSpec> all;
  for (const char* prefix : {"adam.m.", "adam.v."}) {
    for (const auto& spec : specs) {
      all.push_back({prefix + spec.name, spec.shape});
    }
  }
  all.push_back({"adam.steps", {1}});
  return all;
}

double distance(std::span<const float> a, std::span<const float> b) {
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double change = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    squares += change * change;
  }
  return std::sqrt(squares);
}

}  // namespace

Result<Trainer> Trainer::create(TrainingConfig config, const Shape& shape, CodedTable table) {
  if (table.rows == 0) {
    return fail(Errc::kInvalidArgument, "table: has no rows; nothing to train on");
  }
  return checked(std::move(config), shape, std::move(table));
}

Result<Trainer> Trainer::create_private(TrainingConfig config,
                                        const Shape& shape,
                                        CodedTable table) {
  return checked(std::move(config), shape, std::move(table));
}

Result<Trainer> Trainer::checked(TrainingConfig config, const Shape& shape, CodedTable table) {
  if (config.batch_size < 1 || config.epochs < 0) {
    return fail(Errc::kInvalidArgument,
                "local: batchSize " + std::to_string(config.batch_size) + " and epochs " +
                    std::to_string(config.epochs) + " must be positive");
  }
  GENESIS_ASSIGN(auto specs, parameter_specs(shape));
  return Trainer(std::move(config), shape, std::move(specs), std::move(table));
}

Trainer::Trainer(TrainingConfig config,
                 const Shape& shape,
                 std::vector<TensorSpec> specs,
                 CodedTable table)
    : config_(std::move(config)),
      specs_(std::move(specs)),
      table_(std::move(table)),
      batch_loss_(
          shape,
          std::clamp(table_.rows, std::size_t{1}, static_cast<std::size_t>(config_.batch_size)),
          config_.site_logits),
      gradient_(element_count(specs_)) {
  std::size_t offset = 0;
  for (const auto& spec : specs_) {
    extents_.push_back({offset, spec.element_count()});
    offset += spec.element_count();
  }
  training_rows_.resize(table_.rows);
  std::iota(training_rows_.begin(), training_rows_.end(), 0U);
  if (config_.holdout_share > 0.0) {
    Rng rng(config_.seed, RoundId{0}, config_.client, "rows kept out of training");
    shuffle(training_rows_, rng);
    const auto kept =
        static_cast<std::size_t>(config_.holdout_share * static_cast<double>(table_.rows));
    holdout_rows_.assign(training_rows_.end() - static_cast<std::ptrdiff_t>(kept),
                         training_rows_.end());
    training_rows_.resize(table_.rows - kept);
  }
  forget_moments();
}

void Trainer::forget_moments() {
  moments_ = {std::vector<float>(gradient_.size()), std::vector<float>(gradient_.size()), 0};
}

std::optional<double> Trainer::holdout_loss(const Tensors& parameters) {
  if (holdout_rows_.empty()) {
    return std::nullopt;
  }
  const auto batch = static_cast<std::size_t>(config_.batch_size);
  double sum = 0.0;
  for (std::size_t begin = 0; begin < holdout_rows_.size(); begin += batch) {
    const auto rows =
        std::span(holdout_rows_).subspan(begin, std::min(batch, holdout_rows_.size() - begin));
    sum += static_cast<double>(rows.size()) *
           batch_loss_(parameters.values, table_, rows, config_.order, gradient_);
  }
  return sum / static_cast<double>(holdout_rows_.size());
}

std::vector<std::uint32_t> Trainer::draw_order(Rng& rng) const {
  auto order = config_.order;
  if (rng.uniform() >= config_.ordered) {
    shuffle(order, rng);
  }
  return order;
}

std::optional<TrainResult> Trainer::run_privately(const Tensors& global,
                                                  RoundId round,
                                                  double learning_rate,
                                                  const privacy::PrivateSteps& steps,
                                                  privacy::NoiseBits& bits) {
  Rng order_rng(config_.seed, round, config_.client, "order of columns");
  privacy::GaussianNoise noise(bits);
  const double deviation = steps.multiplier * steps.max_grad_norm;
  const auto share = static_cast<float>(1.0 / static_cast<double>(config_.batch_size));
  model::GradientRules rules;
  rules.proximal_mu = config_.rules.proximal_mu;  // rows are clipped each, not their sum
  TrainResult result;
  result.parameters = global;
  const Elapsed elapsed;
  double step_start = 0.0;
  // With a weight that is not finite a single row could spoil the whole sum, which no clipping
  // bounds: such a training ends, as its weights say, which have noise.
  for (; result.steps < steps.steps && wire::check_finite(result.parameters); ++result.steps) {
    if (config_.stop.stop_requested()) {
      return std::nullopt;
    }
    const auto rows = privacy::sample_rows(bits, table_.rows, steps.sampling);
    std::ranges::fill(gradient_, 0.0F);
    batch_loss_.add_clipped(result.parameters.values,
                            table_,
                            rows,
                            draw_order(order_rng),
                            steps.max_grad_norm,
                            gradient_);
    noise.add(deviation, gradient_);
    for (float& value : gradient_) {
      value *= share;
    }
    model::step({.learning_rate = learning_rate, .betas = model::kUsualBetas},
                rules,
                extents_,
                global.values,
                gradient_,
                moments_,
                result.parameters.values);
    if (config_.on_step) {
      const double now = elapsed.seconds();
      config_.on_step(now - step_start, result.steps + 1 == steps.steps);
      step_start = now;
    }
  }
  result.seconds = elapsed.seconds();
  result.update_norm = distance(result.parameters.values, global.values);
  return result;
}

std::optional<TrainResult> Trainer::run(const Tensors& global,
                                        RoundId round,
                                        double learning_rate) {
  Rng rows_rng(config_.seed, round, config_.client, "training rows");
  Rng order_rng(config_.seed, round, config_.client, "order of columns");
  // The rows of an epoch in batches of almost the same size.
  const auto batch = static_cast<std::size_t>(config_.batch_size);
  auto rows = training_rows_;
  const std::size_t epoch_steps = (rows.size() + batch - 1) / batch;
  TrainResult result;
  result.parameters = global;
  result.holdout_loss = holdout_loss(global);
  const Elapsed elapsed;
  double step_start = 0.0;
  for (std::int64_t epoch = 0; epoch < config_.epochs; ++epoch) {
    shuffle(rows, rows_rng);
    for (std::size_t i = 0; i < epoch_steps; ++i) {
      if (config_.stop.stop_requested()) {
        return std::nullopt;
      }
      const std::size_t begin = i * rows.size() / epoch_steps;
      const std::size_t end = (i + 1) * rows.size() / epoch_steps;
      const auto order = draw_order(order_rng);
      result.loss += batch_loss_(result.parameters.values,
                                 table_,
                                 std::span(rows).subspan(begin, end - begin),
                                 order,
                                 gradient_);
      model::step({.learning_rate = learning_rate, .betas = model::kUsualBetas},
                  config_.rules,
                  extents_,
                  global.values,
                  gradient_,
                  moments_,
                  result.parameters.values);
      ++result.steps;
      if (config_.on_step) {
        const double now = elapsed.seconds();
        config_.on_step(now - step_start, i + 1 == epoch_steps);
        step_start = now;
      }
    }
  }
  result.seconds = elapsed.seconds();
  if (result.steps > 0) {
    result.loss /= static_cast<double>(result.steps);
  }
  result.update_norm = distance(result.parameters.values, global.values);
  return result;
}

Result<TrainResult> Trainer::train(const Tensors& global, RoundId round, double learning_rate) {
  return judged(global, learning_rate, [&] { return run(global, round, learning_rate); });
}

Result<TrainResult> Trainer::train_privately(const Tensors& global,
                                             RoundId round,
                                             double learning_rate,
                                             const privacy::PrivateSteps& steps,
                                             privacy::NoiseBits& bits) {
  return judged(global, learning_rate, [&] {
    return run_privately(global, round, learning_rate, steps, bits);
  });
}

Status Trainer::check(const Tensors& global) const {
  GENESIS_RETURN_IF_ERROR(wire::check_matches(global, specs_));
  return wire::check_finite(global);
}

Result<TrainResult> Trainer::judged(const Tensors& global,
                                    double learning_rate,
                                    const std::function<std::optional<TrainResult>()>& train) {
  GENESIS_RETURN_IF_ERROR(check(global));
  if (!std::isfinite(learning_rate) || learning_rate < 0.0) {
    return fail(Errc::kInvalidArgument, "local.learningRate: must be finite and not negative");
  }
  try {
    auto result = train();
    if (!result) {
      return fail(Errc::kUnavailable, "stopped before the training was over");
    }
    if (!std::isfinite(result->update_norm)) {
      forget_moments();  // they are no longer finite either
      return fail(Errc::kFailedPrecondition,
                  "[model] training diverged: a weight is no longer finite; lower "
                  "local.learningRate or set privacy.maxGradNorm");
    }
    return *std::move(result);
  } catch (const std::exception& error) {  // LibTorch's errors and memory that ran out
    return fail(Errc::kInternal, std::string("[model] training failed: ") + error.what());
  }
}

Tensors Trainer::optimizer_state() const {
  Tensors state;
  state.specs = optimizer_specs(specs_);
  state.values = moments_.first;
  state.values.insert(state.values.end(), moments_.second.begin(), moments_.second.end());
  // The count stops at 2^24, where the bias corrections have long been 1.
  state.values.push_back(std::min(static_cast<float>(moments_.steps), kMaxSteps));
  return state;
}

Status Trainer::restore_optimizer_state(const Tensors& state) {
  GENESIS_RETURN_IF_ERROR(wire::check_matches(state, optimizer_specs(specs_)));
  GENESIS_RETURN_IF_ERROR(wire::check_finite(state));
  const float steps = state.values.back();
  if (steps < 0.0F || steps > kMaxSteps || steps != std::floor(steps)) {
    return fail(Errc::kInvalidArgument, "[model] adam.steps: not a count");
  }
  const auto middle = state.values.begin() + static_cast<std::ptrdiff_t>(gradient_.size());
  const auto end = state.values.end() - 1;
  if (std::any_of(middle, end, [](float v) { return v < 0.0F; })) {
    return fail(Errc::kInvalidArgument, "[model] adam.v: a second moment is negative");
  }
  moments_ = {std::vector<float>(state.values.begin(), middle),
              std::vector<float>(middle, end),
              static_cast<std::uint64_t>(steps)};
  return {};
}

}  // namespace genesis::autoregressive
