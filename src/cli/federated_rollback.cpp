#include "cli/federated_rollback.hpp"

#include <cstdint>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/report.hpp"
#include "common/base/exit_code.hpp"
#include "common/command_line/flags.hpp"
#include "common/federation/auth_token.hpp"
#include "common/http/bearer.hpp"
#include "common/http/client.hpp"
#include "common/tls/files.hpp"

namespace genesis::cli {
namespace {

struct Options {
  std::string server;
  ClientTlsFiles tls;
  std::filesystem::path token_file;
  std::uint32_t to_round = 0;
};

Status roll_back(const Options& options) {
  GENESIS_ASSIGN(auto tls, tls::load_context(options.tls));
  GENESIS_ASSIGN(const auto token, federation::load_auth_token(options.token_file));
  GENESIS_ASSIGN(auto client, http::Client::create(options.server, std::move(tls)));
  const std::string body = "{\"round\":" + std::to_string(options.to_round) + "}";
  http::ClientRequest request;
  request.method = "POST";
  request.path = "/v1/rollback";
  request.body = body;
  if (token) {
    GENESIS_ASSIGN(auto header, http::bearer(client.url(), token->reveal()));
    request.headers.push_back(std::move(header));
  }
  GENESIS_ASSIGN(const auto response, client.request(request));
  return response.is_success() ? Status() : Status(tl::unexpected(http::error_of(response)));
}

}  // namespace

int federated_rollback(int argc, char** argv) {
  CLI::App app(
      "Makes a training go on after an earlier round: what was trained since is forgotten, at the\n"
      "server and at its clients. The server keeps the checkpoints of the last ten rounds. Needs "
      "a\n"
      "client certificate named genesis-admin.",
      "genesis federated rollback");
  app.footer("Exit codes: 0 success, 1 failure, 2 wrong usage, 3 permanent error (do not retry).");
  Options options;
  app.add_option("--server", options.server, "URL of the server, https://host:port")->required();
  app.add_option("--to-round", options.to_round, "Round after which the training goes on")
      ->required();
  command_line::add_tls(app, options.tls);
  command_line::add_auth_token(app, options.token_file);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsageError;
  }
  if (const auto done = roll_back(options); !done) {
    return complain("federated rollback", done.error());
  }
  std::cout << "rolled back to round " << options.to_round << "\n";
  return 0;
}

}  // namespace genesis::cli
