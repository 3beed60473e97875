// genesis keys: keys that sites share and the aggregator does not have.
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "common/secure/paillier_files.hpp"

namespace genesis::cli {
namespace {

struct Options {
  std::string folder = ".";
  unsigned bits = secure::kDefaultPaillierBits;
};

Status make_paillier(const Options& options) {
  GENESIS_ASSIGN(const auto key, secure::PaillierKey::generate(options.bits));
  GENESIS_RETURN_IF_ERROR(secure::write_paillier_key(options.folder, key));
  const std::filesystem::path folder(options.folder);
  std::cout << (folder / secure::kPaillierKeyFile).string() << "\n"
            << (folder / secure::kPaillierPublicFile).string() << "\n";
  return {};
}

}  // namespace

Command add_keys(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto* keys = app.add_subcommand("keys", "Create keys for encrypted sums");
  keys->require_subcommand(1);
  auto* paillier = keys->add_subcommand(
      "paillier",
      "Create paillier.key and paillier.pub. Give paillier.key to the sites alone: who has it can\n"
      "decrypt what any of them sends. Takes some seconds.");
  paillier->add_option("--dir", options->folder, "Folder of the files to create")
      ->capture_default_str();
  paillier->add_option("--bits", options->bits, "Size of the modulus: 2048 to 8192")
      ->capture_default_str();
  return [options] {
    const Status done = make_paillier(*options);
    return done ? 0 : complain("keys", done.error());
  };
}

}  // namespace genesis::cli
