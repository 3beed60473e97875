// genesis-aggregator, also run as `genesis federated server`: leads one training over HTTPS.
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <malloc.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "common/base/exit_code.hpp"
#include "common/base/file.hpp"
#include "common/base/version.hpp"
#include "common/federation/auth_token.hpp"
#include "common/log/log.hpp"
#include "genesis/federated_server.hpp"

namespace {

using namespace genesis;

struct Options {
  std::string spec_file, token_file, outcome_file;
  ServerOptions server;
};

// Stops the server on SIGINT and SIGTERM for as long as it lives.
class StopOnSignal {
 public:
  explicit StopOnSignal(FederatedServer& server) : signals_(io_, SIGINT, SIGTERM) {
    signals_.async_wait([&server](const boost::system::error_code& error, int) {
      if (!error) {
        server.stop();
      }
    });
    waiting_ = std::thread([this] { io_.run(); });
  }
  ~StopOnSignal() {
    io_.stop();
    waiting_.join();
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  boost::asio::io_context io_;
  boost::asio::signal_set signals_;
  std::thread waiting_;
};

// For who looks after the process, such as the kubelet: what became of the training, in one line.
// Written in place: the file may be a mount.
void write_outcome(const Options& options, const std::string& line) {
  if (options.outcome_file.empty()) {
    return;
  }
  std::ofstream file(options.outcome_file, std::ios::trunc);
  if (!(file << line << std::endl)) {
    spdlog::error("outcome file={} cannot be written", options.outcome_file);
  }
}

// What each client did last, in the room that a kubelet leaves of its 4,096 bytes.
nlohmann::json outcome_of(const TrainedModel& model,
                          const std::map<std::string, TrainMetrics>& clients) {
  constexpr std::size_t kRoom = 3'800;
  nlohmann::json outcome{{"modelSha256", model.sha256}, {"modelBytes", model.bytes.size()}};
  auto told = nlohmann::json::object();
  std::size_t size = outcome.dump().size();
  for (const auto& [name, last] : clients) {
    nlohmann::json client{{"rows", last.rows}, {"lastRound", last.round}};
    size += name.size() + client.dump().size() + std::string_view(R"("":,)").size();
    if (size > kRoom) {
      break;
    }
    told[name] = std::move(client);
  }
  outcome["clients"] = std::move(told);
  return outcome;
}

Status serve(Options& options) {
  if (!options.spec_file.empty()) {
    constexpr std::uint64_t kMaxSpecBytes = 1 << 20;
    GENESIS_ASSIGN(options.server.spec, read_file(options.spec_file, kMaxSpecBytes));
    options.server.spec_name = options.spec_file;
  }
  GENESIS_ASSIGN(options.server.auth_token, federation::load_auth_token(options.token_file));
  std::map<std::string, TrainMetrics> clients;
  ServerCallbacks callbacks;
  callbacks.on_metrics = [&clients](const TrainMetrics& metrics) {
    clients[metrics.client] = metrics;
  };
  GENESIS_ASSIGN(auto server, FederatedServer::start(options.server, std::move(callbacks)));
  const StopOnSignal stop_on_signal(server);
  std::cout << "listening " << server.url() << std::endl;
  if (!server.metrics_url().empty()) {
    std::cout << "metrics " << server.metrics_url() << std::endl;
  }
  GENESIS_ASSIGN(auto model, server.run());
  std::cout << "model " << model.path.string() << std::endl;
  write_outcome(options, outcome_of(model, clients).dump());
  return {};
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
           options.server.overrides.push_back({path, value});
         },
         help)
      ->envname(variable);
}

// Blocks as large as models and updates go back to the system once they are freed. glibc would
// raise the size from which they do with each that comes, and keep them.
void give_large_blocks_back() {
  constexpr int kLarge = 128 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kLarge);
  ::mallopt(M_TRIM_THRESHOLD, kLarge);
}

}  // namespace

int main(int argc, char** argv) {
  give_large_blocks_back();
  log::start("aggregator");
  CLI::App app(
      "Runs the server of one federated training: waits for clients, runs the rounds over HTTPS\n"
      "and writes model.safetensors.",
      "genesis federated server");
  app.footer("Exit codes: 0 success, 1 failure, 2 wrong usage, 3 permanent error (do not retry).");
  app.set_version_flag("--version", version_line("genesis-aggregator"));
  Options options;
  options.server.output = ".";
  app.add_option(
      "-f,--file", options.spec_file, "Training spec (YAML); other flags override its fields");
  app.add_option("--host", options.server.host, "Listen address")->capture_default_str();
  app.add_option("--port", options.server.port, "Listen port; 0 selects a free port")
      ->capture_default_str();
  add_override(app,
               options,
               "--method",
               "GENESIS_METHOD",
               "model.method",
               "Training method, as spec.model.method");
  add_override(app, options, "--rounds", "GENESIS_ROUNDS", "rounds.count", "Number of rounds");
  add_override(app,
               options,
               "--min-clients",
               "GENESIS_MIN_CLIENTS",
               "rounds.minClients",
               "Clients required to start, and updates required for each round");
  add_override(app,
               options,
               "--max-clients",
               "GENESIS_MAX_CLIENTS",
               "rounds.maxClients",
               "Largest number of clients");
  add_override(app,
               options,
               "--client-fraction",
               "GENESIS_CLIENT_FRACTION",
               "rounds.clientFraction",
               "Fraction of the clients selected for each round");
  add_override(app,
               options,
               "--aggregation",
               "GENESIS_AGGREGATION",
               "aggregation.strategy",
               "Aggregation strategy: fedavg, weighted, fedprox or median");
  add_override(app,
               options,
               "--proximal-mu",
               "GENESIS_PROXIMAL_MU",
               "aggregation.proximalMu",
               "mu of FedProx; only with fedprox");
  app.add_option_function<std::vector<std::string>>(
      "--set",
      [&options](const std::vector<std::string>& pairs) {
        for (const auto& pair : pairs) {
          const auto equals = pair.find('=');
          options.server.overrides.push_back(
              {pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1)});
        }
      },
      "Override a field of the spec, such as --set rounds.count=3; may be repeated");
  auto* certificate = app.add_option(
      "--ssl-cert", options.server.certificate, "Server certificate, PEM (plain HTTP without)");
  auto* key = app.add_option("--ssl-key", options.server.key, "Its private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option(
         "--ssl-client-ca",
         options.server.client_authority,
         "Authority that client certificates must come from; clients without one are refused")
      ->needs(certificate);
  app.add_option("--auth-token-file",
                 options.token_file,
                 "File with the token that clients must send (or FEDERATED_AUTH_TOKEN)");
  app.add_option("--output", options.server.output, "Folder for model.safetensors and checkpoints")
      ->capture_default_str();
  app.add_option("--metrics-port",
                 options.server.metrics.port,
                 "Port for /metrics, /healthz and /readyz, plain HTTP; 0 takes a free one (off "
                 "without)")
      ->envname("GENESIS_METRICS_PORT");
  app.add_option("--metrics-host", options.server.metrics.host, "Address of that port")
      ->envname("GENESIS_METRICS_HOST")
      ->capture_default_str();
  app.add_option("--outcome-file",
                 options.outcome_file,
                 "Write the result (digest and size as JSON, or the error) to this file on exit")
      ->envname("GENESIS_OUTCOME_FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const auto done = serve(options); !done) {
    std::cerr << "genesis-aggregator: " << done.error().message << "\n";
    write_outcome(options, done.error().message);
    const auto code = done.error().code;
    const bool is_for_good = code == Errc::kFailedPrecondition || code == Errc::kInvalidArgument;
    return is_for_good ? kExitForGood : 1;
  }
  return 0;
}
