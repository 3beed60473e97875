#include "common/ctgan/site.hpp"

#include <utility>

#include "common/base/rng.hpp"
#include "common/ctgan/exchange.hpp"
#include "common/ctgan/settings.hpp"
#include "common/method/rounds_site.hpp"
#include "common/model/ctgan.hpp"
#include "common/tabular/fits.hpp"

namespace genesis::ctgan {
namespace {

struct Network {
  using Trainer = model::Trainer;

  model::CtganConfig ctgan;

  [[nodiscard]] Result<Trainer> trainer(const method::SiteSetup& setup,
                                        const tabular::Sketch& sketch,
                                        std::string_view text,
                                        std::vector<std::string>& notes) const {
    GENESIS_ASSIGN(const auto encoder, method::parse_encoder(text));
    const auto& training = setup.training;
    const auto& client = setup.client.str();
    GENESIS_ASSIGN(auto encoded,
                   encoder.encode(setup.table, Rng(training.seed, RoundId{0}, client, "encode")));
    notes = tabular::moved_columns(setup.table, sketch, encoder);
    model::TrainingConfig config;
    config.ctgan = ctgan;
    config.batch_size = training.local.batch_size;
    config.epochs = training.local.epochs;
    config.proximal_mu = training.aggregation.proximal_mu;
    config.max_grad_norm = training.privacy.max_grad_norm;
    config.clip_per_layer = training.privacy.clip_per_layer;
    config.seed = training.seed;
    config.client = client;
    config.stop = setup.stop;
    if (setup.on_step) {
      config.on_step = [tell = setup.on_step](const model::StepReport& step) {
        tell({step.seconds, step.ends_epoch});
      };
    }
    return model::Trainer::create(config, encoder.layout(), std::move(encoded));
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

}  // namespace

Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup) {
  GENESIS_ASSIGN(auto config, settings_of(setup.training.model));
  return method::RoundsSite<Network>::create(std::move(setup), Network{std::move(config)});
}

}  // namespace genesis::ctgan
