// genesis-worker, also run as `genesis federated client`: one site's part of a training.
#include <fstream>
#include <iostream>
#include <string_view>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include "common/base/exit_code.hpp"
#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/command_line/flags.hpp"
#include "common/federation/auth_token.hpp"
#include "common/log/log.hpp"
#include "genesis/federated_client.hpp"
#include "worker/join_bundle.hpp"

namespace {

using namespace genesis;

struct Options {
  std::filesystem::path token_file;
  std::string join, outcome_file;
  bool is_verbose = false;
  bool is_dry_run = false;
  ClientOptions client;
};

Status work(Options& options) {
  GENESIS_ASSIGN(options.client.auth_token, federation::load_auth_token(options.token_file));
  if (!options.join.empty()) {
    GENESIS_RETURN_IF_ERROR(worker::read_join_bundle(options.join, options.client));
  }
  ClientCallbacks callbacks;
  if (options.is_dry_run) {
    callbacks.only_disclose = [](const std::string& line) { std::cout << line << std::endl; };
  }
  GENESIS_ASSIGN(auto client, FederatedClient::create(options.client, std::move(callbacks)));
  return client.run();
}

// For who looks after the process, such as the kubelet: why it ended, without what cells hold.
// Written in place: the file may be a mount.
void write_outcome(const Options& options, const std::string& line) {
  if (options.outcome_file.empty()) {
    return;
  }
  std::ofstream file(options.outcome_file, std::ios::trunc);
  if (!(file << without_quoted(line) << std::endl)) {
    spdlog::error("outcome file={} cannot be written", options.outcome_file);
  }
}

// The flags that override a field of the spec for this site alone.
constexpr command_line::OverrideFlag kOverrides[] = {
    {"--local-epochs", "local.epochs", "Local epochs per round, instead of the spec's"},
    {"--batch-size", "local.batchSize", "Batch size, instead of the spec's"},
    {"--learning-rate",
     "local.learningRate",
     "Learning rate, instead of the spec's; the schedule is kept"},
};

}  // namespace

int main(int argc, char** argv) {
  log::start("worker");
  CLI::App app(
      "Takes part in one federated training with the rows of one site. It makes outbound\n"
      "connections only.\n\n"
      "Rows are not sent. These leave the site: column names and kinds, the number of rows,\n"
      "rounded bounds and frequent values of numeric columns, categories that enough rows hold,\n"
      "histograms, and in every round a model update with its losses and step times. The server\n"
      "can read all of it and passes bounds, frequent values and categories on to the other sites.",
      "genesis federated client");
  app.footer(
      "Exit codes: 0 success, 1 failure, 2 wrong usage, 3 permanent error (do not retry), 4 the\n"
      "server could not be reached.");
  app.set_version_flag("--version", version_text_with_torch("genesis-worker"));
  Options options;
  auto* server =
      app.add_option("--server", options.client.server, "URL of the server, https://host:port");
  auto* join = app.add_option("--join",
                              options.join,
                              "Join bundle that the operator created for this site; replaces "
                              "--server, --client-id, certificates, token and, unless it is named, "
                              "--paillier-key");
  join->excludes(server);
  app.add_option(
         "--data", options.client.data, "CSV file with the rows of this site, plain or gzipped")
      ->required();
  app.add_option("--client-id",
                 options.client.client_id,
                 "Client id of this site; must be the CN of its certificate (default: that name, "
                 "or without "
                 "a certificate the name of this host, with -2, -3 and so on where another live "
                 "client has it)")
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
  command_line::add_tls(app, options.client.tls);
  command_line::add_auth_token(app, options.token_file);
  for (const auto& flag : kOverrides) {
    command_line::add_override(app, flag, options.client.overrides);
  }
  app.add_option(
      "--policy",
      options.client.policy,
      "SitePolicy of this site (YAML): which columns may take part and as what, and what "
      "never leaves");
  app.add_option("--expect-spec",
                 options.client.expect_spec,
                 "Take part only in the training whose spec has this digest, sha256:HEX");
  app.add_option("--ledger",
                 options.client.ledger,
                 "Folder of this site's privacy ledgers, on a disk that survives this process; "
                 "trainings with differential privacy are charged there (default: "
                 "~/.local/state/genesis/ledger)");
  app.add_option("--data-set",
                 options.client.data_set,
                 "Name of these rows in the privacy ledger; the same for all trainings on them "
                 "(default: the client id)");
  app.add_flag("--secure-aggregation",
               options.client.secure_aggregation,
               "Take part only in a training whose secure sums hide what this site sends")
      ->envname("GENESIS_SECURE_AGGREGATION");
  app.add_option("--paillier-key",
                 options.client.paillier_key,
                 "File of the sites' key, for trainings whose sums are encrypted with it "
                 "(genesis keys paillier)")
      ->envname("GENESIS_PAILLIER_KEY");
  app.add_flag("--dry-run",
               options.is_dry_run,
               "Print everything that would leave this site, and send none of it");
  command_line::add_metrics(app, options.client.metrics);
  app.add_option("--outcome-file",
                 options.outcome_file,
                 "Write the error to this file on exit, without what cells of the data hold")
      ->envname("GENESIS_OUTCOME_FILE");
  app.add_flag("--verbose", options.is_verbose, "Also log retries");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsageError;
  }
  if (options.join.empty() && options.client.server.empty()) {
    std::cerr << "genesis federated client: pass --join or --server\n";
    return kExitUsageError;
  }
  if (options.is_verbose) {
    spdlog::set_level(spdlog::level::debug);
  }
  if (const auto done = work(options); !done) {
    const auto& id = options.client.client_id;
    const std::string message = "genesis federated client: " + (id.empty() ? "" : id + ": ") +
                                command_line::describe(done.error());
    std::cerr << message << "\n";
    write_outcome(options, message);
    return is_retryable(done.error().code) ? kExitUnavailable : exit_code_of(done.error().code);
  }
  return 0;
}
