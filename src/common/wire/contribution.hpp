#pragma once
// A contribution as one body: a safetensors file with the header under the metadata key
// kContributionKey. Its floats may travel quantized, its counts are U64, and a message of a
// secure sum is U8. Pure; safe on hostile
// bytes.
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/json.hpp"
#include "common/rounds/contribution.hpp"
#include "common/wire/quantization.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::wire {

inline constexpr std::string_view kContributionKey = "contribution";

/// Tensors come back as they are where they are quantized() already.
[[nodiscard]] std::string encode(const rounds::Contribution& contribution,
                                 Quantization quantization = Quantization::kNone);
/// Errors: kDataLoss for cut bytes, kInvalidArgument names the field or tensor, kResourceExhausted
/// beyond the limits.
[[nodiscard]] Result<rounds::Contribution> decode_contribution(
    std::string_view bytes, const SafetensorsLimits& limits = {});

/// All but the body, as JSON.
[[nodiscard]] std::string encode_header(const rounds::Contribution& contribution);
[[nodiscard]] Result<rounds::Contribution> decode_header(std::string_view bytes,
                                                         const JsonLimits& limits = {});

}  // namespace genesis::wire
