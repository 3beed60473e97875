// Local training of one site: one discriminator step and one generator step per batch.
#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/clock.hpp"
#include "common/model/ctgan.hpp"
#include "common/model/discriminator.hpp"
#include "common/model/generator_training.hpp"
#include "common/model/kernels.hpp"
#include "common/model/network.hpp"
#include "common/model/noise.hpp"
#include "common/model/optimizer.hpp"
#include "common/model/training_rows.hpp"
#include "common/model/training_state.hpp"

namespace genesis::model {
namespace {

// The random streams of one call of train(), each named by what it is for.
struct Streams {
  Streams(std::uint64_t seed, RoundId round, const std::string& client)
      : rows(seed, round, client, "training rows"),
        generator(seed, round, client),
        dropout(Rng(seed, round, client, "dropout")),
        share(Rng(seed, round, client, "interpolation")) {}
  Rng rows;
  GeneratorNoise generator;
  NoiseStream dropout, share;
};

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
        discriminator_extents(extents_of(network, Placement::Area::kDiscriminator)),
        rules{config.proximal_mu, config.max_grad_norm, config.clip_per_layer},
        state(TrainingState::of(network)),
        discriminator_gradient(network.discriminator_size),
        dropout(discriminator.dropout_size()),
        share(groups),
        condition(batch),
        shuffled(batch),
        drawn(batch) {}
  Impl(const Impl&) = delete;  // generator and discriminator point to network
  Impl& operator=(const Impl&) = delete;

  double discriminator_step(Streams& streams, double learning_rate) {
    rows.draw_conditions(streams.rows, condition);
    // Real rows meet the same conditions, shuffled: a fake and a real row of one place differ.
    shuffled = condition;
    for (std::size_t i = batch - 1; i > 0; --i) {
      std::swap(shuffled[i], shuffled[streams.rows.below(i + 1)]);
    }
    rows.draw_rows(streams.rows, shuffled, drawn);
    rows.gather(drawn, real);
    generator.generate(streams.generator, condition, weights);
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
         state.discriminator,
         weights.discriminator);
    return losses.total();
  }

  double generator_step(Streams& streams, double learning_rate) {
    rows.draw_conditions(streams.rows, condition);
    const auto input = generator.generate(streams.generator, condition, weights);
    const std::span<float> mask(dropout.data(), discriminator.dropout_size() / 3);
    streams.dropout.dropout(mask);
    return generator.step({.learning_rate = learning_rate,
                           .rules = rules,
                           .anchor = anchor.generator,
                           .dropout = mask},
                          input,
                          discriminator,
                          state.generator,
                          weights);
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
    result.metrics.update_norm = distance(result.parameters.values, global.values);
    return result;
  }

  TrainingConfig config;
  Network network;
  TrainingRows rows;
  std::size_t batch, groups;
  GeneratorTraining generator;
  Discriminator discriminator;
  std::vector<Extent> discriminator_extents;
  GradientRules rules;
  TrainingState state;
  Weights weights, anchor;

  // Buffers of a step.
  std::vector<float> discriminator_gradient, dropout, share;
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
  return judged(impl_->network, impl_->state, learning_rate, [&] {
    return impl_->train(global, round, learning_rate);
  });
}

Tensors Trainer::optimizer_state() const {
  return impl_->state.tensors(impl_->network);
}

Status Trainer::restore_optimizer_state(const Tensors& state) {
  GENESIS_ASSIGN(impl_->state, TrainingState::parse(impl_->network, state));
  return {};
}

}  // namespace genesis::model
