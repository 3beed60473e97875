#include "common/autoregressive/site.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/exchange.hpp"
#include "common/autoregressive/settings.hpp"
#include "common/autoregressive/trainer.hpp"
#include "common/base/rng.hpp"
#include "common/method/agreement.hpp"
#include "common/method/learning_rate.hpp"
#include "common/method/table_reading.hpp"
#include "common/tabular/category_text.hpp"
#include "common/tabular/fits.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::autoregressive {
namespace {

class Site final : public method::SiteMethod {
 public:
  Site(method::SiteSetup setup, Settings settings)
      : setup_(std::move(setup)),
        settings_(std::move(settings)),
        sketch_(tabular::sketch(setup_.table, setup_.policy)),
        introduction_(method::sketch_text(sketch_)),
        rows_(setup_.table.rows) {}

  const std::string& introduction() const override { return introduction_; }
  std::uint64_t rows() const override { return rows_; }

  Result<method::Answer> answer(const method::Assignment& assignment,
                                method::Documents& documents) override {
    if (assignment.purpose == method::kSummaries) {
      return trainer_
                 ? fail(Errc::kFailedPrecondition,
                        "the server has begun the training anew; start this client again")
                 : method::count_rows(setup_.table,
                                      {setup_.policy, method::declarations(setup_.training.table)},
                                      documents);
    }
    if (assignment.purpose == kUpdates) {
      return update(assignment, documents);
    }
    return fail(Errc::kInvalidArgument,
                "asked for \"" + assignment.purpose + "\", which this version does not answer");
  }

  Tensors state() const override { return trainer_ ? trainer_->optimizer_state() : Tensors{}; }
  void restore(Tensors state) override {
    if (state.values.empty() && trainer_) {  // as it was at the start: moments of 0
      state = trainer_->optimizer_state();
      std::ranges::fill(state.values, 0.0F);
    }
    restored_ = std::move(state);
  }
  std::span<const method::TelemetryName> telemetry() const override { return kTelemetry; }

 private:
  [[nodiscard]] Result<method::Answer> update(const method::Assignment& assignment,
                                              method::Documents& documents);
  /// Encodes the rows and lets go of the table.
  [[nodiscard]] Status prepare(method::Documents& documents);

  method::SiteSetup setup_;  // its table is empty once there is a trainer
  Settings settings_;
  tabular::Sketch sketch_;
  std::string introduction_;
  std::uint64_t rows_;
  std::optional<Trainer> trainer_;
  std::vector<std::string> notes_;  // of the encoding, until the next answer takes them
  Tensors restored_;                // Adam's moments, until the trainer takes them; empty: none
};

Status Site::prepare(method::Documents& documents) {
  GENESIS_ASSIGN(const std::string text, documents.fetch(method::kEncoderDocument));
  GENESIS_ASSIGN(const auto discretizer, Discretizer::parse(text));
  const auto& training = setup_.training;
  const auto& client = setup_.client.str();
  GENESIS_ASSIGN(
      auto coded,
      discretizer.encode(setup_.table, Rng(training.seed, RoundId{0}, client, "encode")));
  notes_ = tabular::moved_columns(setup_.table, sketch_, discretizer.encoder());
  setup_.table = {};
  TrainingConfig config;
  GENESIS_ASSIGN(config.order, order_of(discretizer.names(), settings_.target));
  config.site_logits = site_logits(coded, discretizer.shares());
  config.ordered = settings_.ordered;
  config.batch_size = training.local.batch_size;
  config.epochs = training.local.epochs;
  config.rules = {training.aggregation.proximal_mu,
                  training.privacy.max_grad_norm,
                  training.privacy.clip_per_layer};
  config.seed = training.seed;
  config.client = client;
  if (setup_.on_step) {
    config.on_step = [this](double seconds, bool ends_epoch) {
      setup_.on_step({seconds, ends_epoch});
    };
  }
  GENESIS_ASSIGN(
      auto trainer,
      Trainer::create(
          std::move(config), shape_of(settings_, discretizer.codes()), std::move(coded)));
  trainer_.emplace(std::move(trainer));
  return {};
}

Result<method::Answer> Site::update(const method::Assignment& assignment,
                                    method::Documents& documents) {
  if (!trainer_) {
    GENESIS_RETURN_IF_ERROR(prepare(documents));
  }
  if (!restored_.values.empty()) {
    GENESIS_RETURN_IF_ERROR(trainer_->restore_optimizer_state(restored_));
    restored_ = {};
  }
  GENESIS_ASSIGN(const double learning_rate, method::learning_rate_of(assignment, setup_));
  GENESIS_ASSIGN(const std::string bytes, documents.fetch(kParameters));
  GENESIS_ASSIGN(const auto global, wire::decode_safetensors(bytes));
  GENESIS_ASSIGN(auto trained, trainer_->train(global.tensors, assignment.round, learning_rate));
  Tensors delta = std::move(trained.parameters);
  for (std::size_t i = 0; i < delta.values.size(); ++i) {
    delta.values[i] -= global.tensors.values[i];
  }
  const auto steps = static_cast<double>(trained.steps);
  return method::Answer{std::move(delta),
                        {{kTrainingLoss, trained.loss},
                         {kUpdateNorm, trained.update_norm},
                         {kStepSeconds, trained.seconds / std::max(1.0, steps)},
                         {kTrainSeconds, trained.seconds},
                         {kSteps, steps}},
                        std::exchange(notes_, {})};
}

}  // namespace

Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup) {
  GENESIS_RETURN_IF_ERROR(tabular::check_category_texts(setup.table));
  GENESIS_ASSIGN(auto settings, settings_of(setup.training.model));
  return std::make_unique<Site>(std::move(setup), std::move(settings));
}

}  // namespace genesis::autoregressive
