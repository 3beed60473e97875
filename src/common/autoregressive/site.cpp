#include "common/autoregressive/site.hpp"

#include <algorithm>
#include <utility>

#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/exchange.hpp"
#include "common/autoregressive/private_site.hpp"
#include "common/autoregressive/settings.hpp"
#include "common/autoregressive/trainer.hpp"
#include "common/base/rng.hpp"
#include "common/method/rounds_site.hpp"
#include "common/tabular/fits.hpp"

namespace genesis::autoregressive {
namespace {

struct Network {
  using Trainer = autoregressive::Trainer;

  Settings settings;
  bool has_holdout = false;  // rows are kept out of training

  [[nodiscard]] Result<Trainer> trainer(const method::SiteSetup& setup,
                                        const tabular::Sketch& sketch,
                                        std::string_view text,
                                        std::vector<std::string>& notes) const {
    GENESIS_ASSIGN(const auto discretizer, Discretizer::parse(text));
    const auto& training = setup.training;
    const auto& client = setup.client.str();
    GENESIS_ASSIGN(
        auto coded,
        discretizer.encode(setup.table, Rng(training.seed, RoundId{0}, client, "encode")));
    notes = tabular::moved_columns(setup.table, sketch, discretizer.encoder());
    TrainingConfig config;
    GENESIS_ASSIGN(config.order, order_of(discretizer.names(), settings.target));
    config.site_logits = site_logits(coded, discretizer.shares());
    config.ordered = settings.ordered;
    if (training.rounds.stop_condition) {
      config.holdout_share = training.rounds.stop_condition->holdout_share;
    }
    config.batch_size = training.local.batch_size;
    config.epochs = training.local.epochs;
    config.rules = {training.aggregation.proximal_mu,
                    training.privacy.max_grad_norm,
                    training.privacy.clip_per_layer};
    config.seed = training.seed;
    config.client = client;
    config.stop = setup.stop;
    if (setup.on_step) {
      config.on_step = [tell = setup.on_step](double seconds, bool ends_epoch) {
        tell({seconds, ends_epoch});
      };
    }
    return Trainer::create(
        std::move(config), shape_of(settings, discretizer.codes()), std::move(coded));
  }

  [[nodiscard]] static rounds::Telemetry telemetry_of(const TrainResult& trained) {
    const auto steps = static_cast<double>(trained.steps);
    rounds::Telemetry told{{kTrainingLoss, trained.loss},
                           {method::kUpdateNorm, trained.update_norm},
                           {method::kStepSeconds, trained.seconds / std::max(1.0, steps)},
                           {method::kTrainSeconds, trained.seconds},
                           {method::kSteps, steps}};
    if (trained.holdout_loss) {
      told[method::kHoldoutLoss] = *trained.holdout_loss;
    }
    return told;
  }
  [[nodiscard]] std::span<const method::TelemetryName> telemetry() const {
    return site_telemetry(has_holdout);
  }
};

// Under differential privacy. What only the site's own rows say is not used: its shares of codes.
struct PrivateNetwork {
  using Trainer = autoregressive::Trainer;

  Settings settings;

  [[nodiscard]] Result<std::vector<TensorSpec>> specs(const Discretizer& discretizer) const {
    return parameter_specs(shape_of(settings, discretizer.codes()));
  }
  [[nodiscard]] Result<Trainer> trainer(const method::SiteSetup& setup,
                                        const Discretizer& discretizer,
                                        CodedTable coded) const {
    const auto& training = setup.training;
    TrainingConfig config;
    GENESIS_ASSIGN(config.order, order_of(discretizer.names(), settings.target));
    for (const auto codes : discretizer.codes()) {
      config.site_logits.emplace_back(codes, 0.0F);
    }
    config.ordered = settings.ordered;
    config.batch_size = training.local.batch_size;
    config.rules.proximal_mu = training.aggregation.proximal_mu;
    config.seed = training.seed;
    config.client = setup.client.str();
    config.stop = setup.stop;
    if (setup.on_step) {
      config.on_step = [tell = setup.on_step](double seconds, bool ends_epoch) {
        tell({seconds, ends_epoch});
      };
    }
    return Trainer::create_private(
        std::move(config), shape_of(settings, discretizer.codes()), std::move(coded));
  }
};

}  // namespace

Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup) {
  GENESIS_ASSIGN(auto settings, settings_of(setup.training.model));
  if (setup.training.privacy.differential_privacy) {
    return make_private_site(std::move(setup), PrivateNetwork{std::move(settings)});
  }
  const bool has_holdout = setup.training.rounds.stop_condition.has_value();
  return method::RoundsSite<Network>::create(std::move(setup),
                                             Network{std::move(settings), has_holdout});
}

}  // namespace genesis::autoregressive
