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

[[nodiscard]] std::string model_document(const model::CtganConfig& config);
/// Errors: kInvalidArgument names the key.
[[nodiscard]] Result<model::CtganConfig> parse_model_document(std::string_view text);

}  // namespace genesis::ctgan
