// genesis-federated: the part under `genesis federated`. Server and client are programs of their
// own (the server links no LibTorch); this one finds them beside itself.
#include <cerrno>
#include <cstring>
#include <iostream>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "cli/federated_status.hpp"
#include "cli/process.hpp"
#include "common/base/version.hpp"

namespace {

constexpr std::string_view kHelp =
    "Trains on separate machines: one server, and one client per site.\n\n"
    "Usage: genesis federated server [options]   run the server of a training\n"
    "       genesis federated client [options]   take part with the rows of this site\n"
    "       genesis federated status [options]   show the status of a training\n"
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
    std::cout << genesis::version_line("genesis-federated") << "\n";
    return 0;
  }
  if (command == "status") {
    return genesis::cli::federated_status(argc - 1, argv + 1);
  }
  if (command != "server" && command != "client") {
    std::cerr << kHelp;
    return 2;
  }
  const auto program =
      genesis::cli::sibling_program(command == "server" ? "genesis-aggregator" : "genesis-worker");
  std::vector<char*> arguments(argv + 1, argv + argc);
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  std::cerr << program.string() << ": cannot be started: " << std::strerror(errno) << "\n";
  return 1;
}
