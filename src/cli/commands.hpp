#pragma once
// The commands of `genesis`. Each function registers the flags of a command and returns what runs
// it: a function that gives the exit code, 0 for success and 1 for failure. The parser ends with 2
// where the usage is wrong.
#include <functional>
#include <memory>

namespace CLI {
class App;
}

namespace genesis::cli {

using Command = std::function<int()>;

/// Each adds its subcommand to `app` and returns what runs it.
Command add_validate(CLI::App& app);
Command add_run(CLI::App& app);
Command add_generate(CLI::App& app);
Command add_impute(CLI::App& app);
Command add_evaluate(CLI::App& app);
Command add_certs(CLI::App& app);
Command add_keys(CLI::App& app);
Command add_schema(CLI::App& app);
Command add_privacy(CLI::App& app);
Command add_audit(CLI::App& app);

}  // namespace genesis::cli
