#include "cli/federated_bundle.hpp"

#include <filesystem>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/federated_cluster.hpp"
#include "cli/report.hpp"
#include "common/base/file.hpp"
#include "common/base/ids.hpp"
#include "common/federation/auth_token.hpp"
#include "common/http/url.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/tls/certificate_files.hpp"
#include "common/tls/context.hpp"
#include "common/tls/join_bundle.hpp"

namespace genesis::cli {
namespace {

struct Options {
  std::string site;
  std::string server;
  std::filesystem::path folder = ".";  // of the CA
  std::filesystem::path token_file;
  std::filesystem::path paillier_key;
  std::filesystem::path output;
  int days = 365;
  ClusterQuestion cluster;
};

// The certificate that the folder has of this site, or a new one that stays in the bundle alone.
Result<tls::CertifiedKey> client_pair(const Options& options, const ClientId& client) {
  if (std::filesystem::exists(options.folder / (client.str() + ".crt"))) {
    return tls::read_certified_key(options.folder, client.str());
  }
  GENESIS_ASSIGN(const auto ca, tls::read_certified_key(options.folder, "ca"));
  tls::Validity validity;
  validity.lifetime = std::chrono::hours(24) * options.days;
  return tls::issue_client(ca, client, validity);
}

Result<std::string> make_bundle(const Options& options) {
  GENESIS_ASSIGN(const auto client, ClientId::parse(options.site));
  GENESIS_ASSIGN(const auto url, http::parse_url(options.server));
  GENESIS_ASSIGN(const auto authority, tls::load_pem(options.folder / "ca.crt"));
  GENESIS_ASSIGN(auto pair, client_pair(options, client));
  GENESIS_ASSIGN(const auto token, federation::load_auth_token(options.token_file));
  crypto::Secret paillier_key;
  if (!options.paillier_key.empty()) {
    GENESIS_ASSIGN(const auto key, secure::read_paillier_key(options.paillier_key));
    paillier_key = key.text();
  }
  return tls::encode(tls::JoinBundle{.server = options.server,
                                     .server_name = url.host,
                                     .client_id = client.str(),
                                     .authority_pem = authority.pem,
                                     .client = std::move(pair),
                                     .token = token ? token->reveal() : std::string_view(),
                                     .paillier_key = paillier_key.reveal()});
}

Status write_bundle(const Options& options) {
  auto text = options.cluster.name.empty() ? make_bundle(options)
                                           : cluster_bundle(options.cluster, options.site);
  if (!text) {
    return tl::unexpected(text.error());
  }
  if (std::filesystem::exists(options.output)) {
    return fail(Errc::kAlreadyExists,
                options.output.string() + ": already exists; move it away or choose another file");
  }
  GENESIS_RETURN_IF_ERROR(write_file_atomic(options.output, *text));
  std::cout << options.output.string() << "\n";
  return {};
}

}  // namespace

int federated_bundle(int argc, char** argv) {
  CLI::App app(
      "Writes the file that one site joins a training with: genesis federated client --join FILE.\n"
      "It holds the site's private key, the token and the key of encrypted sums, so only its "
      "owner\n"
      "may read it (mode 0600).",
      "genesis federated bundle");
  Options options;
  app.add_option("site", options.site, "Client id of the site")->required();
  app.add_option("-o,--output", options.output, "File to write, which must not exist")->required();
  auto* server =
      app.add_option("--server", options.server, "URL at which the site reaches the server");
  app.add_option("--dir",
                 options.folder,
                 "Folder of ca.crt and of the site's certificate, or of ca.key to issue one")
      ->capture_default_str();
  app.add_option("--days", options.days, "Validity of a certificate that is issued, in days")
      ->capture_default_str();
  command_line::add_auth_token(app, options.token_file);
  app.add_option("--paillier-key",
                 options.paillier_key,
                 "Key of encrypted sums to put into the bundle (genesis keys paillier)");
  auto* training = app.add_option("--training",
                                  options.cluster.name,
                                  "Name of a FederatedTraining in a cluster, whose operator has "
                                  "made the bundle already");
  training->excludes(server);
  app.add_option("-n,--namespace",
                 options.cluster.ns,
                 "Namespace of the training; defaults to that of the kubeconfig")
      ->needs(training);
  app.add_option(
         "--kubeconfig", options.cluster.kubeconfig, "Kubeconfig file; defaults to KUBECONFIG")
      ->needs(training);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsageError;
  }
  if (options.server.empty() && options.cluster.name.empty()) {
    std::cerr << "genesis federated bundle: pass --server URL, or --training NAME for one in a "
                 "cluster\n";
    return kExitUsageError;
  }
  const auto done = write_bundle(options);
  return done ? 0 : complain("federated bundle", done.error());
}

}  // namespace genesis::cli
