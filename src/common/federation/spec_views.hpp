#pragma once
// The spec as the lower libraries want it: they know nothing of specs. Used by aggregator, worker
// and CLI.
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/model/parameters.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/schema.hpp"
#include "common/wire/quantization.hpp"

namespace genesis::federation {

[[nodiscard]] std::vector<tabular::Declaration> declarations(const spec::TableSpec& table);

[[nodiscard]] model::CtganConfig ctgan_config(const spec::Model& model);

/// The "model" document of a model file, and back. Errors: kInvalidArgument names the key.
[[nodiscard]] std::string model_document(const spec::Model& model);
[[nodiscard]] Result<model::CtganConfig> parse_model_document(std::string_view json);

[[nodiscard]] wire::Quantization quantization(spec::Quantization quantization);

/// As Content-Encoding and Accept-Encoding name it; "" for none.
[[nodiscard]] std::string_view content_encoding(spec::Compression compression);

}  // namespace genesis::federation
