#include "aggregator/coordinator.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "aggregator/metrics.hpp"
#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/spec_views.hpp"
#include "common/model/parameters.hpp"
#include "common/spec/parse.hpp"
#include "common/tabular/look_alikes.hpp"
#include "common/wire/model_file.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::aggregator {
namespace {

std::string_view strategy_name(spec::Strategy strategy) {
  switch (strategy) {
    case spec::Strategy::kFedavg:
      return "fedavg";
    case spec::Strategy::kWeighted:
      return "weighted";
    case spec::Strategy::kFedprox:
      return "fedprox";
    case spec::Strategy::kMedian:
      return "median";
  }
  return "weighted";
}

std::string round_text(RoundId round) {
  return std::to_string(round.value);
}

}  // namespace

rounds::Config round_config(const spec::FederatedTraining& training) {
  rounds::Config config;
  config.seed = training.seed;
  config.total_rounds = static_cast<std::uint32_t>(training.rounds.count);
  config.min_clients = static_cast<std::size_t>(training.rounds.min_clients);
  config.max_clients = static_cast<std::size_t>(training.rounds.max_clients);
  config.expected_clients = training.participants.empty()
                                ? config.min_clients
                                : std::min(training.participants.size(), config.max_clients);
  config.client_fraction = training.rounds.client_fraction;
  config.over_selection = training.rounds.over_selection;
  config.retries = static_cast<std::uint32_t>(training.rounds.retries);
  config.max_failures = static_cast<std::uint32_t>(training.rounds.max_failures);
  config.round_deadline = std::chrono::seconds(training.rounds.deadline_seconds);
  config.start_deadline = std::chrono::seconds(training.rounds.start_deadline_seconds);
  return config;
}

Coordinator::Coordinator(spec::FederatedTraining training, std::string run, Instant now)
    : training_(std::move(training)),
      run_(std::move(run)),
      config_(round_config(training_)),
      state_(rounds::start(config_, now)),
      started_(now) {}

Result<Coordinator> Coordinator::resume(spec::FederatedTraining training,
                                        wire::Checkpoint checkpoint,
                                        Instant now) {
  if (checkpoint.training_json != spec::print_json(training)) {
    return fail(
        Errc::kFailedPrecondition,
        "checkpoint of round " + round_text(checkpoint.round) +
            ": was made by another spec; restore that spec, or start anew in another folder");
  }
  GENESIS_ASSIGN(auto encoder, wire::decode_encoder(checkpoint.encoder_json));
  GENESIS_ASSIGN(
      auto specs,
      model::parameter_specs(federation::ctgan_config(training.model), encoder.layout()));
  GENESIS_RETURN_IF_ERROR(wire::check_matches(checkpoint.global, specs));
  GENESIS_RETURN_IF_ERROR(wire::check_finite(checkpoint.global));
  Coordinator coordinator(std::move(training), std::move(checkpoint.run), now);
  coordinator.encoder_json_ =
      std::make_shared<const std::string>(std::move(checkpoint.encoder_json));
  coordinator.global_ = std::move(checkpoint.global);
  std::map<ClientId, rounds::Member> members;
  for (auto& client : checkpoint.clients) {
    coordinator.sites_.emplace(client.client,
                               Site{client.rows, std::move(client.sketch_sha256), {}, {}, {}});
    rounds::Standing standing;
    standing.failures = client.failures;
    standing.times_set_aside = client.times_set_aside;
    standing.returns_in = client.returns_in;
    standing.reason = std::move(client.reason);
    members.emplace(client.client, rounds::Member{true, client.last_round, std::move(standing)});
  }
  coordinator.resumed_after_ = checkpoint.round;
  coordinator.rounds_started_ = now;
  auto next = rounds::resume(coordinator.config_, std::move(members), checkpoint.round, now);
  coordinator.state_ = std::move(next.state);
  for (const auto& effect : next.effects) {
    coordinator.perform(effect, now);
  }
  return coordinator;
}

bool Coordinator::is_over() const {
  return state_.phase == rounds::Phase::kComplete || state_.phase == rounds::Phase::kFailed;
}

void Coordinator::tick(Instant now) {
  if (metrics_ != nullptr) {
    metrics_->ticked();
  }
  apply(rounds::Tick{}, now);
}

void Coordinator::apply(const rounds::Event& event, Instant now) {
  auto next = rounds::step(config_, std::move(state_), event, now);
  state_ = std::move(next.state);
  for (const auto& effect : next.effects) {
    if (state_.phase == rounds::Phase::kFailed &&
        !std::holds_alternative<rounds::FailTraining>(effect)) {
      continue;  // an earlier effect of this step failed the training
    }
    const auto begun = std::chrono::steady_clock::now();
    perform(effect, now);
    if (metrics_ != nullptr) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      metrics_->performed(effect, state_, pending_update_, took.count(), now);
    }
  }
}

void Coordinator::measure(Metrics& metrics, Instant now) {
  metrics_ = &metrics;
  metrics.take_up(state_, now);
}

void Coordinator::perform(const rounds::Effect& effect, Instant now) {
  std::visit(
      Overloaded{
          [](const rounds::AdmitClient&) {},
          [&](const rounds::RefuseClient& e) {
            refusal_ =
                Error{Errc::kFailedPrecondition, "client " + e.client.str() + ": " + e.reason};
          },
          [&](const rounds::DeferClient& e) {
            refusal_ = Error{Errc::kUnavailable, "client " + e.client.str() + ": " + e.reason};
          },
          [&](const rounds::RequestSummaries&) { plan_summaries(); },
          [&](const rounds::AddSummary& e) {
            sites_.at(e.client).summary = pending_summary_->summary;
          },
          [&](const rounds::FitEncoder&) {
            rounds_started_ = now;
            fit_encoder();
          },
          [&](const rounds::OpenRound&) { open_round(); },
          [&](const rounds::FoldUpdate& e) {
            auto& site = sites_.at(e.client);
            if (auto folded = fold_->add(pending_update_->delta.values, site.rows); !folded) {
              fail_training("round " + round_text(state_.round) + ": the update of client " +
                            e.client.str() + " cannot be folded: " + folded.error().message);
              return;
            }
            site.last_update = pending_update_->metadata;
            if (observe_) {
              observe_(pending_update_->metadata);
            }
          },
          [](const rounds::IgnoreDuplicate&) {},
          [&](const rounds::RejectStale& e) {
            refusal_ = Error{Errc::kConflict,
                             "client " + e.client.str() + ": " + e.reason +
                                 "; the current round is " + round_text(e.current)};
          },
          [](const rounds::LoseClient& e) {
            spdlog::warn("client={} lost: {}", e.client.str(), e.reason);
          },
          [](const rounds::SetAsideClient& e) {
            spdlog::warn("client={} set aside: {}", e.client.str(), e.reason);
          },
          [](const rounds::TakeBackClient& e) {
            spdlog::info("client={} is back", e.client.str());
          },
          [&](const rounds::DrawReplacement& e) {
            spdlog::info("client={} drawn into round={}", e.client.str(), state_.round.value);
            ++version_;
          },
          [&](const rounds::CloseRound& e) { close_round(e.round); },
          [&](const rounds::ExtendRound& e) {
            spdlog::warn("round={} has no quorum: attempt {}", e.round.value, e.attempt);
            ++version_;
          },
          [&](const rounds::FinishTraining&) { finish(); },
          [&](const rounds::FailTraining& e) { fail_training(e.reason); },
      },
      effect);
}

std::vector<tabular::NamedSketch> Coordinator::named_sketches() const {
  std::vector<tabular::NamedSketch> sketches;
  for (const auto& [id, site] : sites_) {
    if (site.sketch) {
      sketches.push_back({id.str(), *site.sketch});
    }
  }
  return sketches;
}

void Coordinator::plan_summaries() {
  const auto sketches = named_sketches();
  auto agreed = tabular::plan(sketches, federation::declarations(training_.table));
  if (!agreed) {
    fail_training(agreed.error().message);
    return;
  }
  plan_ = std::move(*agreed);
  for (const auto& told : tabular::look_alikes(sketches)) {
    spdlog::warn("plan: {}", told);
  }
  ++version_;
}

void Coordinator::fit_encoder() {
  tabular::Summary total;
  for (const auto& [id, member] : state_.members) {
    if (auto merged = tabular::merge(total, *sites_.at(id).summary, plan_); !merged) {
      fail_training(merged.error().message);
      return;
    }
  }
  auto encoder = tabular::fit(plan_, total);
  if (!encoder) {
    fail_training(encoder.error().message);
    return;
  }
  auto initial = model::initial_parameters(
      federation::ctgan_config(training_.model), encoder->layout(), training_.seed);
  if (!initial) {
    fail_training(initial.error().message);
    return;
  }
  encoder_json_ = std::make_shared<const std::string>(wire::encode_encoder(*encoder));
  global_ = std::move(*initial);
  for (auto& [id, site] : sites_) {
    site.sketch.reset();
    site.summary.reset();
  }
  checkpoint(RoundId{0});
}

void Coordinator::open_round() {
  global_bytes_ = std::make_shared<const std::string>(wire::encode_safetensors(global_, {}));
  global_sha256_ = crypto::sha256_hex(*global_bytes_);
  aggregation::FoldBounds bounds;
  bounds.size = global_.values.size();
  bounds.max_updates = state_.needed;
  for (const auto& [id, member] : state_.members) {  // any of them may still be drawn
    bounds.max_total_rows += sites_.at(id).rows;
  }
  auto fold = aggregation::make_fold(strategy_name(training_.aggregation.strategy), bounds);
  if (!fold) {
    fail_training(fold.error().message);
    return;
  }
  fold_ = std::move(*fold);
  ++version_;
}

void Coordinator::close_round(RoundId closed) {
  auto mean = fold_->aggregate();
  if (!mean) {
    fail_training(mean.error().message);
    return;
  }
  for (std::size_t i = 0; i < global_.values.size(); ++i) {
    global_.values[i] += (*mean)[i];
  }
  fold_.reset();  // the largest thing that we hold; the checkpoint needs room
  if (metrics_ != nullptr) {
    metrics_->stepped(std::move(*mean));
  }
  *mean = {};
  checkpoint(closed);
}

void Coordinator::checkpoint(RoundId closed) const {
  if (!save_) {
    return;
  }
  wire::Checkpoint saved;
  saved.run = run_;
  saved.training_json = spec::print_json(training_);
  saved.round = closed;
  saved.encoder_json = *encoder_json_;
  for (const auto& [id, member] : state_.members) {
    const auto& site = sites_.at(id);
    saved.clients.push_back({id,
                             site.rows,
                             site.sketch_sha256,
                             member.last_round,
                             member.standing.failures,
                             member.standing.times_set_aside,
                             member.standing.returns_in,
                             member.standing.reason});
  }
  saved.global = global_;
  save_(saved);
}

void Coordinator::finish() {
  nlohmann::json clients = nlohmann::json::object();
  for (const auto& [id, member] : state_.members) {
    clients[id.str()] = {{"rows", sites_.at(id).rows}, {"lastRound", member.last_round.value}};
  }
  nlohmann::json provenance{{"training", training_.name},
                            {"seed", training_.seed},
                            {"rounds", state_.round.value},
                            {"aggregation", strategy_name(training_.aggregation.strategy)},
                            {"clients", std::move(clients)}};
  wire::ModelFile file;
  file.generator = model::generator_of(global_);
  file.encoder_json = *encoder_json_;
  file.model_json = federation::model_document(training_.model);
  file.provenance_json = provenance.dump();
  model_ = wire::encode_model(file);
  model_sha256_ = crypto::sha256_hex(model_);
  ++version_;
}

void Coordinator::fail_training(const std::string& reason) {
  state_.phase = rounds::Phase::kFailed;
  state_.reason = reason;
  ++version_;
}

double Coordinator::learning_rate() const {
  const double base = training_.local.learning_rate;
  switch (training_.local.lr_schedule) {
    case spec::LrSchedule::kConstant:
      return base;
    case spec::LrSchedule::kCosine: {
      const double progress =
          static_cast<double>(state_.round.value - 1) / static_cast<double>(config_.total_rounds);
      return base * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    }
  }
  return base;
}

std::uint64_t Coordinator::max_update_bytes() const {
  constexpr std::uint64_t kHeaderRoom = 1U << 20;
  return global_.values.size() * sizeof(float) + kHeaderRoom;
}

}  // namespace genesis::aggregator
