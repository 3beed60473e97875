#pragma once
// spec.model of the method "ctgan", and the document that a model file carries of it.
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/model/parameters.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::ctgan {

inline constexpr std::string_view kMethod = "ctgan";

/// Fields that are absent have the schema's defaults.
[[nodiscard]] Result<model::CtganConfig> settings_of(const spec::Model& model);

/// How the rows were encoded that a model learned: with Gaussian modes, or as codes (codes.hpp).
enum class Encoding { kModes, kCodes };

struct ModelDocument {
  model::CtganConfig config;
  Encoding encoding = Encoding::kModes;
};
[[nodiscard]] std::string model_document(const ModelDocument& document);
/// Errors: kInvalidArgument names the key.
[[nodiscard]] Result<ModelDocument> parse_model_document(std::string_view text);

}  // namespace genesis::ctgan
