#include "cli/federated_evict.hpp"

#include <iostream>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/report.hpp"
#include "common/base/ids.hpp"
#include "common/federation/auth_token.hpp"
#include "common/http/bearer.hpp"
#include "common/http/client.hpp"
#include "common/tls/files.hpp"

namespace genesis::cli {
namespace {

struct Options {
  std::string server;
  std::string client;
  ClientTlsFiles tls;
  std::filesystem::path token_file;
};

Status evict(const Options& options) {
  GENESIS_ASSIGN(const auto client, ClientId::parse(options.client));
  GENESIS_ASSIGN(auto tls, tls::load_context(options.tls));
  GENESIS_ASSIGN(const auto token, federation::load_auth_token(options.token_file));
  GENESIS_ASSIGN(auto server, http::Client::create(options.server, std::move(tls)));
  http::ClientRequest request;
  request.method = "DELETE";
  request.path = "/v1/clients/" + client.str();
  if (token) {
    GENESIS_ASSIGN(auto header, http::bearer(server.url(), token->reveal()));
    request.headers.push_back(std::move(header));
  }
  GENESIS_ASSIGN(const auto response, server.request(request));
  if (!response.is_success()) {
    return tl::unexpected(http::error_of(response));
  }
  std::cout << client.str() << ": its certificates are refused from now on\n";
  return {};
}

}  // namespace

int federated_evict(int argc, char** argv) {
  CLI::App app(
      "Makes the server of a training refuse the certificates of one client, from now on and\n"
      "after a restart. Needs the certificate of genesis-admin.",
      "genesis federated evict");
  Options options;
  app.add_option("client", options.client, "Client id of the site")->required();
  app.add_option("--server", options.server, "URL of the server, https://host:port")->required();
  command_line::add_tls(app, options.tls);
  command_line::add_auth_token(app, options.token_file);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsageError;
  }
  const auto done = evict(options);
  return done ? 0 : complain("federated evict", done.error());
}

}  // namespace genesis::cli
