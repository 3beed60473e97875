#include "common/wire/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <set>

#include "common/base/check.hpp"
#include "common/wire/safetensors_header.hpp"

namespace genesis::wire {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian; values are copied as they lie in memory");
static_assert(sizeof(float) == 4);

constexpr std::size_t kLengthBytes = 8;  // u64, little-endian: bytes of the header
constexpr std::size_t kAlignment = 8;    // of the data, so that readers may map it

Status check_range_finite(std::span<const float> values, const std::string& name) {
  constexpr std::uint32_t kExponent = 0x7F800000U;  // all ones: NaN or infinite
  std::uint32_t found = 0;
  for (const float value : values) {
    found |= (std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent ? 1U : 0U;
  }
  if (found == 0) {
    return {};
  }
  const auto bad = std::find_if_not(
      values.begin(), values.end(), [](float value) { return std::isfinite(value); });
  return fail(Errc::kInvalidArgument,
              "tensor \"" + name + "\": element " + std::to_string(bad - values.begin()) + " is " +
                  (std::isnan(*bad) ? "NaN" : "infinite") + "; only finite values are accepted");
}

}  // namespace

std::string_view name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32:
      return "F32";
    case Dtype::kF16:
      return "F16";
    case Dtype::kI8:
      return "I8";
    case Dtype::kU8:
      return "U8";
    case Dtype::kU64:
      return "U64";
  }
  return "F32";
}

std::size_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32:
      return 4;
    case Dtype::kF16:
      return 2;
    case Dtype::kI8:
    case Dtype::kU8:
      return 1;
    case Dtype::kU64:
      return 8;
  }
  return 4;
}

std::string encode_safetensors(const Tensors& tensors, const Metadata& metadata) {
  const std::string_view data(reinterpret_cast<const char*>(tensors.values.data()),
                              tensors.values.size() * sizeof(float));
  return join_safetensors(tensors.specs, metadata, Dtype::kF32, data);
}

std::string join_safetensors(const std::vector<TensorSpec>& specs,
                             const Metadata& metadata,
                             Dtype dtype,
                             std::string_view data) {
  GENESIS_CHECK(element_count(specs) * size_of(dtype) == data.size(),
                "tensors hold as many values as their shapes say");
  std::set<std::string_view> names;
  for (const TensorSpec& spec : specs) {
    GENESIS_CHECK(
        !spec.name.empty() && spec.name != "__metadata__" && names.insert(spec.name).second,
        "tensors have names of their own");
  }
  std::string header = safetensors_header_json(specs, metadata, dtype);
  header.append((kAlignment - header.size() % kAlignment) % kAlignment, ' ');
  const std::uint64_t header_bytes = header.size();

  std::string out;
  out.reserve(kLengthBytes + header.size() + data.size());
  out.append(reinterpret_cast<const char*>(&header_bytes), kLengthBytes);
  out.append(header);
  out.append(data);
  return out;
}

Result<TensorBytes> split_safetensors(std::string_view bytes,
                                      std::span<const Dtype> accepted,
                                      const SafetensorsLimits& limits) {
  if (bytes.size() < kLengthBytes) {
    return fail(Errc::kDataLoss,
                "safetensors: " + std::to_string(bytes.size()) +
                    " bytes are too few to hold even the header's length; the bytes are cut");
  }
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  const std::string_view rest = bytes.substr(kLengthBytes);
  if (header_bytes > limits.max_header_bytes) {
    return fail(Errc::kResourceExhausted,
                "safetensors: a header of " + std::to_string(header_bytes) + " bytes; at most " +
                    std::to_string(limits.max_header_bytes) + " are accepted");
  }
  if (header_bytes > rest.size()) {
    return fail(Errc::kDataLoss,
                "safetensors: the header has " + std::to_string(header_bytes) + " bytes but only " +
                    std::to_string(rest.size()) + " follow; the bytes are cut");
  }
  const std::string_view json = rest.substr(0, header_bytes);
  const std::string_view data = rest.substr(header_bytes);
  if (!json.starts_with('{')) {
    return fail(Errc::kInvalidArgument, "safetensors: the header does not start with '{'");
  }
  GENESIS_ASSIGN(SafetensorsHeader header, parse_safetensors_header(json, accepted, limits));
  const std::size_t expected = header.elements * size_of(header.dtype);
  if (data.size() != expected) {
    return fail(Errc::kDataLoss,
                "safetensors: the header announces " + std::to_string(expected) +
                    " bytes of values but " + std::to_string(data.size()) +
                    " follow; the bytes are cut or altered");
  }
  return TensorBytes{std::move(header.specs), std::move(header.metadata), header.dtype, data};
}

Result<TensorFile> decode_safetensors(std::string_view bytes, const SafetensorsLimits& limits) {
  constexpr std::array kAccepted{Dtype::kF32};
  GENESIS_ASSIGN(TensorBytes parts, split_safetensors(bytes, kAccepted, limits));
  TensorFile file;
  file.tensors.specs = std::move(parts.specs);
  file.metadata = std::move(parts.metadata);
  file.tensors.values.resize(parts.data.size() / sizeof(float));
  if (!parts.data.empty()) {
    std::memcpy(file.tensors.values.data(), parts.data.data(), parts.data.size());
  }
  return file;
}

Status check_matches(const Tensors& got, std::span<const TensorSpec> expected) {
  const std::size_t shared = std::min(got.specs.size(), expected.size());
  for (std::size_t i = 0; i < shared; ++i) {
    const TensorSpec& received = got.specs[i];
    if (received.name != expected[i].name) {
      return fail(Errc::kInvalidArgument,
                  "tensor " + std::to_string(i) + ": expected \"" + expected[i].name +
                      "\" but received \"" + received.name + "\"");
    }
    if (received.shape != expected[i].shape) {
      return fail(Errc::kInvalidArgument,
                  "tensor \"" + received.name + "\": expected shape " +
                      shape_text(expected[i].shape) + " but received " +
                      shape_text(received.shape));
    }
  }
  if (got.specs.size() < expected.size()) {
    return fail(Errc::kInvalidArgument,
                "tensor \"" + expected[shared].name + "\": expected shape " +
                    shape_text(expected[shared].shape) + " but received no such tensor");
  }
  if (got.specs.size() > expected.size()) {
    return fail(Errc::kInvalidArgument,
                "tensor \"" + got.specs[shared].name + "\": received shape " +
                    shape_text(got.specs[shared].shape) + " but expected no such tensor");
  }
  if (got.values.size() != element_count(got.specs)) {
    return fail(Errc::kInvalidArgument,
                "tensors: expected " + std::to_string(element_count(got.specs)) +
                    " values but received " + std::to_string(got.values.size()));
  }
  return {};
}

Status check_finite(const Tensors& tensors) {
  GENESIS_CHECK(element_count(tensors.specs) == tensors.values.size(),
                "tensors hold as many values as their shapes say");
  std::span<const float> rest(tensors.values);
  for (const TensorSpec& spec : tensors.specs) {
    GENESIS_RETURN_IF_ERROR(check_range_finite(rest.first(spec.element_count()), spec.name));
    rest = rest.subspan(spec.element_count());
  }
  return {};
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + "]";
}

}  // namespace genesis::wire
