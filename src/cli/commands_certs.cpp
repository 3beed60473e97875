// genesis certs: the CA of one training and the certificates that it issues.
#include <filesystem>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "common/tls/certificate_files.hpp"

namespace genesis::cli {
namespace {

struct Options {
  std::string folder = ".";
  std::string name = "genesis";
  std::vector<std::string> names;
  std::string client_id;
  int days = 365;
};

Status write_pair(const Options& options, const std::string& stem, const tls::CertifiedKey& pair) {
  const std::filesystem::path folder(options.folder);
  GENESIS_RETURN_IF_ERROR(tls::write_certified_key(folder, stem, pair));
  std::cout << (folder / (stem + ".crt")).string() << "\n"
            << (folder / (stem + ".key")).string() << "\n";
  return {};
}

Result<tls::CertifiedKey> authority(const Options& options) {
  return tls::read_certified_key(options.folder, "ca");
}

tls::Validity validity(const Options& options) {
  tls::Validity validity;
  validity.lifetime = std::chrono::hours(24) * options.days;
  return validity;
}

Status make_ca(const Options& options) {
  GENESIS_ASSIGN(auto pair, tls::make_authority(options.name, validity(options)));
  return write_pair(options, "ca", pair);
}

Status make_server(const Options& options) {
  GENESIS_ASSIGN(auto ca, authority(options));
  GENESIS_ASSIGN(auto pair, tls::issue_server(ca, options.names, validity(options)));
  return write_pair(options, "server", pair);
}

Status make_client(const Options& options) {
  GENESIS_ASSIGN(auto id, ClientId::parse(options.client_id));
  GENESIS_ASSIGN(auto ca, authority(options));
  GENESIS_ASSIGN(auto pair, tls::issue_client(ca, id, validity(options)));
  return write_pair(options, id.str(), pair);
}

}  // namespace

Command add_certs(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto* certs = app.add_subcommand("certs", "Create the CA and the certificates of a training");
  certs->require_subcommand(1);
  const auto common = [&](CLI::App* command) {
    command->add_option("--dir", options->folder, "Folder of the CA and of the files to create")
        ->capture_default_str();
    command->add_option("--days", options->days, "Validity in days")->capture_default_str();
  };
  auto* ca = certs->add_subcommand("ca", "Create a CA. Distribute ca.crt; keep ca.key private.");
  common(ca);
  ca->add_option("--name", options->name, "Common name of the CA")->capture_default_str();
  auto* server = certs->add_subcommand("server", "Issue server.crt and server.key for the server");
  common(server);
  server
      ->add_option("names", options->names, "Host names and IP addresses at which clients connect")
      ->required();
  auto* client = certs->add_subcommand("client", "Issue ID.crt and ID.key for one site");
  common(client);
  client->add_option("id", options->client_id, "Client id of the site")->required();
  return [options, ca, server] {
    const Status done = ca->parsed()       ? make_ca(*options)
                        : server->parsed() ? make_server(*options)
                                           : make_client(*options);
    return done ? 0 : complain("certs", done.error());
  };
}

}  // namespace genesis::cli
