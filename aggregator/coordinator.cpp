#include "aggregator/coordinator.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <nlohmann/json.hpp>

#include "aggregator/metrics.hpp"
#include "common/aggregation/mean.hpp"
#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/spec_views.hpp"
#include "common/model/parameters.hpp"
#include "common/spec/parse.hpp"
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

wire::Phase phase_of(rounds::Phase phase) {
  switch (phase) {
    case rounds::Phase::kJoining:
      return wire::Phase::kJoining;
    case rounds::Phase::kSummarizing:
      return wire::Phase::kSummarizing;
    case rounds::Phase::kTraining:
      return wire::Phase::kTraining;
    case rounds::Phase::kComplete:
      return wire::Phase::kComplete;
    case rounds::Phase::kFailed:
      return wire::Phase::kFailed;
  }
  return wire::Phase::kFailed;
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
                               Site{client.rows, std::move(client.sketch_sha256), {}, {}, {}, {}});
    members.emplace(client.client, rounds::Member{true, client.last_round});
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

Result<wire::JoinReply> Coordinator::join(const wire::JoinRequest& request, Instant now) {
  const auto& participants = training_.participants;
  const bool listed =
      participants.empty() || std::ranges::any_of(participants, [&](const spec::Participant& p) {
        return p.name == request.client.str();
      });
  if (!listed) {
    return fail(Errc::kPermissionDenied,
                "client " + request.client.str() +
                    ": not among spec.participants of this training; add it there");
  }
  if (request.sketch.rows == 0) {
    return fail(Errc::kInvalidArgument,
                "client " + request.client.str() + ": has no rows; nothing to train on");
  }
  if (request.sketch.rows > aggregation::kMaxWeight) {
    return fail(Errc::kInvalidArgument,
                "client " + request.client.str() + ": says " + std::to_string(request.sketch.rows) +
                    " rows; an update may weigh at most " +
                    std::to_string(aggregation::kMaxWeight));
  }
  const auto digest = crypto::sha256_hex(tabular::to_json(request.sketch).dump());
  if (const auto site = sites_.find(request.client);
      site != sites_.end() && site->second.sketch_sha256 != digest) {
    return fail(Errc::kConflict,
                "client " + request.client.str() +
                    ": has joined with other data already; restart the training to change it");
  }
  if (state_.phase == rounds::Phase::kJoining) {
    auto sketches = named_sketches();
    sketches.push_back({request.client.str(), request.sketch});
    if (auto agreed = tabular::plan(sketches, federation::declarations(training_.table)); !agreed) {
      return tl::unexpected(std::move(agreed).error());
    }
  }
  const bool known = sites_.contains(request.client);
  if (!known && state_.phase == rounds::Phase::kJoining) {
    sites_.emplace(request.client, Site{request.sketch.rows, digest, request.sketch, {}, {}, {}});
  }
  refusal_.reset();
  apply(rounds::ClientJoined{request.client}, now);
  if (refusal_) {
    if (!known) {
      sites_.erase(request.client);
    }
    return tl::unexpected(*refusal_);
  }
  return wire::JoinReply{run_, spec::print_json(training_)};
}

Result<wire::Task> Coordinator::task(const ClientId& client, Instant now) {
  const auto member = state_.members.find(client);
  if (state_.phase == rounds::Phase::kFailed) {
    return wire::Task{wire::Failed{state_.reason}};
  }
  if (member == state_.members.end()) {
    return fail(Errc::kFailedPrecondition, "client " + client.str() + ": join first");
  }
  switch (state_.phase) {
    case rounds::Phase::kJoining:
      return wire::Task{wire::Wait{}};
    case rounds::Phase::kSummarizing:
      if (member->second.has_summary) {
        return wire::Task{wire::Wait{}};
      }
      return wire::Task{wire::Summarize{plan_}};
    case rounds::Phase::kTraining: {
      if (!state_.selected.contains(client) || state_.reported.contains(client)) {
        return wire::Task{wire::Wait{}};
      }
      wire::Train train;
      train.round = state_.round;
      train.parameters_sha256 = global_sha256_;
      train.learning_rate = learning_rate();
      train.deadline_milliseconds =
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, (state_.deadline - now).count()));
      return wire::Task{std::move(train)};
    }
    case rounds::Phase::kComplete:
      return wire::Task{wire::Finished{model_sha256_}};
    case rounds::Phase::kFailed:
      return wire::Task{wire::Failed{state_.reason}};
  }
  return wire::Task{wire::Wait{}};
}

Status Coordinator::add_summary(const wire::SummaryUpload& upload, Instant now) {
  if (upload.run != run_) {
    return fail(Errc::kConflict, "summary: of another run; join this one first");
  }
  const auto site = sites_.find(upload.client);
  if (site != sites_.end() && state_.phase == rounds::Phase::kSummarizing) {
    if (upload.summary.rows != site->second.rows) {
      return fail(Errc::kInvalidArgument,
                  "summary of client " + upload.client.str() + ": counts " +
                      std::to_string(upload.summary.rows) + " rows, but it joined with " +
                      std::to_string(site->second.rows));
    }
    tabular::Summary alone;
    if (auto fits = tabular::merge(alone, upload.summary, plan_); !fits) {
      return tl::unexpected(fits.error().within("summary of client " + upload.client.str()));
    }
  }
  refusal_.reset();
  pending_summary_ = &upload;
  apply(rounds::SummaryReceived{upload.client}, now);
  pending_summary_ = nullptr;
  return refusal_ ? Status(tl::unexpected(*refusal_)) : Status();
}

Result<std::shared_ptr<const std::string>> Coordinator::encoder() const {
  if (!encoder_json_) {
    return fail(Errc::kFailedPrecondition, "encoder: not agreed yet; ask for a task first");
  }
  return encoder_json_;
}

Result<std::shared_ptr<const std::string>> Coordinator::parameters(RoundId round) const {
  if (state_.phase != rounds::Phase::kTraining || round != state_.round) {
    return fail(Errc::kConflict,
                "round " + round_text(round) + ": not open; the current one is " +
                    round_text(state_.round));
  }
  return global_bytes_;
}

Status Coordinator::add_update(const wire::Update& update, Instant now) {
  const auto& metadata = update.metadata;
  if (metadata.run != run_) {
    return fail(Errc::kConflict, "update: of another run; join this one first");
  }
  const auto site = sites_.find(metadata.client);
  if (site == sites_.end()) {
    return fail(Errc::kFailedPrecondition, "client " + metadata.client.str() + ": join first");
  }
  const auto refuse = [&](const Error& error) -> Status {
    site->second.reason = error.message;
    return tl::unexpected(error.within("update of client " + metadata.client.str()));
  };
  if (state_.phase == rounds::Phase::kTraining && metadata.round == state_.round) {
    if (metadata.rows != site->second.rows) {
      return refuse(Error{Errc::kInvalidArgument,
                          "says " + std::to_string(metadata.rows) + " rows, but it joined with " +
                              std::to_string(site->second.rows)});
    }
    if (auto matches = wire::check_matches(update.delta, global_.specs); !matches) {
      return refuse(matches.error());
    }
    if (auto finite = wire::check_finite(update.delta); !finite) {
      return refuse(finite.error());
    }
    const bool in_bounds = std::ranges::all_of(
        update.delta.values, [](float x) { return std::fabs(x) <= aggregation::kMaxMagnitude; });
    if (!in_bounds) {
      return refuse(
          Error{Errc::kInvalidArgument, "a value is beyond 32768; the local training diverged"});
    }
  }
  refusal_.reset();
  pending_update_ = &update;
  apply(rounds::UpdateReceived{metadata.client, metadata.round}, now);
  pending_update_ = nullptr;
  return refusal_ ? Status(tl::unexpected(*refusal_)) : Status();
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
            site.reason.clear();
            if (observe_) {
              observe_(pending_update_->metadata);
            }
          },
          [](const rounds::IgnoreDuplicate&) {},
          [&](const rounds::RejectStale& e) {
            refusal_ =
                Error{Errc::kConflict,
                      "client " + e.client.str() + ": not awaited now; the current round is " +
                          round_text(e.current)};
          },
          [&](const rounds::CloseRound& e) { close_round(e.round); },
          [&](const rounds::ExtendRound&) { ++version_; },
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
  bounds.max_updates = state_.selected.size();
  for (const auto& id : state_.selected) {
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
  if (metrics_ != nullptr) {
    metrics_->stepped(std::move(*mean));
  }
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
    saved.clients.push_back({id, site.rows, site.sketch_sha256, member.last_round});
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

wire::StatusReport Coordinator::status(Instant now) const {
  const auto seconds = [](auto span) {
    return std::chrono::duration_cast<std::chrono::duration<double>>(span).count();
  };
  wire::StatusReport report;
  report.run = run_;
  report.name = training_.name;
  report.phase = phase_of(state_.phase);
  report.current_round = state_.round;
  report.total_rounds = config_.total_rounds;
  report.model_sha256 = model_sha256_;
  report.reason = state_.reason;
  report.elapsed_seconds = seconds(now - started_);
  if (rounds_started_ && state_.phase == rounds::Phase::kTraining &&
      state_.round.value > resumed_after_.value + 1) {
    const double since = seconds(now - *rounds_started_);
    const double per_round = since / (state_.round.value - resumed_after_.value - 1);
    const std::uint32_t to_do = config_.total_rounds - resumed_after_.value;
    report.estimated_remaining_seconds = std::max(0.0, per_round * to_do - since);
  }
  for (const auto& [id, site] : sites_) {
    wire::ClientReport client;
    client.id = id.str();
    client.rows = site.rows;
    client.reason = site.reason;
    const auto member = state_.members.find(id);
    if (member == state_.members.end()) {
      client.state = "dropped";
    } else if (state_.phase != rounds::Phase::kTraining) {
      client.state = "joined";
    } else if (state_.reported.contains(id)) {
      client.state = "reported";
    } else {
      client.state = state_.selected.contains(id) ? "training" : "waiting";
    }
    if (member != state_.members.end()) {
      client.last_round = member->second.last_round;
    }
    if (site.last_update) {
      client.generator_loss = site.last_update->generator_loss;
      client.discriminator_loss = site.last_update->discriminator_loss;
    }
    report.clients.push_back(std::move(client));
  }
  return report;
}

}  // namespace genesis::aggregator
