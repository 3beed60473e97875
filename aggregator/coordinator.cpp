#include "aggregator/coordinator.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "aggregator/metrics.hpp"
#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/methods/lookup.hpp"
#include "common/methods/server_methods.hpp"
#include "common/spec/difference.hpp"
#include "common/spec/parse.hpp"
#include "common/sums/task.hpp"

namespace genesis::aggregator {
namespace {

using Following = Result<std::optional<rounds::Event>>;  // what an effect brings about

const Following kNothing = std::optional<rounds::Event>();

Result<std::unique_ptr<method::ServerMethod>> make_method(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(
      const auto* entry,
      methods::find(methods::server_methods(), training.model.method, "spec.model.method"));
  return entry->make(training);
}

// A checkpoint goes on with its own spec, but for what people may want to change meanwhile, and,
// once all its rounds are closed, for more of them. Under differential privacy the number of rounds
// is what noise and budget were chosen for, and a stop condition has had the last word on it.
Status check_spec(const spec::FederatedTraining& training, const wire::Checkpoint& checkpoint) {
  GENESIS_ASSIGN(auto differing,
                 spec::differences(checkpoint.training_json, spec::print_json(training)));
  GENESIS_ASSIGN(const auto before, spec::parse(checkpoint.training_json, "checkpoint"));
  const bool has_more_rounds = training.rounds.count > before.rounds.count &&
                               checkpoint.round.value >= before.rounds.count &&
                               !training.privacy.differential_privacy &&
                               !training.rounds.stop_condition;
  std::erase_if(differing, [&](const auto& one) {
    return spec::may_change_on_resume(one.field) ||
           (has_more_rounds && one.field == "rounds.count");
  });
  if (differing.empty()) {
    return {};
  }
  return fail(Errc::kFailedPrecondition,
              "checkpoint of round " + std::to_string(checkpoint.round.value) +
                  ": was made by another spec (" + spec::to_string(differing) +
                  "); restore that spec, or start anew in another folder");
}

Following followed_by(const Status& done) {
  return done ? kNothing : Following(tl::unexpected(done.error()));
}

}  // namespace

// Whom the noise protects against.
std::string against(const spec::FederatedTraining& training) {
  return spec::noise_shares_of(training) == 1
             ? "everyone else together, the aggregator and all other sites included"
             : fmt::format("the aggregator and at most {} other sites together",
                           training.privacy.secure_aggregation->max_colluding);
}

rounds::Config round_config(const spec::FederatedTraining& training) {
  rounds::Config config;
  config.seed = training.seed;
  for (const auto& participant : training.participants) {
    if (auto id = ClientId::parse(participant.name)) {  // the schema has checked it
      config.participants.insert(std::move(*id));
    }
  }
  config.min_clients = static_cast<std::size_t>(spec::min_clients_of(training));
  config.max_clients = static_cast<std::size_t>(spec::max_clients_of(training));
  config.expected_clients = training.participants.empty()
                                ? config.min_clients
                                : std::min(training.participants.size(), config.max_clients);
  config.client_fraction = training.rounds.client_fraction;
  config.over_selection = training.rounds.over_selection;
  config.retries = static_cast<std::uint32_t>(training.rounds.retries);
  config.max_failures = static_cast<std::uint32_t>(training.rounds.max_failures);
  config.round_deadline = std::chrono::seconds(training.rounds.deadline_seconds);
  config.start_deadline = std::chrono::seconds(training.rounds.start_deadline_seconds);
  const auto& secure = training.privacy.secure_aggregation;
  if (secure && secure->encryption != spec::Encryption::kNone) {
    config.threshold = [least = static_cast<std::size_t>(secure->min_survivors),
                        colluding =
                            static_cast<std::size_t>(secure->max_colluding)](std::size_t members) {
      return secure::least_threshold(members, least, colluding);
    };
    config.sum_stages = secure->encryption == spec::Encryption::kPaillier
                            ? rounds::encrypted_stages()
                            : rounds::masked_stages();
  }
  return config;
}

Coordinator::Coordinator(spec::FederatedTraining training,
                         std::string run,
                         std::unique_ptr<method::ServerMethod> method,
                         Instant now)
    : training_(std::move(training)),
      run_(std::move(run)),
      config_(round_config(training_)),
      state_(rounds::start(config_, now)),
      method_(std::move(method)),
      started_(now) {}

Result<Coordinator> Coordinator::start(spec::FederatedTraining training,
                                       std::string run,
                                       Instant now) {
  GENESIS_ASSIGN(auto method, make_method(training));
  return Coordinator(std::move(training), std::move(run), std::move(method), now);
}

Result<Coordinator> Coordinator::resume(spec::FederatedTraining training,
                                        wire::Checkpoint checkpoint,
                                        Instant now) {
  GENESIS_RETURN_IF_ERROR(check_spec(training, checkpoint));
  GENESIS_ASSIGN(auto method, make_method(training));
  GENESIS_RETURN_IF_ERROR(method->restore(std::move(checkpoint.method), checkpoint.round));
  Coordinator coordinator(std::move(training), std::move(checkpoint.run), std::move(method), now);
  std::map<ClientId, rounds::Member> members;
  std::set<ClientId> evicted;
  for (auto& client : checkpoint.clients) {
    Site site{client.rows, std::move(client.introduction_sha256), {}};
    site.ledger_head = std::move(client.ledger_head);
    site.signing_key = std::move(client.signing_key);
    coordinator.sites_.emplace(client.client, std::move(site));
    if (client.is_evicted) {
      evicted.insert(client.client);
      continue;
    }
    rounds::Standing standing;
    standing.failures = client.failures;
    standing.times_quarantined = client.times_quarantined;
    standing.returns_in = client.returns_in;
    standing.reason = std::move(client.reason);
    members.emplace(client.client,
                    rounds::Member{std::move(client.instance),
                                   client.last_collection,
                                   client.last_round,
                                   std::move(standing)});
  }
  coordinator.limits_.norm = checkpoint.norm_bound;
  coordinator.paillier_modulus_ = std::move(checkpoint.paillier_modulus);
  coordinator.resumed_after_ = checkpoint.round;
  coordinator.rounds_started_ = now;
  auto next = rounds::resume(
      coordinator.config_, std::move(members), checkpoint.collection, checkpoint.round, now);
  coordinator.state_ = std::move(next.state);
  coordinator.state_.evicted = std::move(evicted);
  if (auto following = coordinator.perform(next.effects, now)) {
    coordinator.apply(std::move(*following), now);
  }
  return coordinator;
}

void Coordinator::tick(Instant now) {
  if (metrics_ != nullptr) {
    metrics_->ticked();
  }
  apply(rounds::Tick{}, now);
}

void Coordinator::evict(const ClientId& client, Instant now) {
  apply(rounds::ClientEvicted{client}, now);
}

void Coordinator::measure(Metrics& metrics, Instant now) {
  metrics_ = &metrics;
  metrics.show(method_->telemetry());
  if (const auto promised = privacy()) {
    metrics.promises(*promised);
  }
  metrics.take_up(state_, now);
}

rounds::Reply Coordinator::apply(rounds::Event event, Instant now) {
  auto first = rounds::step(config_, std::move(state_), event, now);
  state_ = std::move(first.state);
  auto following = perform(first.effects, now);
  while (following) {
    auto next = rounds::step(config_, std::move(state_), *following, now);
    state_ = std::move(next.state);
    following = perform(next.effects, now);
  }
  return first.reply;
}

std::optional<rounds::Event> Coordinator::perform(const std::vector<rounds::Effect>& effects,
                                                  Instant now) {
  std::optional<rounds::Event> following;
  for (const auto& effect : effects) {
    const auto begun = std::chrono::steady_clock::now();
    auto done = perform(effect, now);
    if (!done) {
      return rounds::EffectFailed{done.error().message};
    }
    if (*done) {
      following = std::move(*done);
    }
    if (metrics_ != nullptr) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      metrics_->performed(effect, state_, took.count(), now);
    }
  }
  return following;
}

Following Coordinator::perform(const rounds::Effect& effect, Instant now) {
  return std::visit(
      Overloaded{
          [&](const rounds::Advance&) { return advance(now); },
          [&](const rounds::OpenCollection&) { return followed_by(open()); },
          [&](const rounds::Fold& e) { return followed_by(fold(*e.contribution)); },
          [&](const rounds::CloseStage&) {
            ++version_;
            return followed_by(protected_sum_->close_stage());
          },
          [&](const rounds::ExtendCollection& e) {
            spdlog::warn(
                "{} has no quorum: attempt {}", rounds::name_of(state_.open.request), e.attempt);
            ++version_;
            return kNothing;
          },
          [](const rounds::LoseClient& e) {
            spdlog::warn("client={} lost: {}", e.client.str(), e.reason);
            return kNothing;
          },
          [](const rounds::QuarantineClient& e) {
            spdlog::warn("client={} quarantined: {}", e.client.str(), e.reason);
            return kNothing;
          },
          [](const rounds::ReadmitClient& e) {
            spdlog::info("client={} is back", e.client.str());
            return kNothing;
          },
          [](const rounds::LeaveOut& e) {
            spdlog::warn("client={} left out: it did not answer in time", e.client.str());
            return kNothing;
          },
          [&](const rounds::DisqualifyClient& e) {
            spdlog::warn("client={} refused: {}", e.client.str(), e.reason);
            if (const auto site = sites_.find(e.client); site != sites_.end()) {
              site->second.refused = e.reason;
            }
            ++version_;
            return kNothing;
          },
          [&](const rounds::EvictClient& e) {
            spdlog::warn("client={} evicted: it takes part no more", e.client.str());
            limits_.refused.erase(e.client);
            if (state_.open.id.value == 0) {
              method_->leave(e.client);  // nothing has been made of its table yet
            }
            ++version_;
            return kNothing;
          },
          [&](const rounds::RestartCollection&) { return followed_by(restart()); },
          [&](const rounds::DrawReplacement& e) {
            spdlog::info(
                "client={} drawn into {}", e.client.str(), rounds::name_of(state_.open.request));
            ++version_;
            return kNothing;
          },
          [&](const rounds::FinishTraining&) { return followed_by(finish()); },
          [&](const rounds::FailTraining&) {
            ++version_;
            return kNothing;
          },
      },
      effect);
}

Following Coordinator::advance(Instant now) {
  std::optional<method::Sum> sum;
  if (protected_sum_) {
    GENESIS_ASSIGN(sum, open_protected());
    protected_sum_.reset();
  } else if (sum_) {
    GENESIS_ASSIGN(sum, sum_->total());
    method_->hear(told());
    sum_.reset();  // the largest thing that we hold; the checkpoint needs room
    const auto* mean = std::get_if<std::vector<float>>(&*sum);
    if (metrics_ != nullptr && mean != nullptr) {
      metrics_->stepped(*mean);
    }
  }
  const bool is_sum = sum.has_value();
  if (is_sum && !is_protected() && std::holds_alternative<std::vector<float>>(*sum)) {
    close_limits();
  }
  GENESIS_ASSIGN(auto next, method_->next(std::move(sum)));
  if (is_sum && save_) {
    save_(checkpoint(state_.open.request.round));
  }
  return follow(std::move(next), now);
}

std::map<ClientId, method::Told> Coordinator::told() const {
  std::map<ClientId, method::Told> told;
  for (const auto& id : state_.open.reported) {
    told[id] = {sites_.at(id).telemetry, weight_of(id)};
  }
  return told;
}

void Coordinator::worked(Instant now) {
  if (state_.phase != rounds::Phase::kAdvancing) {
    return;  // the training has ended meanwhile
  }
  auto next = method_->next(std::nullopt);
  if (!next) {
    apply(rounds::EffectFailed{next.error().message}, now);
  } else if (auto following = follow(*std::move(next), now)) {
    apply(std::move(*following), now);
  }
}

std::optional<rounds::Event> Coordinator::follow(method::Next next, Instant now) {
  if (auto* work = std::get_if<method::Work>(&next)) {
    work_ = std::move(work->run);
    return std::nullopt;
  }
  rounds::NextRequested following;
  for (auto& [client, reason] : method_->take_disqualified()) {
    following.disqualified.push_back({std::move(client), std::move(reason)});
  }
  if (const auto* done = std::get_if<method::Done>(&next)) {
    if (!done->remark.empty()) {
      spdlog::info("{}: {}", rounds::name_of(state_.open.request), done->remark);
    }
    return rounds::ModelReleased{};
  }
  ask_ = std::get<method::Ask>(std::move(next));
  for (const auto& remark : ask_.remarks) {
    spdlog::warn("{}: {}", rounds::name_of(ask_.request), remark);
  }
  if (!rounds_started_ && ask_.request.round.value > 0) {
    rounds_started_ = now;
  }
  following.request = ask_.request;
  return following;
}

Status Coordinator::open() {
  if (is_protected()) {
    GENESIS_ASSIGN(auto form, sums::SumWords::make(training_));
    protected_sum_.emplace(std::move(form), ask_.combine);
    ++version_;
    return config_.threshold ? begin_attempt() : Status();
  }
  fix_limits();
  GENESIS_RETURN_IF_ERROR(begin_sum());
  ++version_;
  return {};
}

Status Coordinator::begin_attempt() {
  sums::Question question{run_, state_.open.id, ask_.request.purpose, ask_.parameters, {}};
  for (const auto& document : ask_.documents) {
    question.documents.emplace_back(document.name, document.sha256);
  }
  auto task = sums::task_of(question, protected_sum_->words(), protected_sum_->word_bits());
  task.attempt = state_.open.sum_attempt;
  task.threshold = state_.open.policy.quorum;
  for (const auto& id : state_.open.roster) {
    GENESIS_ASSIGN(auto key, sums::from_hex(sites_.at(id).signing_key));
    task.roster.push_back({id, std::move(key)});
  }
  if (task.roster.size() < task.threshold) {
    return fail(Errc::kFailedPrecondition,
                rounds::name_of(state_.open.request) + ": " + std::to_string(task.roster.size()) +
                    " sites are left; a secure sum needs " + std::to_string(task.threshold));
  }
  if (training_.privacy.secure_aggregation->encryption == spec::Encryption::kMasking) {
    return protected_sum_->begin_masked(std::move(task));
  }
  GENESIS_ASSIGN(paillier_modulus_, agreed_paillier_modulus());
  GENESIS_ASSIGN(const auto modulus, sums::from_hex(paillier_modulus_));
  GENESIS_ASSIGN(auto key, secure::PaillierPublicKey::from_modulus(modulus));
  return protected_sum_->begin_encrypted(std::move(task), std::move(key));
}

Result<method::Sum> Coordinator::open_protected() {
  auto opened = protected_sum_->open();
  if (!opened) {
    return tl::unexpected(opened.error().within(rounds::name_of(state_.open.request)));
  }
  tell_members(opened->members);
  return std::move(opened->sum);
}

void Coordinator::tell_members(const std::vector<ClientId>& members) {
  const RoundId round = state_.open.request.round;
  const std::set<ClientId> in_sum =
      members.empty() ? state_.open.reported : std::set<ClientId>(members.begin(), members.end());
  for (const auto& id : in_sum) {
    if (observe_) {
      observe_({.round = round, .client = id, .rows = 0, .telemetry = {}});
    }
  }
  if (metrics_ != nullptr && round.value > 0) {
    metrics_->summed(in_sum);
  }
  spdlog::info("{}: opened a secure sum over {} of {} sites",
               rounds::name_of(state_.open.request),
               in_sum.size(),
               state_.open.asked.size());
}

// The limits stay as they were when it opened: a restart of this process would fix the same.
Status Coordinator::restart() {
  if (protected_sum_) {
    spdlog::warn("{}: attempt {} of its secure sum begins, over {} sites",
                 rounds::name_of(state_.open.request),
                 state_.open.sum_attempt,
                 state_.open.roster.size());
    ++version_;
    if (config_.threshold) {
      return begin_attempt();
    }
    GENESIS_ASSIGN(auto form, sums::SumWords::make(training_));
    protected_sum_.emplace(std::move(form), ask_.combine);
    return {};
  }
  spdlog::warn("{} starts again without the client that was evicted",
               rounds::name_of(state_.open.request));
  limits_.norms.clear();
  limits_.scaled = 0;
  GENESIS_RETURN_IF_ERROR(begin_sum());
  ++version_;
  return {};
}

Status Coordinator::begin_sum() {
  std::uint64_t weight = 0;
  for (const auto& [id, member] : state_.members) {  // any of them may still be drawn
    weight += weight_of(id);
  }
  GENESIS_ASSIGN(
      sum_,
      Summation::start(ask_.combine, training_.aggregation, state_.open.policy.needed, weight));
  return {};
}

Status Coordinator::fold(const rounds::Contribution& contribution) {
  if (protected_sum_) {  // a message has been taken already
    if (!protected_sum_->is_hidden()) {
      protected_sum_->add(
          std::get<rounds::Counts>(std::get<rounds::Plain>(contribution.body).values));
    }
    if (!contribution.ledger_head.empty()) {
      sites_.at(contribution.client).ledger_head = contribution.ledger_head;
    }
    return {};
  }
  auto& site = sites_.at(contribution.client);
  const auto limited = limit(contribution);
  const auto& body = limited ? *limited : contribution.body;
  if (auto folded = sum_->add(body, weight_of(contribution.client)); !folded) {
    return fail(folded.error().code,
                rounds::name_of(state_.open.request) + ": the contribution of client " +
                    contribution.client.str() + " cannot be folded: " + folded.error().message);
  }
  site.telemetry = contribution.telemetry;
  if (!contribution.ledger_head.empty()) {
    site.ledger_head = contribution.ledger_head;
  }
  const Folded folded{
      state_.open.request.round, contribution.client, site.rows, contribution.telemetry};
  if (metrics_ != nullptr) {
    metrics_->folded(contribution, site.rows);
  }
  if (observe_) {
    observe_(folded);
  }
  return {};
}

wire::Checkpoint Coordinator::checkpoint(RoundId closed) const {
  wire::Checkpoint saved;
  saved.run = run_;
  saved.training_json = spec::print_json(training_);
  saved.collection = state_.open.id;
  saved.round = closed;
  saved.norm_bound = limits_.norm;
  saved.paillier_modulus = paillier_modulus_;
  for (const auto& [id, member] : state_.members) {
    const auto& site = sites_.at(id);
    saved.clients.push_back({id,
                             site.rows,
                             site.introduction_sha256,
                             member.instance,
                             member.last_collection,
                             member.last_round,
                             member.standing.failures,
                             member.standing.times_quarantined,
                             member.standing.returns_in,
                             member.standing.reason,
                             site.ledger_head});
    saved.clients.back().signing_key = site.signing_key;
  }
  for (const auto& id : state_.evicted) {
    const auto& site = sites_.at(id);
    wire::CheckpointClient client{
        .client = id, .rows = site.rows, .introduction_sha256 = site.introduction_sha256};
    client.ledger_head = site.ledger_head;
    client.is_evicted = true;
    saved.clients.push_back(std::move(client));
  }
  saved.method = method_->checkpoint();
  return saved;
}

Status Coordinator::finish() {
  nlohmann::json clients = nlohmann::json::object();
  for (const auto& [id, member] : state_.members) {
    const auto& site = sites_.at(id);
    clients[id.str()] = {{"lastRound", member.last_round.value}};
    if (!is_protected()) {
      clients[id.str()]["rows"] = site.rows;
    }
    if (!site.ledger_head.empty()) {
      clients[id.str()]["ledgerHead"] = site.ledger_head;
    }
  }
  nlohmann::json provenance{{"training", training_.name},
                            {"seed", training_.seed},
                            {"rounds", state_.open.request.round.value},
                            {"aggregation", spec::to_string(training_.aggregation.strategy)},
                            {"clients", std::move(clients)}};
  if (const auto promised = privacy()) {
    const auto& unit = training_.privacy.unit_column;
    provenance["privacy"] = {{"epsilon", promised->epsilon},
                             {"worstEpsilon", promised->worst_epsilon},
                             {"delta", promised->delta},
                             {"unit",
                              unit ? fmt::format("all rows of one value of {} (at most {})",
                                                 *unit,
                                                 training_.privacy.max_rows_per_unit.value_or(1))
                                   : std::string("one row")},
                             {"against", against(training_)}};
  }
  GENESIS_ASSIGN(model_, method_->model(provenance.dump()));
  model_sha256_ = crypto::sha256_hex(model_);
  ++version_;
  return {};
}

std::uint64_t Coordinator::max_contribution_bytes() const {
  return protected_sum_ ? protected_sum_->max_bytes() : max_body_bytes(ask_.combine);
}

}  // namespace genesis::aggregator
