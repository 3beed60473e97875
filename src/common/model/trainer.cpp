// Local training of one site: one discriminator step and one generator step per batch.
#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <utility>

#include "common/base/clock.hpp"
#include "common/model/ctgan.hpp"
#include "common/model/discriminator.hpp"
#include "common/model/generator.hpp"
#include "common/model/kernels.hpp"
#include "common/model/network.hpp"
#include "common/model/noise.hpp"
#include "common/model/optimizer.hpp"
#include "common/model/training_rows.hpp"

namespace genesis::model {
namespace {

constexpr double kGeneratorDecay = 1e-6;
constexpr float kMaxSteps = 16777216.0F;  // the largest count that a float holds exactly

// The extents of one area's tensors.
std::vector<Extent> extents_of(const Network& network, Placement::Area area) {
  std::vector<Extent> extents;
  for (const auto& placement : network.placements) {
    if (placement.area == area) {
      extents.push_back({placement.offset, placement.count});
    }
  }
  return extents;
}

// The random streams of one call of train(), each named by what it is for.
struct Streams {
  Streams(std::uint64_t seed, RoundId round, const std::string& client)
      : rows(seed, round, client, "training rows"),
        latent(Rng(seed, round, client, "latent")),
        gumbel(Rng(seed, round, client, "gumbel")),
        dropout(Rng(seed, round, client, "dropout")),
        share(Rng(seed, round, client, "interpolation")) {}
  Rng rows;
  NoiseStream latent, gumbel, dropout, share;
};

std::vector<TensorSpec> optimizer_specs(const Network& network) {
  std::vector<TensorSpec> specs;
  for (const char* prefix : {"adam.m.", "adam.v."}) {
    for (std::size_t i = 0; i < network.specs.size(); ++i) {
      if (network.placements[i].area != Placement::Area::kStatistics) {
        specs.push_back({prefix + network.specs[i].name, network.specs[i].shape});
      }
    }
  }
  specs.push_back({"adam.steps", {2}});  // generator, discriminator
  return specs;
}

}  // namespace

struct Trainer::Impl {
  Impl(TrainingConfig training, Network shape, TrainingRows site)
      : config(std::move(training)),
        network(std::move(shape)),
        rows(std::move(site)),
        batch(static_cast<std::size_t>(config.batch_size)),
        groups(batch / network.pac),
        generator(network, batch),
        discriminator(network, groups),
        generator_extents(extents_of(network, Placement::Area::kGenerator)),
        discriminator_extents(extents_of(network, Placement::Area::kDiscriminator)),
        rules{config.proximal_mu, config.max_grad_norm, config.clip_per_layer},
        generator_gradient(network.generator_size),
        discriminator_gradient(network.discriminator_size),
        gumbel(batch * network.width),
        dropout(discriminator.dropout_size()),
        share(groups),
        row_gradient(batch * network.width),
        condition(batch),
        shuffled(batch),
        drawn(batch) {
    forget_moments();
  }
  Impl(const Impl&) = delete;  // generator and discriminator point to network
  Impl& operator=(const Impl&) = delete;

  void forget_moments() {
    generator_moments = {
        std::vector<float>(network.generator_size), std::vector<float>(network.generator_size), 0};
    discriminator_moments = {std::vector<float>(network.discriminator_size),
                             std::vector<float>(network.discriminator_size),
                             0};
  }

  // Soft rows for `condition`, from fresh noise.
  Generator::Input generate(Streams& streams) {
    const Matrix z = generator.latent();
    for (std::size_t r = 0; r < batch; ++r) {
      streams.latent.normal({z.data + r * z.stride, z.columns});
    }
    streams.gumbel.exponential(gumbel);
    const Generator::Input input{
        .weights = weights.generator, .condition = condition, .noise = gumbel};
    generator.forward(input, weights.statistics);
    return input;
  }

  double discriminator_step(Streams& streams, double learning_rate) {
    rows.draw_conditions(streams.rows, condition);
    // Real rows meet the same conditions, shuffled: a fake and a real row of one place differ.
    shuffled = condition;
    for (std::size_t i = batch - 1; i > 0; --i) {
      std::swap(shuffled[i], shuffled[streams.rows.below(i + 1)]);
    }
    rows.draw_rows(streams.rows, shuffled, drawn);
    rows.gather(drawn, real);
    generate(streams);
    streams.dropout.dropout(dropout);
    streams.share.uniform(share);
    const auto losses = discriminator.losses({.weights = weights.discriminator,
                                              .real = &real,
                                              .real_condition = shuffled,
                                              .fake = view(generator.rows()),
                                              .fake_condition = condition,
                                              .share = share,
                                              .dropout = dropout},
                                             discriminator_gradient);
    step({.learning_rate = learning_rate, .weight_decay = 0.0},
         rules,
         discriminator_extents,
         anchor.discriminator,
         discriminator_gradient,
         discriminator_moments,
         weights.discriminator);
    return losses.total();
  }

  double generator_step(Streams& streams, double learning_rate) {
    rows.draw_conditions(streams.rows, condition);
    const auto input = generate(streams);
    const std::span<float> mask(dropout.data(), discriminator.dropout_size() / 3);
    streams.dropout.dropout(mask);
    const Matrix gradient{row_gradient.data(), batch, network.width, network.width};
    const double score = discriminator.score_fake({.weights = weights.discriminator,
                                                   .fake = view(generator.rows()),
                                                   .condition = condition,
                                                   .dropout = mask},
                                                  gradient);
    const double cross_entropy = generator.backward(input, gradient, generator_gradient);
    step({.learning_rate = learning_rate, .weight_decay = kGeneratorDecay},
         rules,
         generator_extents,
         anchor.generator,
         generator_gradient,
         generator_moments,
         weights.generator);
    return cross_entropy - score;
  }

  // Nothing once it is told to stop.
  std::optional<TrainResult> train(const Tensors& global, RoundId round, double learning_rate) {
    load(network, global.values, weights);
    anchor = weights;
    Streams streams(config.seed, round, config.client);
    const std::size_t epoch_steps = std::max<std::size_t>(1, rows.row_count() / batch);
    const std::size_t steps = static_cast<std::size_t>(config.epochs) * epoch_steps;
    TrainMetrics metrics;
    const Elapsed elapsed;
    double step_start = 0.0;
    for (std::size_t i = 0; i < steps; ++i) {
      if (config.stop.stop_requested()) {
        return std::nullopt;
      }
      metrics.discriminator_loss += discriminator_step(streams, learning_rate);
      metrics.generator_loss += generator_step(streams, learning_rate);
      if (config.on_step) {
        const double now = elapsed.seconds();
        config.on_step({.seconds = now - step_start, .ends_epoch = (i + 1) % epoch_steps == 0});
        step_start = now;
      }
    }
    const double seconds = elapsed.seconds();
    metrics.steps = steps;
    if (steps > 0) {
      const auto count = static_cast<double>(steps);
      metrics.discriminator_loss /= count;
      metrics.generator_loss /= count;
      metrics.step_seconds = seconds / count;
    }
    TrainResult result{.parameters = {network.specs, std::vector<float>(global.values.size())},
                       .metrics = metrics};
    store(network, weights, result.parameters.values);
    double squares = 0.0;
    for (std::size_t i = 0; i < global.values.size(); ++i) {
      const double change =
          static_cast<double>(result.parameters.values[i]) - static_cast<double>(global.values[i]);
      squares += change * change;
    }
    result.metrics.update_norm = std::sqrt(squares);
    return result;
  }

  TrainingConfig config;
  Network network;
  TrainingRows rows;
  std::size_t batch, groups;
  Generator generator;
  Discriminator discriminator;
  std::vector<Extent> generator_extents, discriminator_extents;
  GradientRules rules;
  Moments generator_moments, discriminator_moments;
  Weights weights, anchor;

  // Buffers of a step.
  std::vector<float> generator_gradient, discriminator_gradient;
  std::vector<float> gumbel, dropout, share, row_gradient;
  std::vector<std::uint32_t> condition, shuffled, drawn;
  RealRows real;
};

Trainer::Trainer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Trainer::Trainer(Trainer&&) noexcept = default;
Trainer& Trainer::operator=(Trainer&&) noexcept = default;
Trainer::~Trainer() = default;

Result<Trainer> Trainer::create(const TrainingConfig& config,
                                const tabular::Layout& layout,
                                tabular::EncodedTable table) {
  if (config.batch_size < 1 || config.epochs < 0) {
    return fail(Errc::kInvalidArgument,
                "local: batchSize " + std::to_string(config.batch_size) + " and epochs " +
                    std::to_string(config.epochs) + " must be positive");
  }
  GENESIS_ASSIGN(Network network, Network::create(config.ctgan, layout));
  if (config.batch_size % config.ctgan.pac != 0) {
    return fail(Errc::kInvalidArgument,
                "model.pac: " + std::to_string(config.ctgan.pac) +
                    " does not divide local.batchSize " + std::to_string(config.batch_size));
  }
  GENESIS_ASSIGN(TrainingRows rows, TrainingRows::create(network, layout, std::move(table)));
  return Trainer(std::make_unique<Impl>(config, std::move(network), std::move(rows)));
}

Result<TrainResult> Trainer::train(const Tensors& global, RoundId round, double learning_rate) {
  GENESIS_RETURN_IF_ERROR(check_tensors(impl_->network.specs, global));
  if (!std::isfinite(learning_rate) || learning_rate < 0.0) {
    return fail(Errc::kInvalidArgument, "local.learningRate: must be finite and not negative");
  }
  try {
    auto result = impl_->train(global, round, learning_rate);
    if (!result) {
      return fail(Errc::kUnavailable, "stopped before the training was over");
    }
    if (!std::isfinite(result->metrics.update_norm)) {
      impl_->forget_moments();  // they are no longer finite either
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
  const Network& network = impl_->network;
  const auto& generator = impl_->generator_moments;
  const auto& discriminator = impl_->discriminator_moments;
  Tensors state;
  state.specs = optimizer_specs(network);
  std::vector<float> whole(element_count(network.specs));
  for (const auto moment : {&Moments::first, &Moments::second}) {
    const Weights weights{
        generator.*moment, discriminator.*moment, std::vector<float>(network.statistics_size)};
    store(network, weights, whole);
    const float* values = whole.data();
    for (const auto& placement : network.placements) {
      if (placement.area != Placement::Area::kStatistics) {
        state.values.insert(state.values.end(), values, values + placement.count);
      }
      values += placement.count;
    }
  }
  // Counts stop at 2^24, where the bias corrections have long been 1.
  for (const auto steps : {generator.steps, discriminator.steps}) {
    state.values.push_back(std::min(static_cast<float>(steps), kMaxSteps));
  }
  return state;
}

Status Trainer::restore_optimizer_state(const Tensors& state) {
  const Network& network = impl_->network;
  GENESIS_RETURN_IF_ERROR(check_tensors(optimizer_specs(network), state));
  const float* steps = state.values.data() + state.values.size() - 2;
  for (const float count : {steps[0], steps[1]}) {
    if (count < 0.0F || count > kMaxSteps || count != std::floor(count)) {
      return fail(Errc::kInvalidArgument, "[model] adam.steps: not a count");
    }
  }
  std::array<Weights, 2> moments;  // nothing changes unless both are right
  const float* values = state.values.data();
  for (auto& moment : moments) {
    std::vector<float> whole;
    for (const auto& placement : network.placements) {
      if (placement.area == Placement::Area::kStatistics) {
        whole.resize(whole.size() + placement.count);
      } else {
        whole.insert(whole.end(), values, values + placement.count);
        values += placement.count;
      }
    }
    load(network, whole, moment);
  }
  for (const auto* second : {&moments[1].generator, &moments[1].discriminator}) {
    if (std::ranges::any_of(*second, [](float v) { return v < 0.0F; })) {
      return fail(Errc::kInvalidArgument, "[model] adam.v: a second moment is negative");
    }
  }
  impl_->generator_moments = {std::move(moments[0].generator),
                              std::move(moments[1].generator),
                              static_cast<std::uint64_t>(steps[0])};
  impl_->discriminator_moments = {std::move(moments[0].discriminator),
                                  std::move(moments[1].discriminator),
                                  static_cast<std::uint64_t>(steps[1])};
  return {};
}

}  // namespace genesis::model
