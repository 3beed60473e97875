#include "common/model/private_trainer.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/clock.hpp"
#include "common/model/discriminator.hpp"
#include "common/model/generator_training.hpp"
#include "common/model/network.hpp"
#include "common/model/optimizer.hpp"
#include "common/model/training_rows.hpp"
#include "common/model/training_state.hpp"
#include "common/privacy/gaussian_noise.hpp"

namespace genesis::model {
namespace {

Conditions conditions_of(const Network& network, const tabular::Layout& layout, double rows) {
  Conditions conditions;
  for (const auto& span : network.spans) {
    if (!span.conditional) {
      continue;
    }
    auto weights = layout.columns[span.column].frequencies;
    weights.resize(span.modes, 0.0);
    for (double& weight : weights) {
      weight = std::log1p(std::max(0.0, weight * rows));
    }
    if (std::ranges::all_of(weights, [](double weight) { return weight == 0.0; })) {
      std::ranges::fill(weights, 1.0);
    }
    conditions.add_column(span.condition_first, weights);
  }
  return conditions;
}

// Below `bound`, from 32 bits.
std::size_t below(std::size_t bound, std::uint64_t bits) {
  return static_cast<std::size_t>((bits & 0xffffffffU) * bound >> 32U);
}

bool is_finite(const std::vector<float>& values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

}  // namespace

struct PrivateTrainer::Impl {
  Impl(TrainingConfig training, Network shape, Conditions drawn_by, tabular::EncodedTable site)
      : config(std::move(training)),
        network(std::move(shape)),
        conditions(std::move(drawn_by)),
        table(std::move(site)),
        batch(static_cast<std::size_t>(config.batch_size)),
        generator(network, batch),
        discriminator(network, batch),
        discriminator_extents(extents_of(network, Placement::Area::kDiscriminator)),
        state(TrainingState::of(network)),
        gradient(network.discriminator_size),
        no_dropout(discriminator.dropout_size(), 1.0F),
        condition(batch),
        fakes(batch * network.width) {
    rules.proximal_mu = config.proximal_mu;  // rows are clipped each, not their sum
    for (const auto& span : network.spans) {
      if (span.conditional) {
        conditional.push_back(span);
      }
    }
  }
  Impl(const Impl&) = delete;  // generator and discriminator point to network
  Impl& operator=(const Impl&) = delete;

  // Adds to the gradient what `rows` bring. The generated rows are always `batch`, whatever number
  // of rows takes part, since their batch norms mix them; each row draws one of them, a share and a
  // column, from bits that nobody knows, so that another row more changes nothing in its part.
  void add_rows(std::span<const std::uint32_t> rows, double most, privacy::NoiseBits& bits) {
    const Matrix& generated = generator.rows();
    const std::size_t width = network.width;
    for (std::size_t first = 0; first < rows.size(); first += batch) {
      const auto some = rows.subspan(first, std::min(batch, rows.size() - first));
      gather(network.spans, table, some, real);
      words.resize(2 * some.size());
      bits.fill(words);
      share.resize(some.size());
      real_condition.resize(some.size());
      fake_condition.resize(some.size());
      for (std::size_t i = 0; i < some.size(); ++i) {
        const std::uint64_t one = words[2 * i];
        const std::uint64_t other = words[2 * i + 1];
        share[i] = static_cast<float>(one >> 40U) * 0x1p-24F;
        const std::size_t fake = below(batch, one);
        std::copy_n(generated.data + fake * width, width, fakes.data() + i * width);
        if (!conditional.empty()) {
          const Span& span = conditional[below(conditional.size(), other)];
          real_condition[i] = static_cast<std::uint32_t>(span.condition_first) +
                              table.columns[span.column].mode[some[i]];
          fake_condition[i] = condition[fake];
        }
      }
      discriminator.add_clipped({.weights = weights.discriminator,
                                 .real = &real,
                                 .real_condition = real_condition,
                                 .fake = {fakes.data(), some.size(), width, width},
                                 .fake_condition = fake_condition,
                                 .share = share,
                                 .dropout = no_dropout},
                                most,
                                gradient);
    }
  }

  void discriminator_step(Rng& conditions_rng,
                          GeneratorNoise& generator_noise,
                          double learning_rate,
                          const privacy::PrivateSteps& steps,
                          privacy::NoiseBits& bits) {
    conditions.draw(conditions_rng, condition);
    generator.generate(generator_noise, condition, weights);
    std::ranges::fill(gradient, 0.0F);
    add_rows(privacy::sample_rows(bits, table.rows, steps.sampling), steps.max_grad_norm, bits);
    privacy::GaussianNoise noise(bits);
    noise.add(steps.multiplier * steps.max_grad_norm, gradient);
    const auto of_one = static_cast<float>(1.0 / static_cast<double>(config.batch_size));
    for (float& value : gradient) {
      value *= of_one;
    }
    step({.learning_rate = learning_rate, .weight_decay = 0.0},
         rules,
         discriminator_extents,
         anchor.discriminator,
         gradient,
         state.discriminator,
         weights.discriminator);
  }

  void generator_step(Rng& conditions_rng, GeneratorNoise& noise, double learning_rate) {
    conditions.draw(conditions_rng, condition);
    const auto input = generator.generate(noise, condition, weights);
    generator.step({.learning_rate = learning_rate,
                    .rules = rules,
                    .anchor = anchor.generator,
                    .dropout = std::span(no_dropout).first(discriminator.dropout_size() / 3)},
                   input,
                   discriminator,
                   state.generator,
                   weights);
  }

  [[nodiscard]] bool is_sound() const {
    return is_finite(weights.generator) && is_finite(weights.discriminator) &&
           is_finite(weights.statistics);
  }

  // Nothing once it is told to stop.
  std::optional<TrainResult> train(const Tensors& global,
                                   RoundId round,
                                   double learning_rate,
                                   const privacy::PrivateSteps& steps,
                                   privacy::NoiseBits& bits) {
    load(network, global.values, weights);
    anchor = weights;
    Rng conditions_rng(config.seed, round, config.client, "conditions");
    GeneratorNoise generator_noise(config.seed, round, config.client);
    TrainResult result;
    const Elapsed elapsed;
    double step_start = 0.0;
    // With a weight that is not finite a single row could spoil the whole sum, which no clipping
    // bounds: such a training ends, as its weights say, which have noise.
    std::uint64_t taken = 0;
    for (; taken < steps.steps && is_sound(); ++taken) {
      if (config.stop.stop_requested()) {
        return std::nullopt;
      }
      discriminator_step(conditions_rng, generator_noise, learning_rate, steps, bits);
      if (state.discriminator.steps % kDiscriminatorSteps == 0) {
        generator_step(conditions_rng, generator_noise, learning_rate);
      }
      if (config.on_step) {
        const double now = elapsed.seconds();
        config.on_step({.seconds = now - step_start, .ends_epoch = taken + 1 == steps.steps});
        step_start = now;
      }
    }
    result.metrics.steps = taken;
    result.parameters = {network.specs, std::vector<float>(global.values.size())};
    store(network, weights, result.parameters.values);
    result.metrics.update_norm = distance(result.parameters.values, global.values);
    return result;
  }

  TrainingConfig config;
  Network network;
  Conditions conditions;
  tabular::EncodedTable table;
  std::size_t batch;
  GeneratorTraining generator;
  Discriminator discriminator;
  std::vector<Span> conditional;
  std::vector<Extent> discriminator_extents;
  GradientRules rules;
  TrainingState state;
  Weights weights, anchor;

  // Buffers of a step.
  std::vector<float> gradient, no_dropout, share;
  std::vector<std::uint32_t> condition, real_condition, fake_condition;
  std::vector<float> fakes;
  std::vector<std::uint64_t> words;
  RealRows real;
};

PrivateTrainer::PrivateTrainer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PrivateTrainer::PrivateTrainer(PrivateTrainer&&) noexcept = default;
PrivateTrainer& PrivateTrainer::operator=(PrivateTrainer&&) noexcept = default;
PrivateTrainer::~PrivateTrainer() = default;

Result<PrivateTrainer> PrivateTrainer::create(const TrainingConfig& config,
                                              const tabular::Layout& layout,
                                              tabular::EncodedTable table,
                                              double rows) {
  if (config.batch_size < 1) {
    return fail(Errc::kInvalidArgument,
                "local.batchSize: " + std::to_string(config.batch_size) + " must be positive");
  }
  GENESIS_RETURN_IF_ERROR(check_private(config.ctgan));
  GENESIS_ASSIGN(Network network, Network::create(config.ctgan, layout));
  GENESIS_RETURN_IF_ERROR(check_table(layout, table));
  auto conditions = conditions_of(network, layout, rows);
  return PrivateTrainer(
      std::make_unique<Impl>(config, std::move(network), std::move(conditions), std::move(table)));
}

Result<TrainResult> PrivateTrainer::train_privately(const Tensors& global,
                                                    RoundId round,
                                                    double learning_rate,
                                                    const privacy::PrivateSteps& steps,
                                                    privacy::NoiseBits& bits) {
  GENESIS_RETURN_IF_ERROR(check(global));
  return judged(impl_->network, impl_->state, learning_rate, [&] {
    return impl_->train(global, round, learning_rate, steps, bits);
  });
}

Status PrivateTrainer::check(const Tensors& global) const {
  return check_tensors(impl_->network.specs, global);
}

Tensors PrivateTrainer::optimizer_state() const {
  return impl_->state.tensors(impl_->network);
}

Status PrivateTrainer::restore_optimizer_state(const Tensors& state) {
  GENESIS_ASSIGN(impl_->state, TrainingState::parse(impl_->network, state));
  return {};
}

}  // namespace genesis::model
