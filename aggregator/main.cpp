// genesis-aggregator, also run as `genesis federated server`: leads one training over HTTPS.
#include <algorithm>
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
#include "common/command_line/flags.hpp"
#include "common/federation/auth_token.hpp"
#include "common/log/log.hpp"
#include "genesis/federated_server.hpp"

namespace {

using namespace genesis;

struct Options {
  std::string spec_file, outcome_file;
  std::filesystem::path token_file;
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
    GENESIS_ASSIGN(options.server.spec, read_file(options.spec_file, spec::kMaxSpecBytes));
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

constexpr const char* kEncryption = "privacy.secureAggregation.encryption";

// The flags that override a field of the spec, each with a variable of the environment.
constexpr command_line::OverrideFlag kOverrides[] = {
    {"--method", "model.method", "Training method, as spec.model.method", "GENESIS_METHOD"},
    {"--rounds", "rounds.count", "Number of rounds", "GENESIS_ROUNDS"},
    {"--min-clients",
     "rounds.minClients",
     "Clients needed to start and to close a round",
     "GENESIS_MIN_CLIENTS"},
    {"--max-clients", "rounds.maxClients", "Clients accepted at most", "GENESIS_MAX_CLIENTS"},
    {"--client-fraction",
     "rounds.clientFraction",
     "Fraction of the clients selected for a round",
     "GENESIS_CLIENT_FRACTION"},
    {"--aggregation",
     "aggregation.strategy",
     "fedavg, weighted, fedprox, median or trimmed-mean",
     "GENESIS_AGGREGATION"},
    {"--proximal-mu", "aggregation.proximalMu", "Mu of FedProx", "GENESIS_PROXIMAL_MU"},
    {"--encryption",
     kEncryption,
     "masking or paillier: secure sums, of which the server sees no single site's values",
     "GENESIS_ENCRYPTION"},
};

// Secure sums are masked unless it is said how they are hidden.
void add_secure_aggregation(std::vector<spec::Override>& overrides) {
  if (std::ranges::find(overrides, kEncryption, &spec::Override::path) == overrides.end()) {
    overrides.push_back({kEncryption, "masking"});
  }
}

// A training that has failed, or whose checkpoints are of another spec, would fail again: whoever
// restarts the server is to leave it.
int exit_code_of(const Error& error) {
  return error.code == Errc::kFailedPrecondition ? kExitPermanentError
                                                 : genesis::exit_code_of(error.code);
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
  app.set_version_flag("--version", version_text("genesis-aggregator"));
  Options options;
  options.server.output = ".";
  app.add_option(
      "-f,--file", options.spec_file, "Training spec (YAML); other flags override its fields");
  app.add_option("--host", options.server.host, "Listen address")->capture_default_str();
  app.add_option("--port", options.server.port, "Listen port; 0 selects a free port")
      ->envname("GENESIS_PORT")
      ->capture_default_str();
  for (const auto& flag : kOverrides) {
    command_line::add_override(app, flag, options.server.overrides);
  }
  bool is_secure = false;
  app.add_flag("--secure-aggregation",
               is_secure,
               "Secure sums, by masks unless --encryption says otherwise")
      ->envname("GENESIS_SECURE_AGGREGATION");
  command_line::add_set(app, options.server.overrides);
  command_line::add_tls(app, options.server.tls);
  command_line::add_auth_token(app, options.token_file);
  app.add_flag("--require-authentication",
               options.server.require_authentication,
               "Do not start without a client CA or a token");
  constexpr std::uint64_t kLeastBodyBytes = std::uint64_t{8} << 20;
  constexpr std::uint64_t kMostBodyBytes = std::uint64_t{1} << 40;
  app.add_option("--max-body-bytes",
                 options.server.body_bytes_in_flight,
                 "Request bodies in memory at most, all together; beyond it the peer that holds "
                 "most gets 503")
      ->check(CLI::Range(kLeastBodyBytes, kMostBodyBytes))
      ->capture_default_str();
  app.add_option("--output", options.server.output, "Folder for model.safetensors and checkpoints")
      ->capture_default_str();
  command_line::add_metrics(app, options.server.metrics);
  app.add_option("--outcome-file",
                 options.outcome_file,
                 "Write the result to this file on exit: digest and size of the model as JSON, or "
                 "the error")
      ->envname("GENESIS_OUTCOME_FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsageError;
  }
  if (is_secure) {
    add_secure_aggregation(options.server.overrides);
  }
  if (const auto done = serve(options); !done) {
    const std::string message = command_line::describe(done.error());
    std::cerr << "genesis-aggregator: " << message << "\n";
    write_outcome(options, message);
    return exit_code_of(done.error());
  }
  return 0;
}
