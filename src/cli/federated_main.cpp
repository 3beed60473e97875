// genesis-federated: the part under `genesis federated`. Server and client are programs of their
// own (the server links no LibTorch); this one finds them beside itself.
#include <iostream>
#include <string_view>

#include "cli/federated_bundle.hpp"
#include "cli/federated_evict.hpp"
#include "cli/federated_fetch.hpp"
#include "cli/federated_rollback.hpp"
#include "cli/federated_status.hpp"
#include "cli/process.hpp"
#include "common/base/exit_code.hpp"
#include "common/base/version.hpp"

namespace {

constexpr std::string_view kHelp =
    "Trains on separate machines: one server, and one client per site.\n\n"
    "Usage: genesis federated server [options]   run the server of a training\n"
    "       genesis federated client [options]   take part with the rows of this site\n"
    "       genesis federated status [options]   show the status of a training\n"
    "       genesis federated evict CLIENT       refuse a client's certificates from now on\n"
    "       genesis federated bundle [options]   write the file that a site joins with\n"
    "       genesis federated rollback [options] go on after an earlier round\n"
    "       genesis federated volume COMMAND     list and send files in the pod of genesis fetch\n"
    "       genesis federated --version          print the version\n\n"
    "Use --help with each of them for its options.\n";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "--help" || command == "-h") {
    std::cout << kHelp;
    return 0;
  }
  if (command == "--version") {
    std::cout << genesis::version_text("genesis-federated") << "\n";
    return 0;
  }
  if (command == "status") {
    return genesis::cli::federated_status(argc - 1, argv + 1);
  }
  if (command == "evict") {
    return genesis::cli::federated_evict(argc - 1, argv + 1);
  }
  if (command == "bundle") {
    return genesis::cli::federated_bundle(argc - 1, argv + 1);
  }
  if (command == "rollback") {
    return genesis::cli::federated_rollback(argc - 1, argv + 1);
  }
  if (command == "fetch") {  // as `genesis fetch` calls it
    return genesis::cli::federated_fetch(argc - 1, argv + 1);
  }
  if (command == "volume") {
    return genesis::cli::federated_volume(argc - 1, argv + 1);
  }
  if (command != "server" && command != "client") {
    std::cerr << kHelp;
    return genesis::kExitUsageError;
  }
  return genesis::cli::become_sibling(
      command == "server" ? "genesis-aggregator" : "genesis-worker", argc, argv);
}
