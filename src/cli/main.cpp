// genesis: the program that people type.
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/process.hpp"
#include "common/base/exit_code.hpp"
#include "common/base/version.hpp"
#include "common/model/threads.hpp"

namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  genesis validate -f training.yaml --print\n"
    "  genesis run -f training.yaml --output-dir out\n"
    "  genesis generate --model out/model.safetensors --rows 1000 -o rows.csv\n\n"
    "Use 'genesis COMMAND --help' for the options of a command.\n"
    "Exit codes: 0 success, 1 failure, 2 wrong usage. 'genesis federated server' and 'client' "
    "also\n"
    "end with 3: permanent error, do not retry.";

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "federated") {
    return genesis::cli::become_sibling("genesis-federated", argc, argv);
  }
  if (argc > 1 && std::string_view(argv[1]) == "fetch") {
    std::vector<char*> arguments(argv, argv + argc);
    arguments.insert(arguments.begin(), argv[0]);  // "fetch" is a command of the sibling
    return genesis::cli::become_sibling(
        "genesis-federated", static_cast<int>(arguments.size()), arguments.data());
  }
  genesis::model::use_one_thread();
  CLI::App app(
      "Trains a generator of synthetic tables over several sites. Rows stay at their site.",
      "genesis");
  app.set_version_flag("--version", genesis::version_text_with_torch("genesis"));
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, genesis::cli::Command>> commands;
  const auto add = [&](genesis::cli::Command command, const char* name) {
    commands.emplace_back(app.get_subcommand(name), std::move(command));
  };
  add(genesis::cli::add_run(app), "run");
  add(genesis::cli::add_validate(app), "validate");
  add(genesis::cli::add_generate(app), "generate");
  add(genesis::cli::add_impute(app), "impute");
  add(genesis::cli::add_evaluate(app), "evaluate");
  add(genesis::cli::add_certs(app), "certs");
  add(genesis::cli::add_keys(app), "keys");
  add(genesis::cli::add_schema(app), "schema");
  add(genesis::cli::add_privacy(app), "privacy");
  add(genesis::cli::add_audit(app), "audit");
  app.add_subcommand("federated", "Train on separate machines: server, client and status");
  app.add_subcommand("fetch", "Copy model and synthetic rows of a training in a cluster");
  auto* version = app.add_subcommand("version", "Print the version");
  app.footer(kFooter);  // after the subcommands, which would inherit it
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : genesis::kExitUsageError;
  }
  if (version->parsed()) {
    std::cout << genesis::version_text_with_torch("genesis") << "\n";
    return 0;
  }
  for (const auto& [subcommand, command] : commands) {
    if (subcommand->parsed()) {
      return command();
    }
  }
  return genesis::kExitUsageError;
}
