// JSON of the encoder: what all sites and the model file carry.
#include <array>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/encoder_columns.hpp"
#include "common/tabular/encoder_layout.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/json_reader.hpp"
#include "common/tabular/mixture.hpp"

namespace genesis::tabular {
namespace {

constexpr std::size_t kMaxFormatBytes = 64;
constexpr std::size_t kMaxEncoderModes = kMaxCategories + 2;
constexpr double kLargestDeviation = 1e300;

constexpr std::array<std::pair<Mode::Type, std::string_view>, 5> kTypes = {{
    {Mode::Type::kMissing, "missing"},
    {Mode::Type::kExact, "exact"},
    {Mode::Type::kGaussian, "gaussian"},
    {Mode::Type::kCategory, "category"},
    {Mode::Type::kOther, "other"},
}};

nlohmann::json mode_to_json(const Mode& mode) {
  nlohmann::json json = {{"weight", mode.weight}};
  for (const auto& [type, name] : kTypes) {
    if (type == mode.type) {
      json["type"] = name;
    }
  }
  switch (mode.type) {
    case Mode::Type::kMissing:
      break;
    case Mode::Type::kExact:
      json["value"] = mode.mean;
      break;
    case Mode::Type::kGaussian:
      json["mean"] = mode.mean;
      json["deviation"] = mode.deviation;
      break;
    case Mode::Type::kCategory:
    case Mode::Type::kOther:
      json["category"] = mode.category;
      break;
  }
  return json;
}

Result<Mode> mode_from_json(JsonValue json, const std::string& path) {
  JsonReader reader(json, path);
  Mode mode;
  constexpr std::size_t kLongestType = 16;
  const std::string name = reader.text("type", kLongestType);
  bool known = false;
  for (const auto& [type, type_name] : kTypes) {
    if (type_name == name) {
      mode.type = type;
      known = true;
    }
  }
  if (!known) {
    reader.refuse("type", "expected missing, exact, gaussian, category or other");
  }
  mode.weight = reader.number("weight");
  if (mode.weight < 0.0 || mode.weight > 1.0 + 1e-9) {
    reader.refuse("weight", "expected a share from 0 to 1");
  }
  switch (mode.type) {
    case Mode::Type::kMissing:
      break;
    case Mode::Type::kExact:
      mode.mean = reader.number("value");
      break;
    case Mode::Type::kGaussian:
      mode.mean = reader.number("mean");
      mode.deviation = reader.number("deviation");
      if (!(mode.deviation > 0.0)) {
        reader.refuse("deviation", "expected a number above 0");
      }
      break;
    case Mode::Type::kCategory:
      mode.category = reader.text("category", kMaxCellBytes);
      if (mode.category.empty()) {
        reader.refuse("category", "is empty");
      }
      break;
    case Mode::Type::kOther:
      mode.category = reader.text("category", kMaxCellBytes);
      break;
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  return mode;
}

// Position of a type in a column's modes: exact values or categories, Gaussians, missing.
int order_of(Mode::Type type) {
  switch (type) {
    case Mode::Type::kExact:
    case Mode::Type::kCategory:
      return 0;
    case Mode::Type::kGaussian:
    case Mode::Type::kOther:
      return 1;
    case Mode::Type::kMissing:
      return 2;
  }
  return 2;
}

bool in_order(const Mode& a, const Mode& b) {
  if (a.type != b.type) {
    return order_of(a.type) < order_of(b.type);
  }
  switch (a.type) {
    case Mode::Type::kExact:
      return a.mean < b.mean;
    case Mode::Type::kGaussian:
      return a.mean <= b.mean;
    case Mode::Type::kCategory:
      return a.category < b.category;
    case Mode::Type::kMissing:
    case Mode::Type::kOther:
      return false;
  }
  return false;
}

// A mean inside and a deviation that a scalar can resolve.
bool is_within_domain(const Mode& mode, const EncodedColumnSpec& column) {
  const double low = column.scale.forward(column.minimum);
  const double high = column.scale.forward(column.maximum);
  constexpr double kResolved = 1e-15;
  return mode.mean >= low && mode.mean <= high &&
         mode.deviation >= kResolved * std::abs(mode.mean) && mode.deviation <= kLargestDeviation;
}

// The laws of a column's modes that encode, decode and a model rely on.
void check_modes(const EncodedColumnSpec& column, JsonReader& reader) {
  if ((column.kind == Kind::kIdentifier) != column.modes.empty()) {
    return reader.refuse("modes", "expected some, or none for an identifier");
  }
  double weights = 0.0;
  std::size_t gaussians = 0;
  for (std::size_t k = 0; k < column.modes.size(); ++k) {
    const auto& mode = column.modes[k];
    weights += mode.weight;
    gaussians += mode.type == Mode::Type::kGaussian ? 1 : 0;
    const bool is_number = mode.type == Mode::Type::kExact || mode.type == Mode::Type::kGaussian;
    if (mode.type != Mode::Type::kMissing && is_number != is_continuous(column.kind)) {
      return reader.refuse("modes", "has a mode of a type that the kind can't have");
    }
    if (mode.type == Mode::Type::kExact &&
        (mode.mean < column.minimum || mode.mean > column.maximum)) {
      return reader.refuse("modes", "has a value outside the domain");
    }
    if (mode.type == Mode::Type::kGaussian && !is_within_domain(mode, column)) {
      return reader.refuse("modes", "has a Gaussian mode that does not go with the domain");
    }
    if (k > 0 && !in_order(column.modes[k - 1], mode)) {
      return reader.refuse("modes", "are not in order");
    }
  }
  if (gaussians > kMaxModes) {
    return reader.refuse("modes", "has more than 10 Gaussian modes");
  }
  if (!column.modes.empty() && std::abs(weights - 1.0) > 1e-6) {
    return reader.refuse("modes", "have weights that do not sum to 1");
  }
}

Result<EncodedColumnSpec> column_from_json(JsonValue json, const std::string& path) {
  JsonReader reader(json, path);
  EncodedColumnSpec column;
  column.name = reader.text("name", kMaxNameBytes);
  column.kind = reader.kind("kind");
  column.precision = reader.small("precision", kMaxPrecision);
  column.rounding.decimals = reader.small("resolution", kMaxPrecision);
  column.rounding.significant = reader.small("significant", kAllDigits);
  column.format = reader.text("format", kMaxFormatBytes);
  column.minimum = reader.number("minimum");
  column.maximum = reader.number("maximum");
  column.scale.center = reader.number("center");
  column.scale.unit = reader.number("unit");
  for (const JsonValue mode : reader.array("modes", kMaxEncoderModes)) {
    GENESIS_ASSIGN(
        auto parsed,
        mode_from_json(mode, path + ".modes[" + std::to_string(column.modes.size()) + "]"));
    column.modes.push_back(std::move(parsed));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  if (column.minimum > column.maximum) {
    reader.refuse("minimum", "is above the maximum");
  }
  if (column.scale.unit < 0.0) {
    reader.refuse("unit", "is below 0");
  }
  if (column.kind == Kind::kIdentifier && !is_pattern(column.format)) {
    reader.refuse("format", "is not a pattern of identifiers");
  } else if (!step_of(column.kind, column.rounding, column.format)) {
    reader.refuse("format", "is not a date format");
  }
  check_modes(column, reader);
  GENESIS_RETURN_IF_ERROR(reader.status());
  return column;
}

}  // namespace

namespace {

nlohmann::json json_of(const std::vector<EncodedColumnSpec>& specs) {
  auto columns = nlohmann::json::array();
  for (const auto& column : specs) {
    auto modes = nlohmann::json::array();
    for (const auto& mode : column.modes) {
      modes.push_back(mode_to_json(mode));
    }
    columns.push_back({{"name", column.name},
                       {"kind", to_string(column.kind)},
                       {"precision", column.precision},
                       {"resolution", column.rounding.decimals},
                       {"significant", column.rounding.significant},
                       {"format", column.format},
                       {"minimum", column.minimum},
                       {"maximum", column.maximum},
                       {"center", column.scale.center},
                       {"unit", column.scale.unit},
                       {"modes", std::move(modes)}});
  }
  return {{"columns", std::move(columns)}};
}

}  // namespace

nlohmann::json to_json(const Encoder& encoder) {
  return json_of(encoder.columns());
}

Result<Encoder> encoder_of(const std::vector<EncodedColumnSpec>& columns) {
  constexpr JsonLimits kOwn{.max_bytes = std::size_t{64} << 20, .max_values = std::size_t{8} << 20};
  const auto text = dump_json(json_of(columns));
  GENESIS_ASSIGN(const auto json, parse_json(text, kOwn));
  return encoder_from_json(json.root());
}

Result<Encoder> encoder_from_json(JsonValue json) {
  JsonReader reader(json, "encoder");
  Encoder encoder;
  for (const JsonValue column : reader.array("columns", kMaxColumns)) {
    GENESIS_ASSIGN(auto parsed,
                   column_from_json(
                       column, "encoder.columns[" + std::to_string(encoder.columns_.size()) + "]"));
    encoder.columns_.push_back(std::move(parsed));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_RETURN_IF_ERROR(check_names(encoder.columns_, "encoder.columns"));
  encoder.layout_ = layout_of(encoder.columns_);
  return encoder;
}

}  // namespace genesis::tabular
