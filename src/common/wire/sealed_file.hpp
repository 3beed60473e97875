#pragma once
// A safetensors file that guards itself: its metadata holds a SHA-256 over all of its other bytes.
// Model files, checkpoints and workers' states are such files. Pure.
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::wire {

/// Deterministic. `metadata` must not hold "digest", and no key that sorts before it.
[[nodiscard]] std::string seal(const Tensors& tensors, Metadata metadata);

/// Errors: kDataLoss when any byte is missing, added or changed (`name` stands for the file in the
/// message); kInvalidArgument when its "format" is not `format`.
[[nodiscard]] Result<TensorFile> unseal(std::string_view bytes,
                                        std::string_view name,
                                        std::string_view format);

/// Moves the text under `key` out. Errors: kInvalidArgument names file and key.
[[nodiscard]] Result<std::string> take(Metadata& metadata,
                                       std::string_view key,
                                       std::string_view name);

inline constexpr std::string_view kFormatKey = "format";

}  // namespace genesis::wire
