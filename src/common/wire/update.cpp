// Updates: tensors with their metadata as one body.
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/wire/messages.hpp"

namespace genesis::wire {

using nlohmann::json;

namespace {

constexpr const char* kScalesKey = "scales";  // of int8: the exponent of two of each tensor

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string halves(std::span<const float> values) {
  std::string bytes;
  bytes.reserve(values.size() * sizeof(std::uint16_t));
  for (const float value : values) {
    append(bytes, to_half(value));
  }
  return bytes;
}

std::string int8s(const Tensors& tensors, json& scales) {
  scales = json::array();
  std::string bytes;
  bytes.reserve(tensors.values.size());
  std::span<const float> rest(tensors.values);
  for (const auto& spec : tensors.specs) {
    const auto values = rest.first(spec.element_count());
    rest = rest.subspan(values.size());
    const int exponent = int8_exponent(values);
    scales.push_back(exponent);
    for (const float value : values) {
      append(bytes, to_int8(value, exponent));
    }
  }
  return bytes;
}

Result<std::vector<int>> scales_of(const TensorBytes& parts) {
  const auto found = parts.metadata.find(kScalesKey);
  if (found == parts.metadata.end()) {
    return fail(Errc::kInvalidArgument, "update: its metadata lacks \"scales\"");
  }
  GENESIS_ASSIGN(const json scales, parse_json(found->second));
  const bool is_list = scales.is_array() && scales.size() == parts.specs.size();
  std::vector<int> exponents;
  for (std::size_t i = 0; is_list && i < scales.size(); ++i) {
    const bool is_exponent = scales[i].is_number_integer() && scales[i] >= kMinInt8Exponent &&
                             scales[i] <= kMaxInt8Exponent;
    if (is_exponent) {
      exponents.push_back(scales[i].get<int>());
    }
  }
  if (!is_list || exponents.size() != parts.specs.size()) {
    return fail(Errc::kInvalidArgument,
                "update: \"scales\" must be " + std::to_string(parts.specs.size()) +
                    " whole numbers from " + std::to_string(kMinInt8Exponent) + " to " +
                    std::to_string(kMaxInt8Exponent) + ", one a tensor");
  }
  return exponents;
}

// The values of an update, whatever they travelled as.
Result<std::vector<float>> values_of(const TensorBytes& parts) {
  std::vector<float> values(parts.data.size() / size_of(parts.dtype));
  switch (parts.dtype) {
    case Dtype::kF32:
      std::memcpy(values.data(), parts.data.data(), parts.data.size());
      break;
    case Dtype::kF16:
      for (std::size_t i = 0; i < values.size(); ++i) {
        std::uint16_t half = 0;
        std::memcpy(&half, parts.data.data() + i * sizeof half, sizeof half);
        values[i] = from_half(half);
      }
      break;
    case Dtype::kI8: {
      GENESIS_ASSIGN(const auto exponents, scales_of(parts));
      std::size_t at = 0;
      for (std::size_t t = 0; t < parts.specs.size(); ++t) {
        const std::size_t end = at + parts.specs[t].element_count();
        for (; at < end; ++at) {
          values[at] = from_int8(static_cast<std::int8_t>(parts.data[at]), exponents[t]);
        }
      }
      break;
    }
  }
  return values;
}

}  // namespace

std::string encode(const UpdateMetadata& message) {
  return dump_json({{"run", message.run},
                    {"round", message.round.value},
                    {"client", message.client.str()},
                    {"rows", message.rows},
                    {"generator_loss", message.generator_loss},
                    {"discriminator_loss", message.discriminator_loss},
                    {"update_norm", message.update_norm},
                    {"step_seconds", message.step_seconds},
                    {"steps", message.steps}});
}

Result<UpdateMetadata> decode_update_metadata(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "UpdateMetadata"));
  GENESIS_ASSIGN(ClientId client, fields.client("client"));
  UpdateMetadata message{.run = {}, .round = {}, .client = std::move(client)};
  GENESIS_ASSIGN(message.run, fields.text("run"));
  GENESIS_ASSIGN(message.round, fields.round("round"));
  GENESIS_ASSIGN(message.rows, fields.count("rows"));
  GENESIS_ASSIGN(message.generator_loss, fields.number("generator_loss"));
  GENESIS_ASSIGN(message.discriminator_loss, fields.number("discriminator_loss"));
  GENESIS_ASSIGN(message.update_norm, fields.number("update_norm"));
  GENESIS_ASSIGN(message.step_seconds, fields.number("step_seconds"));
  GENESIS_ASSIGN(message.steps, fields.count("steps"));
  return message;
}

std::string encode(const Update& message, Quantization quantization) {
  Metadata metadata{{std::string(kUpdateKey), encode(message.metadata)}};
  const Tensors& delta = message.delta;
  switch (quantization) {
    case Quantization::kNone:
      break;
    case Quantization::kFp16:
      return join_safetensors(delta.specs, metadata, Dtype::kF16, halves(delta.values));
    case Quantization::kInt8: {
      json scales;
      const auto data = int8s(delta, scales);
      metadata.emplace(kScalesKey, dump_json(scales));
      return join_safetensors(delta.specs, metadata, Dtype::kI8, data);
    }
  }
  return encode_safetensors(delta, metadata);
}

Result<Update> decode_update(std::string_view bytes, const SafetensorsLimits& limits) {
  constexpr std::array kAccepted{Dtype::kF32, Dtype::kF16, Dtype::kI8};
  GENESIS_ASSIGN(TensorBytes parts, split_safetensors(bytes, kAccepted, limits));
  const auto found = parts.metadata.find(std::string(kUpdateKey));
  if (found == parts.metadata.end()) {
    return fail(Errc::kInvalidArgument,
                "update: its metadata lacks \"" + std::string(kUpdateKey) + "\"");
  }
  GENESIS_ASSIGN(UpdateMetadata metadata, decode_update_metadata(found->second));
  GENESIS_ASSIGN(auto values, values_of(parts));
  return Update{std::move(metadata), Tensors{std::move(parts.specs), std::move(values)}};
}

}  // namespace genesis::wire
