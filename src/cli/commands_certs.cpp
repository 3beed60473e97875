// genesis certs: the CA of one training and the certificates that it issues.
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "common/tls/certificate_files.hpp"
#include "common/tls/context.hpp"

namespace genesis::cli {
namespace {

constexpr const char* kAuthority = "ca";
constexpr const char* kServer = "server";

struct Options {
  std::string folder = ".";
  std::string name = "genesis";
  std::vector<std::string> names;
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
  return tls::read_certified_key(options.folder, kAuthority);
}

tls::Validity validity(const Options& options) {
  tls::Validity validity;
  validity.lifetime = std::chrono::hours(24) * options.days;
  return validity;
}

Status make_ca(const Options& options) {
  GENESIS_ASSIGN(auto pair, tls::make_authority(options.name, validity(options)));
  return write_pair(options, kAuthority, pair);
}

Status make_server(const Options& options) {
  GENESIS_ASSIGN(auto ca, authority(options));
  GENESIS_ASSIGN(auto pair, tls::issue_server(ca, options.names, validity(options)));
  return write_pair(options, kServer, pair);
}

Status make_clients(const Options& options) {
  std::vector<ClientId> ids;
  for (const auto& name : options.names) {
    GENESIS_ASSIGN(auto id, ClientId::parse(name));
    ids.push_back(std::move(id));
  }
  GENESIS_ASSIGN(const auto ca, authority(options));
  for (const auto& id : ids) {
    GENESIS_ASSIGN(const auto pair, tls::issue_client(ca, id, validity(options)));
    GENESIS_RETURN_IF_ERROR(write_pair(options, id.str(), pair));
  }
  return {};
}

// The same names again, with a new key, for as long as `--days` says from now.
Status renew(const Options& options, const tls::CertifiedKey& ca, const std::string& stem) {
  const std::filesystem::path folder(options.folder);
  GENESIS_ASSIGN(const auto old, tls::load_pem(folder / (stem + ".crt")));
  GENESIS_ASSIGN(const auto known, tls::inspect(old.pem));
  const auto issue = [&]() -> Result<tls::CertifiedKey> {
    if (stem == kServer) {
      return tls::issue_server(ca, known.names, validity(options));
    }
    GENESIS_ASSIGN(const auto id, ClientId::parse(known.common_name));
    return tls::issue_client(ca, id, validity(options));
  };
  GENESIS_ASSIGN(const auto pair, issue());
  GENESIS_RETURN_IF_ERROR(tls::replace_certified_key(folder, stem, pair));
  GENESIS_ASSIGN(const auto renewed, tls::inspect(pair.certificate_pem));
  std::cout << old.name << ": valid until " << tls::to_utc(renewed.not_after) << "\n";
  return {};
}

Status renew(const Options& options) {
  GENESIS_ASSIGN(const auto ca, authority(options));
  for (const auto& stem : options.names) {
    if (stem == kAuthority) {
      return fail(Errc::kInvalidArgument,
                  "ca: a CA is not renewed; create one in another folder, have all sides trust "
                  "both, and issue new certificates with it");
    }
    GENESIS_RETURN_IF_ERROR(renew(options, ca, stem));
  }
  return {};
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
  auto* client = certs->add_subcommand("client", "Issue ID.crt and ID.key for each site");
  common(client);
  client->add_option("ids", options->names, "Client ids of the sites")->required();
  auto* renewal = certs->add_subcommand(
      "renew",
      "Issue certificates anew in place, with new keys and the same names. Running servers and\n"
      "clients that use the files take them up without a restart.");
  common(renewal);
  renewal->add_option("names", options->names, "server, and client ids")->required();
  return [options, ca, server, renewal] {
    const Status done = ca->parsed()        ? make_ca(*options)
                        : server->parsed()  ? make_server(*options)
                        : renewal->parsed() ? renew(*options)
                                            : make_clients(*options);
    return done ? 0 : complain("certs", done.error());
  };
}

}  // namespace genesis::cli
