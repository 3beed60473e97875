#include "worker/participant.hpp"

#include <algorithm>
#include <functional>

#include <spdlog/spdlog.h>

#include "common/base/rng.hpp"
#include "common/federation/spec_views.hpp"
#include "common/tabular/fits.hpp"
#include "common/wire/quantization.hpp"
#include "common/wire/safetensors.hpp"

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
  auto reading = federation::table_reading(training, client.str());
  reading.discrete_columns.insert(
      reading.discrete_columns.end(), discrete_columns.begin(), discrete_columns.end());
  GENESIS_ASSIGN(auto table, tabular::read_csv(data, reading.options()));
  return Participant(std::move(client), training, std::move(table), learning_rate_scale);
}

Participant Participant::of_table(ClientId client,
                                  const spec::FederatedTraining& training,
                                  tabular::Table table) {
  return Participant(std::move(client), training, std::move(table), 1.0);
}

Result<tabular::Summary> Participant::summarize(const tabular::Plan& plan) const {
  return tabular::summarize(table_, plan);
}

Status Participant::prepare(const tabular::Encoder& encoder) {
  GENESIS_ASSIGN(auto encoded,
                 encoder.encode(table_, Rng(training_.seed, RoundId{0}, client_.str(), "encode")));
  for (const auto& moved : tabular::moved_columns(sketch_, encoder)) {
    spdlog::warn("client={} {}", client_.str(), moved);
  }
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
  config.on_step = on_step_;
  GENESIS_ASSIGN(auto trainer,
                 model::Trainer::create(config, encoder.layout(), std::move(encoded)));
  trainer_.emplace(std::move(trainer));
  return {};
}

Result<wire::Update> Participant::train(const std::string& run,
                                        const wire::Train& task,
                                        const Tensors& global) {
  return train(run, task, [&global] { return Result<Tensors>(global); });
}

Result<wire::Update> Participant::train(const std::string& run,
                                        const wire::Train& task,
                                        const GlobalParameters& ask_for_global) {
  if (!trainer_) {
    return fail(Errc::kFailedPrecondition, "train: the rows are not encoded yet");
  }
  const bool goes_forward = last_update_ && last_update_->metadata.round < task.round;
  if (!goes_forward) {
    GENESIS_RETURN_IF_ERROR(go_back_to(run, task.round));
  }
  if (last_update_ && last_update_->metadata.round == task.round) {
    return *last_update_;
  }
  GENESIS_ASSIGN(const Tensors global, ask_for_global());
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
  GENESIS_ASSIGN(update.delta, quantize(std::move(update.delta), task.round));
  last_update_ = std::move(update);
  save();
  return *last_update_;
}

Result<Tensors> Participant::quantize(Tensors delta, RoundId round) {
  const auto quantization = federation::quantization(training_.communication.quantization);
  if (quantization == wire::Quantization::kNone) {
    return delta;
  }
  if (auto finite = wire::check_finite(delta); !finite) {
    return tl::unexpected(finite.error().within("round " + std::to_string(round.value) +
                                                ": the local training diverged"));
  }
  if (residual_.values.size() == delta.values.size()) {
    std::ranges::transform(
        delta.values, residual_.values, delta.values.begin(), std::plus<float>());
  }
  auto sent = wire::quantized(delta, quantization);
  residual_.specs = delta.specs;
  residual_.values.resize(delta.values.size());
  std::ranges::transform(delta.values, sent.values, residual_.values.begin(), std::minus<float>());
  return sent;
}

Status Participant::go_back_to(const std::string& run, RoundId round) {
  if (!files_) {
    return {};
  }
  for (const auto saved : files_->rounds()) {
    const auto name = files_->path(saved).string();
    auto bytes = files_->read(saved);
    auto state = bytes ? wire::decode_worker_state(*bytes, name)
                       : Result<wire::WorkerState>(tl::unexpected(bytes.error()));
    if (!state) {
      spdlog::warn("state set aside, the one before it is used: {}", state.error().message);
      files_->set_aside(saved);
      continue;
    }
    if (state->update.metadata.run != run || saved > round) {
      files_->remove(saved);  // of another run, or of a future that the server has lost
      continue;
    }
    GENESIS_RETURN_IF_ERROR(trainer_->restore_optimizer_state(state->optimizer));
    last_update_ = std::move(state->update);
    residual_ = std::move(state->residual);
    spdlog::info("resume client={} after-round={}", client_.str(), saved.value);
    return {};
  }
  if (round.value > 1) {
    spdlog::warn("client={} has no state of earlier rounds: the optimizer starts anew",
                 client_.str());
  }
  return {};
}

void Participant::save() {
  if (!files_) {
    return;
  }
  const auto saved = files_->save(
      last_update_->metadata.round,
      wire::encode(wire::WorkerState{*last_update_, trainer_->optimizer_state(), residual_}));
  if (!saved) {
    spdlog::error("state not saved, the training goes on without it: {}", saved.error().message);
  } else if (on_saved_) {
    const auto round = last_update_->metadata.round;
    on_saved_(round, files_->path(round));
  }
}

}  // namespace genesis::worker
