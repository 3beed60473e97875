#pragma once
// The commands of `genesis`, one function each: registers its flags, and what to do is returned as
// an exit code (0 done, 1 failed; wrong use is 2, said by the parser).
#include <functional>
#include <memory>

namespace CLI {
class App;
}

namespace genesis::cli {

using Command = std::function<int()>;

/// Each adds its subcommand to `app` and gives what runs it.
Command add_validate(CLI::App& app);
Command add_run(CLI::App& app);
Command add_generate(CLI::App& app);
Command add_evaluate(CLI::App& app);
Command add_certs(CLI::App& app);

}  // namespace genesis::cli
