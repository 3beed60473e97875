// genesis-aggregator, also run as `genesis federated server`: leads one training over HTTPS.
#include <csignal>
#include <iostream>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "aggregator/coordinator.hpp"
#include "aggregator/service.hpp"
#include "common/base/file.hpp"
#include "common/crypto/entropy.hpp"
#include "common/federation/auth_token.hpp"
#include "common/federation/round_files.hpp"
#include "common/spec/parse.hpp"
#include "common/wire/checkpoint.hpp"

namespace {

using namespace genesis;

struct Options {
  std::string spec_file;
  std::string host = "0.0.0.0";
  std::uint16_t port = 8443;
  std::string certificate, key, client_authority, token_file, output = ".";
  std::vector<spec::Override> overrides;
};

int complain(const Error& error) {
  std::cerr << "genesis-aggregator: " << error.message << "\n";
  return 1;
}

Result<spec::FederatedTraining> training(const Options& options) {
  if (!options.spec_file.empty()) {
    GENESIS_ASSIGN(auto text, read_file(options.spec_file, 1 << 20));
    return spec::parse(text, options.spec_file, options.overrides);
  }
  return spec::parse(
      "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\n"
      "metadata: {name: training}\nspec: {}\n",
      "command line",
      options.overrides);
}

Result<std::optional<tls::ServerContext>> server_tls(const Options& options) {
  if (options.certificate.empty()) {
    return std::optional<tls::ServerContext>();
  }
  GENESIS_ASSIGN(auto certificate, tls::load_pem(options.certificate));
  GENESIS_ASSIGN(auto key, tls::load_pem(options.key));
  std::optional<tls::NamedPem> authority;
  if (!options.client_authority.empty()) {
    GENESIS_ASSIGN(authority, tls::load_pem(options.client_authority));
  }
  const tls::ServerTls files{std::move(certificate), std::move(key), std::move(authority)};
  GENESIS_ASSIGN(auto context, tls::ServerContext::create(files));
  return context;
}

boost::asio::awaitable<void> lead(boost::asio::io_context& io,
                                  aggregator::Service& service,
                                  http::Server& server) {
  co_await service.run(std::chrono::seconds(10));
  co_await server.stop(std::chrono::seconds(5));
  io.stop();
}

// The newest checkpoint that is whole; damaged ones are set aside.
std::optional<wire::Checkpoint> newest_checkpoint(const federation::RoundFiles& files) {
  for (const auto round : files.rounds()) {
    const auto name = files.path(round).string();
    auto bytes = files.read(round);
    auto checkpoint = bytes ? wire::decode_checkpoint(*bytes, name)
                            : Result<wire::Checkpoint>(tl::unexpected(bytes.error()));
    if (checkpoint) {
      return std::move(*checkpoint);
    }
    spdlog::warn("checkpoint set aside, the one before it is used: {}", checkpoint.error().message);
    files.set_aside(round);
  }
  return std::nullopt;
}

// A training that goes on from `files` where they hold one, else starts.
Result<aggregator::Coordinator> coordinate(spec::FederatedTraining training,
                                           const federation::RoundFiles& files,
                                           Instant now) {
  if (auto checkpoint = newest_checkpoint(files)) {
    spdlog::info("resume run={} after-round={}", checkpoint->run, checkpoint->round.value);
    return aggregator::Coordinator::resume(std::move(training), std::move(*checkpoint), now);
  }
  crypto::SystemEntropy entropy;
  return aggregator::Coordinator(std::move(training), crypto::random_id(entropy), now);
}

int serve(const Options& options) {
  auto spec = training(options);
  if (!spec) return complain(spec.error());
  auto token = federation::load_auth_token(options.token_file);
  if (!token) return complain(token.error());
  auto tls = server_tls(options);
  if (!tls) return complain(tls.error());
  std::error_code failed;
  std::filesystem::create_directories(options.output, failed);
  const auto model_path = std::filesystem::path(options.output) / "model.safetensors";
  if (auto writable = write_file_atomic(std::filesystem::path(options.output) / ".writable", "");
      !writable) {
    return complain(Error{
        Errc::kIo,
        options.output + ": the output folder cannot be written: " + writable.error().message});
  }
  std::filesystem::remove(std::filesystem::path(options.output) / ".writable", failed);

  const bool is_mutual = tls->has_value() && (*tls)->is_mutual();
  if (!tls->has_value()) {
    spdlog::warn(
        "serving plain HTTP: anyone on the network can read and change what travels; "
        "pass --ssl-cert and --ssl-key");
  }
  const SteadyClock clock;
  auto files = federation::RoundFiles::open(std::filesystem::path(options.output) / "checkpoints");
  if (!files) return complain(files.error());
  auto started = coordinate(std::move(*spec), *files, clock.now());
  if (!started) {
    return complain(started.error().within(options.output));
  }
  aggregator::Coordinator& coordinator = *started;
  coordinator.on_checkpoint([&files](const wire::Checkpoint& checkpoint) {
    if (auto saved = files->save(checkpoint.round, wire::encode(checkpoint)); !saved) {
      spdlog::error("checkpoint round={} not saved, the training goes on without it: {}",
                    checkpoint.round.value,
                    saved.error().message);
    }
  });
  boost::asio::io_context io(1);
  aggregator::ServiceOptions service_options;
  service_options.auth_token = std::move(*token);
  service_options.is_mutual_tls = is_mutual;
  aggregator::Service service(io.get_executor(), coordinator, clock, std::move(service_options));
  const http::ListenAddress address{options.host, options.port};
  auto server = http::Server::start(
      io.get_executor(), address, std::move(*tls), http::Limits{}, service.handler());
  if (!server) return complain(server.error());
  service.observe((*server)->counters());
  std::cout << "listening " << (*server)->url() << std::endl;
  spdlog::info("training name={} run={} rounds={} waiting-for={}",
               coordinator.training().name,
               coordinator.run(),
               coordinator.training().rounds.count,
               aggregator::round_config(coordinator.training()).expected_clients);

  bool interrupted = false;
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) {
      interrupted = true;
      io.stop();
    }
  });
  boost::asio::co_spawn(io, lead(io, service, **server), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  io.run();
  if (interrupted) {
    return complain(Error{Errc::kUnavailable, "interrupted before the training was over"});
  }
  if (coordinator.model().empty()) {
    return complain(
        Error{Errc::kFailedPrecondition, "training failed: " + coordinator.state().reason});
  }
  if (auto written = write_file_atomic(model_path, coordinator.model()); !written) {
    return complain(written.error());
  }
  files->clear();  // every client has heard of the end
  std::cout << "model " << model_path.string() << std::endl;
  return 0;
}

// A flag or environment variable that overrides one field of the spec; the flag wins.
void add_override(CLI::App& app,
                  Options& options,
                  const char* flag,
                  const char* variable,
                  const char* path,
                  const char* help) {
  app.add_option_function<std::string>(
         flag,
         [&options, path](const std::string& value) {
           options.overrides.push_back({path, value});
         },
         help)
      ->envname(variable);
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("aggregator"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  CLI::App app(
      "Leads one federated training: waits for the clients, runs the rounds over HTTPS and "
      "writes model.safetensors.",
      "genesis federated server");
  Options options;
  app.add_option("-f,--file", options.spec_file, "The training's YAML; flags override its fields");
  app.add_option("--host", options.host, "Address to listen on")->capture_default_str();
  app.add_option("--port", options.port, "Port to listen on; 0 takes a free one")
      ->capture_default_str();
  add_override(app, options, "--method", "GENESIS_METHOD", "model.method", "Generator: ctgan");
  add_override(app, options, "--rounds", "GENESIS_ROUNDS", "rounds.count", "Rounds to run");
  add_override(app,
               options,
               "--min-clients",
               "GENESIS_MIN_CLIENTS",
               "rounds.minClients",
               "Quorum of the start and of every round");
  add_override(app,
               options,
               "--max-clients",
               "GENESIS_MAX_CLIENTS",
               "rounds.maxClients",
               "Places for clients");
  add_override(app,
               options,
               "--client-fraction",
               "GENESIS_CLIENT_FRACTION",
               "rounds.clientFraction",
               "Share of the clients drawn each round");
  add_override(app,
               options,
               "--aggregation",
               "GENESIS_AGGREGATION",
               "aggregation.strategy",
               "fedavg, weighted, fedprox or median");
  add_override(app,
               options,
               "--proximal-mu",
               "GENESIS_PROXIMAL_MU",
               "aggregation.proximalMu",
               "FedProx's mu");
  app.add_option_function<std::vector<std::string>>(
      "--set",
      [&options](const std::vector<std::string>& pairs) {
        for (const auto& pair : pairs) {
          const auto equals = pair.find('=');
          options.overrides.push_back(
              {pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1)});
        }
      },
      "Overrides any field of the spec: --set rounds.count=3");
  auto* certificate = app.add_option(
      "--ssl-cert", options.certificate, "Server certificate, PEM (plain HTTP without)");
  auto* key = app.add_option("--ssl-key", options.key, "Its private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option(
         "--ssl-client-ca",
         options.client_authority,
         "Authority that client certificates must come from; clients without one are refused")
      ->needs(certificate);
  app.add_option("--auth-token-file",
                 options.token_file,
                 "File with the token that clients must send (or FEDERATED_AUTH_TOKEN)");
  app.add_option("--output", options.output, "Folder for model.safetensors")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return serve(options);
}
