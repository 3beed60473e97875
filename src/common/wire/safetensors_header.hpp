#pragma once
// The JSON header of a safetensors file, parsed as it streams: no tree is built, so a hostile
// header costs no more memory than its text. Used by safetensors.cpp alone.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::wire {

struct SafetensorsHeader {
  std::vector<TensorSpec> specs;  // in the order of their data, which leaves no gap
  Metadata metadata;
  std::size_t elements = 0;  // of all tensors together
  Dtype dtype = Dtype::kF32;
};

/// `json` is bounded already. All tensors have one dtype, one of `accepted`. Errors as
/// decode_safetensors.
[[nodiscard]] Result<SafetensorsHeader> parse_safetensors_header(std::string_view json,
                                                                 std::span<const Dtype> accepted,
                                                                 const SafetensorsLimits& limits);

/// The header's JSON, without padding.
[[nodiscard]] std::string safetensors_header_json(const std::vector<TensorSpec>& specs,
                                                  const Metadata& metadata,
                                                  Dtype dtype);

}  // namespace genesis::wire
