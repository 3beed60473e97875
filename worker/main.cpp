// genesis-worker, also run as `genesis federated client`: one site's part of a training.
#include <iostream>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "common/federation/auth_token.hpp"
#include "common/model/ctgan.hpp"
#include "worker/client.hpp"

namespace {

using namespace genesis;

struct Options {
  std::string server, data, client_id, state, authority, certificate, key, token_file;
  std::vector<std::string> discrete_columns;
  std::vector<spec::Override> overrides;
  bool is_verbose = false;
};

Result<std::optional<tls::ClientContext>> client_tls(const Options& options) {
  if (options.authority.empty()) {
    return std::optional<tls::ClientContext>();
  }
  tls::ClientTls files;
  GENESIS_ASSIGN(files.authority, tls::load_pem(options.authority));
  if (!options.certificate.empty()) {
    GENESIS_ASSIGN(files.certificate, tls::load_pem(options.certificate));
    GENESIS_ASSIGN(files.key, tls::load_pem(options.key));
  }
  GENESIS_ASSIGN(auto context, tls::ClientContext::create(files));
  return context;
}

Status work(const Options& options) {
  GENESIS_ASSIGN(auto client, ClientId::parse(options.client_id));
  GENESIS_ASSIGN(auto token, federation::load_auth_token(options.token_file));
  GENESIS_ASSIGN(auto tls, client_tls(options));
  const worker::ClientOptions client_options{.server_url = options.server,
                                             .client = std::move(client),
                                             .data = options.data,
                                             .discrete_columns = options.discrete_columns,
                                             .state = options.state,
                                             .tls = std::move(tls),
                                             .auth_token = std::move(token),
                                             .overrides = options.overrides};
  return worker::run_client(client_options);
}

void add_override(
    CLI::App& app, Options& options, const char* flag, const char* path, const char* help) {
  app.add_option_function<std::string>(
      flag,
      [&options, path](const std::string& value) {
        options.overrides.push_back({path, value});
      },
      help);
}

}  // namespace

int main(int argc, char** argv) {
  model::use_one_thread();
  spdlog::set_default_logger(spdlog::stderr_logger_mt("worker"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  CLI::App app(
      "Takes part in one federated training with the rows of one site. The rows stay here: "
      "only counts and weight updates leave, over outbound connections.",
      "genesis federated client");
  Options options;
  app.add_option("--server", options.server, "URL of the server, https://host:port")->required();
  app.add_option("--data", options.data, "This site's rows, .csv or .csv.gz")->required();
  app.add_option("--client-id",
                 options.client_id,
                 "Name of this site; with client certificates, the certificate's CN")
      ->required();
  app.add_option(
      "--state",
      options.state,
      "Folder that lets this client go on after a restart; its own, one for each training");
  app.add_option("--discrete-columns",
                 options.discrete_columns,
                 "Columns to treat as categories, beside the spec's: a,b")
      ->delimiter(',');
  app.add_option("--ssl-verify",
                 options.authority,
                 "Authority that the server's certificate must come from, PEM");
  auto* certificate =
      app.add_option("--ssl-cert", options.certificate, "This site's certificate, PEM");
  auto* key = app.add_option("--ssl-key", options.key, "Its private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--auth-token-file",
                 options.token_file,
                 "File with the training's token (or FEDERATED_AUTH_TOKEN)");
  add_override(
      app, options, "--local-epochs", "local.epochs", "Epochs a round, instead of the spec's");
  add_override(
      app, options, "--batch-size", "local.batchSize", "Rows a step, instead of the spec's");
  add_override(app,
               options,
               "--learning-rate",
               "local.learningRate",
               "Learning rate, instead of the spec's; the schedule is kept");
  app.add_flag("--verbose", options.is_verbose, "Log retries too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.is_verbose) {
    spdlog::set_level(spdlog::level::debug);
  }
  if (const auto done = work(options); !done) {
    std::cerr << "genesis federated client: " << options.client_id << ": " << done.error().message
              << "\n";
    return 1;
  }
  return 0;
}
