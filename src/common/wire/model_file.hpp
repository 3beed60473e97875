#pragma once
// The released model: the generator's weights, the encoder and where it came from, as one
// safetensors file that guards itself with a digest. No row of training data and no code is in it.
// Pure; the caller reads and writes the file.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"

namespace genesis::wire {

inline constexpr std::string_view kModelFormat = "genesis.model.v1";

/// Of a model file, and of the parameters that a worker downloads: more is not read. Twice what the
/// largest model takes.
inline constexpr std::uint64_t kMaxModelBytes = std::uint64_t{512} << 20;

/// The three documents are JSON texts that their owners check; here they are opaque.
struct ModelFile {
  Tensors generator;
  std::string encoder_json;     // tabular::Encoder
  std::string model_json;       // method and dimensions
  std::string provenance_json;  // spec, rounds, clients, versions
  bool operator==(const ModelFile&) const = default;
};

/// Deterministic, as encode_safetensors.
[[nodiscard]] std::string encode_model(const ModelFile& model);

/// Errors: kDataLoss when any byte is missing, added or changed; kInvalidArgument for another
/// format's version; kResourceExhausted beyond the limits of safetensors.
[[nodiscard]] Result<ModelFile> decode_model(std::string_view bytes);

}  // namespace genesis::wire
