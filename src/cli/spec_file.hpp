#pragma once
// A training's YAML from disk, as local commands use it.
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/parse.hpp"

namespace CLI {
class App;
}

namespace genesis::cli {

struct SpecSource {
  std::string file;
  std::vector<spec::Override> overrides;
};

/// --file and --set, which write into `source`; that outlives the parsing.
void add_spec(CLI::App& command, SpecSource& source);

/// --lenient, for table.lenient.
void add_lenient(CLI::App& command, SpecSource& source);

/// Reads and validates the file. Data paths that are relative are taken relative to it.
[[nodiscard]] Result<spec::FederatedTraining> load_training(const SpecSource& source);

}  // namespace genesis::cli
