#include "genesis/federated_server.hpp"

#include <algorithm>
#include <atomic>
#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <spdlog/spdlog.h>

#include "aggregator/coordinator.hpp"
#include "aggregator/metrics.hpp"
#include "aggregator/round_reporter.hpp"
#include "aggregator/service.hpp"
#include "common/base/file.hpp"
#include "common/base/folder.hpp"
#include "common/crypto/digest.hpp"
#include "common/crypto/entropy.hpp"
#include "common/federation/deadlines.hpp"
#include "common/federation/model_cards.hpp"
#include "common/federation/round_files.hpp"
#include "common/federation/tls_reload.hpp"
#include "common/http/health.hpp"
#include "common/http/server.hpp"
#include "common/metrics/process.hpp"
#include "common/spec/parse.hpp"
#include "common/tls/files.hpp"
#include "common/wire/checkpoint.hpp"

namespace genesis {
namespace {

constexpr std::string_view kModelFile = "model.safetensors";
constexpr const char* kEvictedFile = "evicted.txt";
constexpr std::chrono::seconds kStopGrace{5};
constexpr std::size_t kKeptCheckpoints = 10;  // to which a training can be rolled back

Result<spec::FederatedTraining> training(const ServerOptions& options) {
  if (!options.spec.empty()) {
    return spec::parse(options.spec, options.spec_name, options.overrides);
  }
  return spec::parse(
      "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\n"
      "metadata: {name: training}\nspec: {}\n",
      "command line",
      options.overrides);
}

// "" where who takes part shows who it is, or only this host can reach the server.
std::string open_to_all(const ServerOptions& options) {
  const bool is_authenticated = !options.tls.client_authority.empty() || options.auth_token;
  boost::system::error_code no_address;
  const auto address = boost::asio::ip::make_address(options.host, no_address);
  const bool is_local = options.host == "localhost" || (!no_address && address.is_loopback());
  return is_authenticated || is_local
             ? std::string()
             : "no authentication: whoever reaches " + options.host + ":" +
                   std::to_string(options.port) + " can join and read the model";
}

Status check_authentication(const ServerOptions& options) {
  const bool is_authenticated = !options.tls.client_authority.empty() || options.auth_token;
  if (is_authenticated || !options.require_authentication) {
    return {};
  }
  return fail(Errc::kInvalidArgument,
              "authentication is required, but neither a client CA nor a token is given",
              Setting::kAuthToken);
}

// Who has been evicted, for the restarts of this training. Same form as a deny list.
class Evictions {
 public:
  Evictions(std::filesystem::path file, tls::DenyList& denied)
      : file_(std::move(file)), denied_(denied) {}

  // Takes up what an earlier process has written.
  Status take_up() {
    if (file_.empty() || !std::filesystem::exists(file_)) {
      return {};
    }
    GENESIS_ASSIGN(const auto text, read_file(file_, kMaxBytes));
    GENESIS_ASSIGN(evicted_, tls::parse_deny_list(text, file_.string()));
    for (const auto& entry : evicted_) {
      GENESIS_RETURN_IF_ERROR(denied_.deny(entry));
    }
    return {};
  }

  Status add(const ClientId& client) {
    GENESIS_RETURN_IF_ERROR(denied_.deny(client.str()));
    if (!evicted_.insert(client.str()).second || file_.empty()) {
      return {};
    }
    std::string text;
    for (const auto& entry : evicted_) {
      text += entry + "\n";
    }
    return write_file_atomic(file_, text);
  }

 private:
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20;
  std::filesystem::path file_;  // "": nothing is kept
  tls::DenyList& denied_;       // the server's, which outlives this
  std::set<std::string> evicted_;
};

Status check_writable(const std::filesystem::path& folder) {
  const auto probe = folder / ".writable";
  auto writable = make_private_folder(folder);
  if (writable) {
    remove_partial_files(folder);
    writable = write_file_atomic(probe, "");
  }
  if (!writable) {
    return fail(
        Errc::kIo,
        folder.string() + ": the output folder cannot be written: " + writable.error().message);
  }
  std::error_code ignored;
  std::filesystem::remove(probe, ignored);
  return {};
}

// For contributions that are still arriving.
Result<std::filesystem::path> uploads_folder(const ServerOptions& options) {
  if (!options.output.empty()) {
    return options.output / ".uploads";
  }
  GENESIS_ASSIGN(const auto folder, temporary_folder());
  crypto::SystemEntropy entropy;
  return folder / ("genesis-uploads-" + crypto::random_id(entropy));
}

// A training that is over goes on where nothing is asked of it but more rounds; else a new one
// begins in its folder, as after any training that is over. What that was stays until the new one
// has closed a round, so that a start by mistake loses nothing.
std::optional<aggregator::Coordinator> extended(const spec::FederatedTraining& training,
                                                const federation::RoundFiles& files,
                                                Instant now) {
  const auto bytes = files.read_complete();
  if (!bytes) {
    return std::nullopt;
  }
  auto checkpoint = wire::decode_checkpoint(*bytes, files.complete_path().string());
  if (!checkpoint) {
    spdlog::warn("not used: {}", checkpoint.error().message);
    return std::nullopt;
  }
  const auto run = checkpoint->run;
  const auto round = checkpoint->round;
  std::string why = "all its rounds are done";
  if (round.value < static_cast<std::uint64_t>(training.rounds.count)) {
    auto resumed = aggregator::Coordinator::resume(training, *std::move(checkpoint), now);
    if (resumed) {
      spdlog::info("more rounds: run={} goes on after-round={}", run, round.value);
      return std::move(*resumed);
    }
    why = resumed.error().message;
  }
  spdlog::warn(
      "this folder holds the model of run={}, which is over after-round={} ({}); a new training "
      "begins, and its model will replace that one",
      run,
      round.value,
      why);
  return std::nullopt;
}

// A training that goes on from `files` where they hold one, else starts.
Result<aggregator::Coordinator> coordinate(spec::FederatedTraining training,
                                           const std::optional<federation::RoundFiles>& files,
                                           Instant now) {
  std::optional<wire::Checkpoint> checkpoint;
  if (files) {
    checkpoint = federation::newest_sound<wire::Checkpoint>(
        *files,
        [](const std::string& bytes, const std::string& name) {
          return wire::decode_checkpoint(bytes, name);
        },
        [](const wire::Checkpoint&) { return true; },
        [](const Error& error) {
          spdlog::warn("checkpoint quarantined, the one before it is used: {}", error.message);
        });
  }
  if (checkpoint) {
    spdlog::info("resume run={} after-round={}", checkpoint->run, checkpoint->round.value);
    return aggregator::Coordinator::resume(std::move(training), std::move(*checkpoint), now);
  }
  if (files) {
    if (auto more = extended(training, *files, now)) {
      return std::move(*more);
    }
  }
  crypto::SystemEntropy entropy;
  return aggregator::Coordinator::start(std::move(training), crypto::random_id(entropy), now);
}

}  // namespace

struct FederatedServer::Impl {
  Impl(ServerOptions server_options, ServerCallbacks server_callbacks)
      : options(std::move(server_options)), callbacks(std::move(server_callbacks)) {}

  Status start();
  Status watch(const spec::FederatedTraining& spec);
  void closed(const wire::Checkpoint& checkpoint);
  Result<wire::Checkpoint> kept(RoundId round) const;
  bool had_ended() const;
  boost::asio::awaitable<void> lead();
  void cut_off();
  Result<TrainedModel> finish();

  ServerOptions options;
  ServerCallbacks callbacks;
  const SteadyClock clock;
  metrics::Registry registry;
  std::optional<aggregator::Metrics> metrics;  // where they are asked for
  std::optional<aggregator::RoundReporter> reporter;
  std::optional<federation::RoundFiles> files;
  std::optional<aggregator::Coordinator> coordinator;
  std::optional<tls::ServerContext> tls;  // its copies share the deny list
  std::optional<Evictions> evictions;     // where clients have certificates
  std::atomic<bool> is_stopped{false};
  // The order of the last four is that of their destruction, backwards.
  boost::asio::io_context io{1};
  std::optional<aggregator::Service> service;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<http::HealthServer> health;
};

// Opens the metrics listener, which says from the start what is still missing.
Status FederatedServer::Impl::watch(const spec::FederatedTraining& spec) {
  if (!options.metrics.port) {
    return {};
  }
  metrics::declare_process(registry, "genesis-aggregator");
  metrics.emplace(registry, static_cast<std::size_t>(spec::max_clients_of(spec)));
  const http::ListenAddress address{options.metrics.host, *options.metrics.port};
  GENESIS_ASSIGN(health, http::HealthServer::start(address, registry, metrics->checks()));
  spdlog::info("metrics url={}", health->url());
  return {};
}

Status FederatedServer::Impl::start() {
  GENESIS_ASSIGN(auto spec, training(options));
  GENESIS_RETURN_IF_ERROR(check_authentication(options));
  GENESIS_ASSIGN(tls, tls::load_context(options.tls, federation::log_tls_reload));
  GENESIS_RETURN_IF_ERROR(watch(spec));
  if (!options.output.empty()) {
    GENESIS_RETURN_IF_ERROR(check_writable(options.output));
    GENESIS_ASSIGN(files,
                   federation::RoundFiles::open(options.output / "checkpoints", kKeptCheckpoints));
  }
  if (!tls) {
    spdlog::warn(
        "serving plain HTTP: anyone on the network can read and change what travels; give the "
        "server a certificate and its key");
  }
  auto started = coordinate(std::move(spec), files, clock.now());
  if (!started) {
    return tl::unexpected(started.error().within(options.output.string()));
  }
  coordinator.emplace(std::move(*started));
  reporter.emplace(callbacks.on_round_complete, callbacks.on_metrics, coordinator->total_rounds());
  coordinator->on_folded([this](const aggregator::Folded& update) { reporter->folded(update); });
  coordinator->on_checkpoint([this](const wire::Checkpoint& checkpoint) { closed(checkpoint); });

  aggregator::ServiceOptions service_options;
  service_options.auth_token = options.auth_token;
  service_options.is_mutual_tls = tls && tls->is_mutual();
  GENESIS_ASSIGN(service_options.uploads, uploads_folder(options));
  if (files) {
    service_options.checkpoint_of = [this](RoundId round) { return kept(round); };
  }
  if (service_options.is_mutual_tls) {
    const auto file = options.output.empty() ? "" : options.output / kEvictedFile;
    evictions.emplace(file, tls->deny_list());
    GENESIS_RETURN_IF_ERROR(evictions->take_up());
    service_options.evict = [this](const ClientId& client) { return evictions->add(client); };
    service_options.denied = [this] { return tls->deny_list().names(); };
  }
  if (const auto warning = open_to_all(options); !warning.empty()) {
    spdlog::warn("{}; pass a client CA or a token", warning);
    service_options.warnings.push_back(warning);
    if (metrics) {
      metrics->open_to_all();
    }
  }
  service.emplace(io.get_executor(), *coordinator, clock, std::move(service_options));
  auto handler = service->handler();
  if (metrics) {
    coordinator->measure(*metrics, clock.now());
    handler = metrics->measured(std::move(handler));
  }
  const http::ListenAddress address{options.host, options.port};
  http::Limits limits;
  limits.body_bytes_in_flight = options.body_bytes_in_flight;
  GENESIS_ASSIGN(server,
                 http::Server::start(io.get_executor(), address, tls, limits, std::move(handler)));
  service->observe(server->counters());
  if (metrics) {
    metrics->watch(server->counters());
    metrics->readiness().set_ready();
  }
  spdlog::info("training name={} run={} rounds={} waiting-for={}",
               coordinator->training().name,
               coordinator->run(),
               coordinator->total_rounds(),
               coordinator->config().expected_clients);
  return {};
}

void FederatedServer::Impl::closed(const wire::Checkpoint& checkpoint) {
  if (files) {
    if (auto saved = files->save(checkpoint.round, wire::encode(checkpoint)); !saved) {
      spdlog::error("checkpoint round={} not saved, the training goes on without it: {}",
                    checkpoint.round.value,
                    saved.error().message);
    } else if (callbacks.on_checkpoint) {
      callbacks.on_checkpoint({checkpoint.round.value, files->path(checkpoint.round)});
    }
  }
  for (const auto& client : checkpoint.clients) {
    if (client.is_evicted || client.last_round != checkpoint.round) {
      reporter->discard(client.client);  // the round started again without it
    }
  }
  reporter->closed(checkpoint.round);
}

Result<wire::Checkpoint> FederatedServer::Impl::kept(RoundId round) const {
  const auto rounds = files->rounds();
  if (std::ranges::find(rounds, round) == rounds.end()) {
    std::string known;
    for (auto kept = rounds.rbegin(); kept != rounds.rend(); ++kept) {
      known += (known.empty() ? "" : ", ") + std::to_string(kept->value);
    }
    return fail(Errc::kNotFound,
                "rollback: no checkpoint of round " + std::to_string(round.value) +
                    " is kept; those of rounds " + known + " are");
  }
  GENESIS_ASSIGN(const auto bytes, files->read(round));
  return wire::decode_checkpoint(bytes, files->path(round).string());
}

// The model is written once all clients have heard of it: a server that died after that, before it
// had put its checkpoints away, finds nobody to tell.
bool FederatedServer::Impl::had_ended() const {
  if (options.output.empty() || coordinator->model().empty()) {
    return false;
  }
  const auto written =
      read_file(options.output / kModelFile, std::uint64_t{coordinator->model().size()});
  return written && *written == coordinator->model();
}

boost::asio::awaitable<void> FederatedServer::Impl::lead() {
  const auto usual = federation::deadlines(coordinator->training().rounds).drain;
  co_await service->run(had_ended() ? Milliseconds(0) : usual);
  if (metrics) {
    metrics->readiness().set_not_ready("the training is over; stopping");
  }
  co_await server->stop(kStopGrace);
  io.stop();
}

// Ends what a stop has left suspended. Handlers refer to the service, which goes before `io`, and
// with that their frames: they must not be there any more.
void FederatedServer::Impl::cut_off() {
  io.restart();
  boost::asio::co_spawn(
      io, server->stop(Milliseconds(0)), [this](const std::exception_ptr&) { io.stop(); });
  io.run();
}

Result<TrainedModel> FederatedServer::Impl::finish() {
  if (is_stopped) {
    return fail(Errc::kUnavailable, "interrupted before the training was over");
  }
  if (coordinator->model().empty()) {
    return fail(Errc::kFailedPrecondition, "training failed: " + coordinator->state().reason);
  }
  TrainedModel model{coordinator->model(), crypto::sha256_hex(coordinator->model()), {}};
  if (!options.output.empty()) {
    model.path = options.output / kModelFile;
    GENESIS_RETURN_IF_ERROR(write_file_atomic(model.path, model.bytes));
    GENESIS_RETURN_IF_ERROR(federation::write_model_card(options.output, model.bytes, {}));
    files->complete();  // every client has heard of the end
  }
  if (callbacks.on_training_complete) {
    callbacks.on_training_complete(model);
  }
  return model;
}

FederatedServer::FederatedServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FederatedServer::FederatedServer(FederatedServer&&) noexcept = default;
FederatedServer& FederatedServer::operator=(FederatedServer&&) noexcept = default;
FederatedServer::~FederatedServer() = default;

Result<FederatedServer> FederatedServer::start(ServerOptions options, ServerCallbacks callbacks) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(callbacks));
  GENESIS_RETURN_IF_ERROR(impl->start());
  return FederatedServer(std::move(impl));
}

std::string FederatedServer::url() const {
  return impl_->server->url();
}

std::string FederatedServer::metrics_url() const {
  return impl_->health ? impl_->health->url() : "";
}

Result<TrainedModel> FederatedServer::run() {
  boost::asio::co_spawn(impl_->io, impl_->lead(), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  impl_->io.run();
  if (impl_->is_stopped) {
    impl_->cut_off();
  }
  return impl_->finish();
}

void FederatedServer::stop() {
  impl_->is_stopped = true;
  impl_->io.stop();
}

}  // namespace genesis
