#pragma once
// Named tensors as bytes: the safetensors format (https://github.com/huggingface/safetensors),
// restricted to one canonical layout, and to F32 but for contributions, which may be quantized,
// counts or bytes. docs/protocol.md states the grammar. Used for global parameters, contributions
// and model files. Pure; safe on hostile bytes.
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"

namespace genesis::wire {

using Metadata = std::map<std::string, std::string>;

/// Checked before anything is allocated or parsed. Raise them and a hostile peer may make us hold
/// more.
struct SafetensorsLimits {
  std::size_t max_header_bytes = std::size_t{64} << 20;
  std::size_t max_tensors = 4096;
  std::size_t max_name_bytes = 256;
  std::size_t max_dimensions = 8;
  std::size_t max_elements = std::size_t{64} << 20;  // of all tensors together
};

/// Of all tensors of a file.
enum class Dtype { kF32, kF16, kI8, kU8, kU64 };
[[nodiscard]] std::string_view name_of(Dtype dtype);  // "F32", …
[[nodiscard]] std::size_t size_of(Dtype dtype);       // bytes of a value

struct TensorFile {
  Tensors tensors;
  Metadata metadata;
  bool operator==(const TensorFile&) const = default;
};

/// Deterministic: the same tensors and metadata give the same bytes. All text is UTF-8; names must
/// be unique and not "__metadata__", and `values` as long as `specs` say; else it is a broken
/// invariant.
[[nodiscard]] std::string encode_safetensors(const Tensors& tensors, const Metadata& metadata);

/// Errors: kDataLoss for cut bytes, kInvalidArgument for what the subset does not allow,
/// kResourceExhausted beyond `limits`; each names the header's field or the tensor.
[[nodiscard]] Result<TensorFile> decode_safetensors(std::string_view bytes,
                                                    const SafetensorsLimits& limits = {});

/// A file's header and, unconverted, its values: a view into the bytes that were read.
struct TensorBytes {
  std::vector<TensorSpec> specs;
  Metadata metadata;
  Dtype dtype = Dtype::kF32;
  std::string_view data;
};

/// The same for values of any of `accepted`: their bytes one after the other, tensor after tensor.
[[nodiscard]] std::string join_safetensors(const std::vector<TensorSpec>& specs,
                                           const Metadata& metadata,
                                           Dtype dtype,
                                           std::string_view data);
[[nodiscard]] Result<TensorBytes> split_safetensors(std::string_view bytes,
                                                    std::span<const Dtype> accepted,
                                                    const SafetensorsLimits& limits = {});

/// Same tensors, same order, same shapes. Errors: kInvalidArgument names the first tensor that
/// differs, the expected shape and the received one.
[[nodiscard]] Status check_matches(const Tensors& got, std::span<const TensorSpec> expected);

/// No NaN, no infinity. Errors: kInvalidArgument names the tensor and the element.
[[nodiscard]] Status check_finite(const Tensors& tensors);

/// "[256, 128]"
[[nodiscard]] std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace genesis::wire
