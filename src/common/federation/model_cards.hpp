#pragma once
// model-card.json and model-card.md in the folder of a model file.
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis::federation {

/// Writes both for the model file `bytes`, with the date of now. `quality` is a JSON object of
/// measures, where synthetic rows were compared with real ones. Errors: kIo names the file.
[[nodiscard]] Status write_model_card(const std::filesystem::path& folder,
                                      std::string_view bytes,
                                      const std::optional<std::string>& quality);

}  // namespace genesis::federation
