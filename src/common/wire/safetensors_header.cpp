#include "common/wire/safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"

namespace genesis::wire {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

// Where in {"__metadata__":{"k":"v"},"name":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} we
// are.
enum class At {
  kStart,
  kTop,  // a name or the end comes next
  kMetadataOpen,
  kMetadata,
  kMetadataValue,
  kTensorOpen,
  kTensor,  // a field or the end comes next
  kDtype,
  kShapeOpen,
  kShape,
  kOffsetsOpen,
  kOffsets,
  kDone,
};

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  out.append(text).append("\"");
  return out;
}

class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(std::span<const Dtype> accepted, const SafetensorsLimits& limits)
      : accepted_(accepted), limits_(limits) {}

  [[nodiscard]] Result<SafetensorsHeader> finish() && {
    if (!error_.message.empty()) {
      return tl::unexpected(std::move(error_));
    }
    return std::move(header_);
  }

  bool start_object(std::size_t /*size*/) override {
    switch (at_) {
      case At::kStart:
        return go(At::kTop);
      case At::kMetadataOpen:
        return go(At::kMetadata);
      case At::kTensorOpen:
        return go(At::kTensor);
      default:
        return unexpected("an object");
    }
  }

  bool end_object() override {
    switch (at_) {
      case At::kTop:
        return go(At::kDone);
      case At::kMetadata:
        return go(At::kTop);
      case At::kTensor:
        return close_tensor() && go(At::kTop);
      default:
        return unexpected("the end of an object");
    }
  }

  bool key(std::string& text) override {
    switch (at_) {
      case At::kTop:
        return open_entry(std::move(text));
      case At::kMetadata:
        return open_metadata(std::move(text));
      case At::kTensor:
        return open_field(text);
      default:
        return unexpected("a key");
    }
  }

  bool string(std::string& text) override {
    if (at_ == At::kMetadataValue) {
      metadata_value_->second = std::move(text);
      return go(At::kMetadata);
    }
    if (at_ == At::kDtype) {
      return take_dtype(text) && go(At::kTensor);
    }
    return unexpected("a text");
  }

  bool start_array(std::size_t /*size*/) override {
    switch (at_) {
      case At::kShapeOpen:
        return go(At::kShape);
      case At::kOffsetsOpen:
        return go(At::kOffsets);
      default:
        return unexpected("a list");
    }
  }

  bool end_array() override {
    if (at_ == At::kOffsets && offset_count_ != offsets_.size()) {
      return refuse(Errc::kInvalidArgument, "data_offsets must be [begin, end]");
    }
    return at_ == At::kShape || at_ == At::kOffsets ? go(At::kTensor)
                                                    : unexpected("the end of a list");
  }

  bool number_unsigned(std::uint64_t value) override {
    if (at_ == At::kShape) {
      return add_extent(value);
    }
    if (at_ == At::kOffsets) {
      if (offset_count_ == offsets_.size()) {
        return refuse(Errc::kInvalidArgument, "data_offsets must be [begin, end]");
      }
      offsets_[offset_count_++] = value;
      return true;
    }
    return unexpected("a number");
  }

  bool number_integer(std::int64_t /*value*/) override { return unexpected("a negative number"); }
  bool number_float(double /*value*/, const std::string& /*text*/) override {
    return unexpected("a fraction");
  }
  bool null() override { return unexpected("null"); }
  bool boolean(bool /*value*/) override { return unexpected("a boolean"); }
  bool binary(nlohmann::json::binary_t& /*value*/) override { return unexpected("binary"); }

  bool parse_error(std::size_t position,
                   const std::string& /*last_token*/,
                   const nlohmann::json::exception& /*error*/) override {
    return refuse(Errc::kInvalidArgument, "byte " + std::to_string(position) + " is not JSON");
  }

 private:
  bool go(At next) {
    at_ = next;
    return true;
  }

  bool refuse(Errc code, const std::string& what) {
    std::string where = "safetensors: header";
    if (!tensor_.name.empty()) {
      where += ": tensor " + in_quotes(tensor_.name);
    }
    error_ = Error{code, where + ": " + what};
    return false;
  }

  bool unexpected(const std::string& what) {
    return refuse(Errc::kInvalidArgument, what + " where the format has none");
  }

  bool open_entry(std::string name) {
    if (!names_.insert(name).second) {
      return refuse(Errc::kInvalidArgument, in_quotes(name) + " occurs twice");
    }
    if (name == kMetadataKey) {
      return go(At::kMetadataOpen);
    }
    if (name.empty() || name.size() > limits_.max_name_bytes) {
      return refuse(Errc::kResourceExhausted,
                    "a tensor's name has " + std::to_string(name.size()) + " bytes; 1 to " +
                        std::to_string(limits_.max_name_bytes) + " are accepted");
    }
    if (header_.specs.size() == limits_.max_tensors) {
      return refuse(Errc::kResourceExhausted,
                    "more than " + std::to_string(limits_.max_tensors) + " tensors");
    }
    tensor_ = TensorSpec{std::move(name), {}};
    elements_ = 1;
    offset_count_ = 0;
    has_dtype_ = has_shape_ = has_offsets_ = false;
    return go(At::kTensorOpen);
  }

  bool open_metadata(std::string name) {
    const auto [place, is_new] = header_.metadata.try_emplace(std::move(name));
    if (!is_new) {
      return refuse(Errc::kInvalidArgument,
                    "metadata " + in_quotes(place->first) + " occurs twice");
    }
    metadata_value_ = place;
    return go(At::kMetadataValue);
  }

  bool open_field(const std::string& name) {
    if (name == "dtype") {
      return open_once(name, has_dtype_, At::kDtype);
    }
    if (name == "shape") {
      return open_once(name, has_shape_, At::kShapeOpen);
    }
    if (name == "data_offsets") {
      return open_once(name, has_offsets_, At::kOffsetsOpen);
    }
    return refuse(Errc::kInvalidArgument, "unknown field " + in_quotes(name));
  }

  // Of the first tensor, one that is accepted; of the others the same.
  bool take_dtype(const std::string& text) {
    const auto found =
        std::ranges::find(accepted_, text, [](Dtype dtype) { return std::string(name_of(dtype)); });
    if (found == accepted_.end()) {
      std::string names;
      for (const Dtype dtype : accepted_) {
        names += (names.empty() ? "" : " or ") + std::string(name_of(dtype));
      }
      return refuse(Errc::kInvalidArgument, "dtype " + in_quotes(text) + " is not " + names);
    }
    if (!header_.specs.empty() && *found != header_.dtype) {
      return refuse(Errc::kInvalidArgument,
                    "dtype " + in_quotes(text) + " is not that of the tensors before it");
    }
    dtype_ = *found;
    return true;
  }

  bool open_once(const std::string& name, bool& seen, At next) {
    if (std::exchange(seen, true)) {
      return refuse(Errc::kInvalidArgument, in_quotes(name) + " occurs twice");
    }
    return go(next);
  }

  // Every extent and every product stays within max_elements, so nothing here overflows.
  bool add_extent(std::uint64_t extent) {
    if (tensor_.shape.size() == limits_.max_dimensions) {
      return refuse(Errc::kResourceExhausted,
                    "more than " + std::to_string(limits_.max_dimensions) + " dimensions");
    }
    if (extent > limits_.max_elements ||
        (extent != 0 && elements_ > limits_.max_elements / extent)) {
      return too_many_elements();
    }
    elements_ *= extent;
    tensor_.shape.push_back(static_cast<std::int64_t>(extent));
    return true;
  }

  bool too_many_elements() {
    return refuse(Errc::kResourceExhausted,
                  "more than " + std::to_string(limits_.max_elements) + " values");
  }

  bool close_tensor() {
    if (!has_dtype_ || !has_shape_ || !has_offsets_) {
      return refuse(Errc::kInvalidArgument, "needs dtype, shape and data_offsets");
    }
    if (elements_ > limits_.max_elements - header_.elements) {
      return too_many_elements();
    }
    header_.dtype = dtype_;
    const std::uint64_t begin = header_.elements * size_of(dtype_);
    const std::uint64_t end = begin + elements_ * size_of(dtype_);
    if (offsets_[0] != begin || offsets_[1] != end) {
      return refuse(Errc::kInvalidArgument,
                    "data_offsets [" + std::to_string(offsets_[0]) + ", " +
                        std::to_string(offsets_[1]) + "] should be [" + std::to_string(begin) +
                        ", " + std::to_string(end) + "] for shape " + shape_text(tensor_.shape) +
                        " after the tensors before it");
    }
    header_.elements += elements_;
    header_.specs.push_back(std::exchange(tensor_, {}));
    return true;
  }

  std::span<const Dtype> accepted_;  // these two outlive the parse
  const SafetensorsLimits& limits_;
  SafetensorsHeader header_;
  Error error_;
  At at_ = At::kStart;
  std::unordered_set<std::string> names_;
  Metadata::iterator metadata_value_;
  // The tensor being read; its name is empty between tensors.
  TensorSpec tensor_;
  Dtype dtype_ = Dtype::kF32;
  std::size_t elements_ = 1;
  std::array<std::uint64_t, 2> offsets_{};
  std::size_t offset_count_ = 0;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
};

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(std::string_view json,
                                                   std::span<const Dtype> accepted,
                                                   const SafetensorsLimits& limits) {
  HeaderReader reader(accepted, limits);
  try {
    nlohmann::json::sax_parse(json, &reader);
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::kInvalidArgument, std::string("safetensors: header: ") + error.what());
  }
  return std::move(reader).finish();
}

std::string safetensors_header_json(const std::vector<TensorSpec>& specs,
                                    const Metadata& metadata,
                                    Dtype dtype) {
  std::string json = "{";
  if (!metadata.empty()) {
    json += in_quotes(kMetadataKey) + ":" + dump_json(metadata);
  }
  std::size_t begin = 0;
  for (const TensorSpec& spec : specs) {
    const std::size_t end = begin + spec.element_count() * size_of(dtype);
    if (json.size() > 1) {
      json += ',';
    }
    json += dump_json(spec.name) + R"(:{"dtype":")" + std::string(name_of(dtype)) +
            R"(","shape":)" + dump_json(spec.shape) + R"(,"data_offsets":[)" +
            std::to_string(begin) + "," + std::to_string(end) + "]}";
    begin = end;
  }
  json += '}';
  return json;
}

}  // namespace genesis::wire
