// genesis: the program that people type.
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/process.hpp"
#include "common/base/exit_code.hpp"
#include "common/model/ctgan.hpp"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "federated") {
    return genesis::cli::become_sibling("genesis-federated", argc, argv);
  }
  genesis::model::use_one_thread();
  CLI::App app("Trains one synthetic-data generator over sites that keep their rows.", "genesis");
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, genesis::cli::Command>> commands;
  const auto add = [&](genesis::cli::Command command, const char* name) {
    commands.emplace_back(app.get_subcommand(name), std::move(command));
  };
  add(genesis::cli::add_run(app), "run");
  add(genesis::cli::add_validate(app), "validate");
  add(genesis::cli::add_generate(app), "generate");
  add(genesis::cli::add_evaluate(app), "evaluate");
  add(genesis::cli::add_certs(app), "certs");
  app.add_subcommand("federated", "Server and clients on machines of their own");
  auto* version = app.add_subcommand("version", "Prints the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : genesis::kExitUsageError;
  }
  if (version->parsed()) {
    std::cout << "genesis " GENESIS_VERSION "\n";
    return 0;
  }
  for (const auto& [subcommand, command] : commands) {
    if (subcommand->parsed()) {
      return command();
    }
  }
  return genesis::kExitUsageError;
}
