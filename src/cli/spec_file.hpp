#pragma once
// A training's YAML from disk, as local commands use it.
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/parse.hpp"

namespace genesis::cli {

/// Reads and validates `file`; `sets` are "path=value" overrides. Data paths that are relative are
/// taken relative to the file.
[[nodiscard]] Result<spec::FederatedTraining> load_training(const std::filesystem::path& file,
                                                            const std::vector<std::string>& sets);

}  // namespace genesis::cli
