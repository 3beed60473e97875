#include "common/wire/contribution.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/base/overloaded.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::wire {

using nlohmann::json;

namespace {

constexpr const char* kCountsName = "counts";
constexpr const char* kMessageName = "message";
constexpr const char* kStageKey = "stage";    // of a secure sum, of which the message is
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
    return fail(Errc::kInvalidArgument, "contribution: its metadata lacks \"scales\"");
  }
  GENESIS_ASSIGN(const auto scales, parse_json(found->second));
  std::vector<int> exponents;
  std::size_t count = 0;
  for (const JsonValue scale : scales.root().elements()) {
    ++count;
    const auto exponent = scale.integer();
    if (exponent && *exponent >= kMinInt8Exponent && *exponent <= kMaxInt8Exponent) {
      exponents.push_back(static_cast<int>(*exponent));
    }
  }
  if (count != parts.specs.size() || exponents.size() != count) {
    return fail(Errc::kInvalidArgument,
                "contribution: \"scales\" must be " + std::to_string(parts.specs.size()) +
                    " whole numbers from " + std::to_string(kMinInt8Exponent) + " to " +
                    std::to_string(kMaxInt8Exponent) + ", one a tensor");
  }
  return exponents;
}

// The values of tensors, whatever they travelled as.
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
    case Dtype::kU8:
    case Dtype::kU64:
      break;  // messages and counts are no tensors
  }
  return values;
}

std::string encode_tensors(const Tensors& tensors, Metadata metadata, Quantization quantization) {
  switch (quantization) {
    case Quantization::kNone:
      break;
    case Quantization::kFp16:
      return join_safetensors(tensors.specs, metadata, Dtype::kF16, halves(tensors.values));
    case Quantization::kInt8: {
      json scales;
      const auto data = int8s(tensors, scales);
      metadata.emplace(kScalesKey, dump_json(scales));
      return join_safetensors(tensors.specs, metadata, Dtype::kI8, data);
    }
  }
  return encode_safetensors(tensors, metadata);
}

std::string encode_counts(const rounds::Counts& counts, const Metadata& metadata) {
  const std::string_view data(reinterpret_cast<const char*>(counts.data()),
                              counts.size() * sizeof(std::uint64_t));
  const TensorSpec spec{kCountsName, {static_cast<std::int64_t>(counts.size())}};
  return join_safetensors({spec}, metadata, Dtype::kU64, data);
}

Result<rounds::Counts> counts_of(const TensorBytes& parts) {
  const bool is_one_list = parts.specs.size() == 1 && parts.specs[0].name == kCountsName &&
                           parts.specs[0].shape.size() == 1;
  if (!is_one_list) {
    return fail(Errc::kInvalidArgument,
                "contribution: counts travel as one tensor \"counts\" of one dimension");
  }
  rounds::Counts counts(parts.data.size() / sizeof(std::uint64_t));
  if (!counts.empty()) {
    std::memcpy(counts.data(), parts.data.data(), parts.data.size());
  }
  return counts;
}

std::string encode_masked(const rounds::Masked& masked, Metadata metadata) {
  metadata.emplace(kStageKey, rounds::to_string(masked.stage));
  const TensorSpec spec{kMessageName, {static_cast<std::int64_t>(masked.message.size())}};
  return join_safetensors({spec}, metadata, Dtype::kU8, masked.message);
}

Result<rounds::Body> masked_of(const TensorBytes& parts) {
  const auto found = parts.metadata.find(kStageKey);
  const auto stage = rounds::parse_stage(found == parts.metadata.end() ? "" : found->second)
                         .value_or(rounds::Stage::kInput);
  const bool is_message = parts.specs.size() == 1 && parts.specs[0].name == kMessageName &&
                          parts.specs[0].shape.size() == 1;
  if (stage == rounds::Stage::kInput || !is_message) {
    return fail(Errc::kInvalidArgument,
                "contribution: a message of a secure sum is one tensor \"message\" of one "
                "dimension, with its stage in the metadata");
  }
  return rounds::Masked{stage, std::string(parts.data)};
}

Result<rounds::Body> body_of(TensorBytes parts) {
  if (parts.dtype == Dtype::kU8) {
    return masked_of(parts);
  }
  if (parts.dtype == Dtype::kU64) {
    GENESIS_ASSIGN(auto counts, counts_of(parts));
    return rounds::Plain{std::move(counts)};
  }
  GENESIS_ASSIGN(auto values, values_of(parts));
  return rounds::Plain{Tensors{std::move(parts.specs), std::move(values)}};
}

// By its form; whoever has the ledger reads it (privacy/ledger.hpp).
bool is_head(std::string_view text) {
  constexpr std::size_t kLongest = 384;
  const auto colons = std::ranges::count(text, ':');
  return text.size() <= kLongest && (colons == 2 || colons == 4) &&
         text.find_first_not_of("0123456789abcdef:") == std::string_view::npos;
}

}  // namespace

std::string encode_header(const rounds::Contribution& contribution) {
  nlohmann::json header{{"run", contribution.run},
                        {"collection", contribution.collection.value},
                        {"attempt", contribution.attempt},
                        {"client", contribution.client.str()},
                        {"telemetry", contribution.telemetry}};
  if (!contribution.ledger_head.empty()) {
    header["ledger_head"] = contribution.ledger_head;
  }
  return dump_json(header);
}

Result<rounds::Contribution> decode_header(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const auto body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "Contribution"));
  GENESIS_ASSIGN(ClientId client, fields.client("client"));
  rounds::Contribution contribution{
      .run = {}, .collection = {}, .client = std::move(client), .body = {}};
  GENESIS_ASSIGN(contribution.run, fields.text("run"));
  GENESIS_ASSIGN(contribution.collection.value, fields.small_count("collection"));
  GENESIS_ASSIGN(contribution.attempt, fields.small_count("attempt"));
  GENESIS_ASSIGN(contribution.telemetry, fields.numbers("telemetry", rounds::kLargestTelemetry));
  if (fields.has("ledger_head")) {
    GENESIS_ASSIGN(contribution.ledger_head, fields.text("ledger_head"));
    if (!is_head(contribution.ledger_head)) {
      return fields.wrong(
          "ledger_head",
          "id:lines:hash in hex, or id:lines:hash:run:signature, of at most 384 characters");
    }
  }
  return contribution;
}

std::string encode(const rounds::Contribution& contribution, Quantization quantization) {
  Metadata metadata{{std::string(kContributionKey), encode_header(contribution)}};
  if (const auto* masked = std::get_if<rounds::Masked>(&contribution.body)) {
    return encode_masked(*masked, std::move(metadata));
  }
  const auto& plain = std::get<rounds::Plain>(contribution.body);
  return std::visit(
      Overloaded{
          [&](const rounds::Counts& counts) { return encode_counts(counts, metadata); },
          [&](const Tensors& tensors) {
            return encode_tensors(tensors, std::move(metadata), quantization);
          },
      },
      plain.values);
}

Result<rounds::Contribution> decode_contribution(std::string_view bytes,
                                                 const SafetensorsLimits& limits) {
  constexpr std::array kAccepted{Dtype::kF32, Dtype::kF16, Dtype::kI8, Dtype::kU8, Dtype::kU64};
  GENESIS_ASSIGN(TensorBytes parts, split_safetensors(bytes, kAccepted, limits));
  const auto found = parts.metadata.find(std::string(kContributionKey));
  if (found == parts.metadata.end()) {
    return fail(Errc::kInvalidArgument,
                "contribution: its metadata lacks \"" + std::string(kContributionKey) + "\"");
  }
  GENESIS_ASSIGN(auto contribution, decode_header(found->second));
  GENESIS_ASSIGN(contribution.body, body_of(std::move(parts)));
  return contribution;
}

}  // namespace genesis::wire
