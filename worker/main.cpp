// genesis-worker, also run as `genesis federated client`: one site's part of a training.
#include <iostream>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include "common/base/exit_code.hpp"
#include "common/base/version.hpp"
#include "common/federation/auth_token.hpp"
#include "common/log/log.hpp"
#include "genesis/federated_client.hpp"
#include "worker/join_bundle.hpp"

namespace {

using namespace genesis;

struct Options {
  std::string token_file, join;
  bool is_verbose = false;
  ClientOptions client;
};

Status work(Options& options) {
  GENESIS_ASSIGN(options.client.auth_token, federation::load_auth_token(options.token_file));
  if (!options.join.empty()) {
    GENESIS_RETURN_IF_ERROR(worker::read_join_bundle(options.join, options.client));
  } else if (options.client.server.empty() || options.client.client_id.empty()) {
    return fail(Errc::kInvalidArgument, "pass --join, or --server and --client-id");
  }
  GENESIS_ASSIGN(auto client, FederatedClient::create(options.client));
  return client.run();
}

void add_override(
    CLI::App& app, Options& options, const char* flag, const char* path, const char* help) {
  app.add_option_function<std::string>(
      flag,
      [&options, path](const std::string& value) {
        options.client.overrides.push_back({path, value});
      },
      help);
}

}  // namespace

int main(int argc, char** argv) {
  log::start("worker");
  CLI::App app(
      "Takes part in one federated training with the rows of one site. It makes outbound\n"
      "connections only.\n\n"
      "Rows are not sent. These leave the site: column names and kinds, the number of rows, exact\n"
      "extremes and frequent values of numeric columns, all values of category columns,\n"
      "histograms, and in every round a model update with its losses and step times. The server\n"
      "can read all of it and passes extremes, frequent values and categories on to the other\n"
      "sites.",
      "genesis federated client");
  app.footer("Exit codes: 0 success, 1 failure, 2 wrong usage, 3 permanent error (do not retry).");
  app.set_version_flag("--version", version_line("genesis-worker"));
  Options options;
  auto* server =
      app.add_option("--server", options.client.server, "URL of the server, https://host:port");
  auto* join = app.add_option("--join",
                              options.join,
                              "Join bundle that the operator created for this site; replaces "
                              "--server, --client-id, certificates and token");
  join->excludes(server);
  app.add_option(
         "--data", options.client.data, "CSV file with the rows of this site, plain or gzipped")
      ->required();
  app.add_option("--client-id",
                 options.client.client_id,
                 "Client id of this site; must be the CN of its certificate")
      ->excludes(join);
  app.add_option(
      "--state",
      options.client.state,
      "Folder for the state from which this client resumes after a restart; use a new folder for "
      "each training");
  app.add_option(
         "--discrete-columns",
         options.client.discrete_columns,
         "Columns to treat as categories, in addition to those of the spec; comma-separated")
      ->delimiter(',');
  app.add_option("--ssl-verify",
                 options.client.server_authority,
                 "Authority that the server's certificate must come from, PEM");
  auto* certificate =
      app.add_option("--ssl-cert", options.client.certificate, "This site's certificate, PEM");
  auto* key = app.add_option("--ssl-key", options.client.key, "Its private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--auth-token-file",
                 options.token_file,
                 "File with the training's token (or FEDERATED_AUTH_TOKEN)");
  add_override(
      app, options, "--local-epochs", "local.epochs", "Epochs per round; overrides the spec");
  add_override(app,
               options,
               "--batch-size",
               "local.batchSize",
               "Rows per training step; overrides the spec");
  add_override(app,
               options,
               "--learning-rate",
               "local.learningRate",
               "Learning rate; overrides the spec, whose schedule still applies");
  app.add_option("--metrics-port",
                 options.client.metrics.port,
                 "Port for /metrics, /healthz and /readyz, plain HTTP; 0 takes a free one (off "
                 "without)")
      ->envname("GENESIS_METRICS_PORT");
  app.add_option("--metrics-host", options.client.metrics.host, "Address of that port")
      ->envname("GENESIS_METRICS_HOST")
      ->capture_default_str();
  app.add_flag("--verbose", options.is_verbose, "Also log retries");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.is_verbose) {
    spdlog::set_level(spdlog::level::debug);
  }
  if (const auto done = work(options); !done) {
    std::cerr << "genesis federated client: " << options.client.client_id << ": "
              << done.error().message << "\n";
    const auto code = done.error().code;
    const bool is_for_good = code == Errc::kInvalidArgument || code == Errc::kNotFound ||
                             code == Errc::kPermissionDenied;
    return is_for_good ? kExitForGood : 1;
  }
  return 0;
}
