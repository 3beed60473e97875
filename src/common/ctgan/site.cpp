#include "common/ctgan/site.hpp"

#include <utility>

#include "common/autoregressive/private_plan.hpp"
#include "common/autoregressive/private_site.hpp"
#include "common/base/rng.hpp"
#include "common/ctgan/codes.hpp"
#include "common/ctgan/exchange.hpp"
#include "common/ctgan/settings.hpp"
#include "common/method/rounds_site.hpp"
#include "common/model/ctgan.hpp"
#include "common/model/private_trainer.hpp"
#include "common/tabular/fits.hpp"

namespace genesis::ctgan {
namespace {

// What both trainers take of the spec.
model::TrainingConfig config_of(const method::SiteSetup& setup, const model::CtganConfig& ctgan) {
  const auto& training = setup.training;
  model::TrainingConfig config;
  config.ctgan = ctgan;
  config.batch_size = training.local.batch_size;
  config.proximal_mu = training.aggregation.proximal_mu;
  config.seed = training.seed;
  config.client = setup.client.str();
  config.stop = setup.stop;
  if (setup.on_step) {
    config.on_step = [tell = setup.on_step](const model::StepReport& step) {
      tell({step.seconds, step.ends_epoch});
    };
  }
  return config;
}

struct Network {
  using Trainer = model::Trainer;

  model::CtganConfig ctgan;

  [[nodiscard]] Result<Trainer> trainer(const method::SiteSetup& setup,
                                        const tabular::Sketch& sketch,
                                        std::string_view text,
                                        std::vector<std::string>& notes) const {
    GENESIS_ASSIGN(const auto encoder, method::parse_encoder(text));
    const auto& training = setup.training;
    GENESIS_ASSIGN(
        auto rows,
        encoder.encode(setup.table, Rng(training.seed, RoundId{0}, setup.client.str(), "encode")));
    notes = tabular::moved_columns(setup.table, sketch, encoder);
    auto config = config_of(setup, ctgan);
    config.epochs = training.local.epochs;
    config.max_grad_norm = training.privacy.max_grad_norm;
    config.clip_per_layer = training.privacy.clip_per_layer;
    return model::Trainer::create(config, encoder.layout(), std::move(rows));
  }

  [[nodiscard]] static rounds::Telemetry telemetry_of(const model::TrainResult& trained) {
    const auto& metrics = trained.metrics;
    const auto steps = static_cast<double>(metrics.steps);
    return {{kGeneratorLoss, metrics.generator_loss},
            {kDiscriminatorLoss, metrics.discriminator_loss},
            {method::kUpdateNorm, metrics.update_norm},
            {method::kStepSeconds, metrics.step_seconds},
            {method::kTrainSeconds, metrics.step_seconds * steps},
            {method::kSteps, steps}};
  }
  [[nodiscard]] static std::span<const method::TelemetryName> telemetry() { return kTelemetry; }
};

// Under differential privacy.
struct PrivateNetwork {
  using Trainer = model::PrivateTrainer;

  model::CtganConfig ctgan;

  [[nodiscard]] Result<std::vector<TensorSpec>> specs(
      const autoregressive::Discretizer& discretizer) const {
    return model::parameter_specs(ctgan, layout_of(discretizer));
  }
  [[nodiscard]] Result<Trainer> trainer(const method::SiteSetup& setup,
                                        const autoregressive::Discretizer& discretizer,
                                        autoregressive::CodedTable rows) const {
    GENESIS_ASSIGN(const auto declared,
                   autoregressive::declared_rows(setup.training, setup.client.str()));
    auto config = config_of(setup, ctgan);
    return Trainer::create(std::move(config),
                           layout_of(discretizer),
                           encoded(std::move(rows)),
                           static_cast<double>(declared));
  }
};

}  // namespace

Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup) {
  GENESIS_ASSIGN(auto config, settings_of(setup.training.model));
  if (setup.training.privacy.differential_privacy) {
    GENESIS_RETURN_IF_ERROR(model::check_private(config));
    return autoregressive::make_private_site(std::move(setup), PrivateNetwork{std::move(config)});
  }
  return method::RoundsSite<Network>::create(std::move(setup), Network{std::move(config)});
}

}  // namespace genesis::ctgan
