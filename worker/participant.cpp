#include "worker/participant.hpp"

#include "common/base/rng.hpp"
#include "common/federation/spec_views.hpp"

namespace genesis::worker {

Participant::Participant(ClientId client,
                         spec::FederatedTraining training,
                         tabular::Table table,
                         double learning_rate_scale)
    : client_(std::move(client)),
      training_(std::move(training)),
      learning_rate_scale_(learning_rate_scale),
      table_(std::move(table)),
      sketch_(tabular::sketch(table_)),
      rows_(table_.rows) {}

Result<Participant> Participant::create(ClientId client,
                                        const std::filesystem::path& data,
                                        const spec::FederatedTraining& training,
                                        std::span<const std::string> discrete_columns,
                                        double learning_rate_scale) {
  auto discrete = training.table.discrete_columns;
  discrete.insert(discrete.end(), discrete_columns.begin(), discrete_columns.end());
  GENESIS_ASSIGN(auto table,
                 tabular::read_csv(data, federation::declarations(training.table), discrete));
  return Participant(std::move(client), training, std::move(table), learning_rate_scale);
}

Result<tabular::Summary> Participant::summarize(const tabular::Plan& plan) const {
  return tabular::summarize(table_, plan);
}

Status Participant::prepare(const tabular::Encoder& encoder) {
  GENESIS_ASSIGN(auto encoded,
                 encoder.encode(table_, Rng(training_.seed, RoundId{0}, client_.str(), "encode")));
  table_ = {};
  model::TrainingConfig config;
  config.ctgan = federation::ctgan_config(training_.model);
  config.batch_size = training_.local.batch_size;
  config.epochs = training_.local.epochs;
  config.proximal_mu = training_.aggregation.proximal_mu;
  config.max_grad_norm = training_.privacy.max_grad_norm;
  config.clip_per_layer = training_.privacy.clip_per_layer;
  config.seed = training_.seed;
  config.client = client_.str();
  GENESIS_ASSIGN(auto trainer,
                 model::Trainer::create(config, encoder.layout(), std::move(encoded)));
  trainer_.emplace(std::move(trainer));
  return {};
}

Result<wire::Update> Participant::train(const std::string& run,
                                        const wire::Train& task,
                                        const Tensors& global) {
  if (last_update_ && last_update_->metadata.round == task.round) {
    return *last_update_;
  }
  if (!trainer_) {
    return fail(Errc::kFailedPrecondition, "train: the rows are not encoded yet");
  }
  GENESIS_ASSIGN(auto trained,
                 trainer_->train(global, task.round, task.learning_rate * learning_rate_scale_));
  wire::Update update{wire::UpdateMetadata{.run = run,
                                           .round = task.round,
                                           .client = client_,
                                           .rows = rows_,
                                           .generator_loss = trained.metrics.generator_loss,
                                           .discriminator_loss = trained.metrics.discriminator_loss,
                                           .update_norm = trained.metrics.update_norm,
                                           .step_seconds = trained.metrics.step_seconds,
                                           .steps = trained.metrics.steps},
                      std::move(trained.parameters)};
  for (std::size_t i = 0; i < update.delta.values.size(); ++i) {
    update.delta.values[i] -= global.values[i];
  }
  last_update_ = update;
  return update;
}

}  // namespace genesis::worker
