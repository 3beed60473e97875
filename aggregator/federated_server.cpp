#include "genesis/federated_server.hpp"

#include <atomic>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <spdlog/spdlog.h>

#include "aggregator/coordinator.hpp"
#include "aggregator/metrics.hpp"
#include "aggregator/round_reporter.hpp"
#include "aggregator/service.hpp"
#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/crypto/entropy.hpp"
#include "common/federation/deadlines.hpp"
#include "common/federation/round_files.hpp"
#include "common/http/health.hpp"
#include "common/http/server.hpp"
#include "common/metrics/process.hpp"
#include "common/spec/parse.hpp"
#include "common/tls/files.hpp"
#include "common/wire/checkpoint.hpp"

namespace genesis {
namespace {

constexpr std::string_view kModelFile = "model.safetensors";
constexpr std::chrono::seconds kStopGrace{5};

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

Status check_writable(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  const auto probe = folder / ".writable";
  if (auto writable = write_file_atomic(probe, ""); !writable) {
    return fail(
        Errc::kIo,
        folder.string() + ": the output folder cannot be written: " + writable.error().message);
  }
  std::filesystem::remove(probe, failed);
  return {};
}

// For contributions that are still arriving.
std::filesystem::path uploads_folder(const ServerOptions& options) {
  if (!options.output.empty()) {
    return options.output / ".uploads";
  }
  crypto::SystemEntropy entropy;
  return std::filesystem::temp_directory_path() / ("genesis-uploads-" + crypto::random_id(entropy));
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
  bool had_ended() const;
  boost::asio::awaitable<void> lead();
  Result<TrainedModel> finish();

  ServerOptions options;
  ServerCallbacks callbacks;
  const SteadyClock clock;
  metrics::Registry registry;
  std::optional<aggregator::Metrics> metrics;  // where they are asked for
  std::optional<aggregator::RoundReporter> reporter;
  std::optional<federation::RoundFiles> files;
  std::optional<aggregator::Coordinator> coordinator;
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
  metrics.emplace(registry, static_cast<std::size_t>(spec.rounds.max_clients));
  const http::ListenAddress address{options.metrics.host, *options.metrics.port};
  GENESIS_ASSIGN(health, http::HealthServer::start(address, registry, metrics->checks()));
  spdlog::info("metrics url={}", health->url());
  return {};
}

Status FederatedServer::Impl::start() {
  GENESIS_ASSIGN(auto spec, training(options));
  GENESIS_ASSIGN(auto tls, tls::load_context(options.tls));
  GENESIS_RETURN_IF_ERROR(watch(spec));
  if (!options.output.empty()) {
    GENESIS_RETURN_IF_ERROR(check_writable(options.output));
    GENESIS_ASSIGN(files, federation::RoundFiles::open(options.output / "checkpoints"));
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
  service_options.uploads = uploads_folder(options);
  service.emplace(io.get_executor(), *coordinator, clock, std::move(service_options));
  auto handler = service->handler();
  if (metrics) {
    coordinator->measure(*metrics, clock.now());
    handler = metrics->measured(std::move(handler));
  }
  const http::ListenAddress address{options.host, options.port};
  GENESIS_ASSIGN(
      server,
      http::Server::start(
          io.get_executor(), address, std::move(tls), http::Limits{}, std::move(handler)));
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
  reporter->closed(checkpoint.round);
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
    files->clear();  // every client has heard of the end
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
  return impl_->finish();
}

void FederatedServer::stop() {
  impl_->is_stopped = true;
  impl_->io.stop();
}

}  // namespace genesis
