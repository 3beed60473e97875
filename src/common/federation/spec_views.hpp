#pragma once
// The spec as the lower libraries want it: they know nothing of specs. Used by aggregator, worker
// and CLI.
#include <string_view>

#include "common/spec/federated_training.hpp"
#include "common/wire/quantization.hpp"

namespace genesis::federation {

[[nodiscard]] wire::Quantization quantization(spec::Quantization quantization);

/// As Content-Encoding and Accept-Encoding name it; "" for none.
[[nodiscard]] std::string_view content_encoding(spec::Compression compression);

}  // namespace genesis::federation
