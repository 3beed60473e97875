#include "common/tabular/json_reader.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "common/tabular/table.hpp"

namespace genesis::tabular {

namespace {

std::optional<std::uint64_t> whole_number(const nlohmann::json& json) {
  if (!json.is_number_integer() || (!json.is_number_unsigned() && json.get<std::int64_t>() < 0)) {
    return std::nullopt;
  }
  return json.get<std::uint64_t>();
}

}  // namespace

JsonReader::JsonReader(const nlohmann::json& json, std::string path)
    : json_(json), path_(std::move(path)) {
  if (!json_.is_object()) {
    status_ = fail(Errc::kInvalidArgument, path_ + ": expected an object");
  }
}

void JsonReader::refuse(std::string_view key, std::string_view why) {
  if (status_) {
    status_ =
        fail(Errc::kInvalidArgument, path_ + "." + std::string(key) + ": " + std::string(why));
  }
}

void JsonReader::check(const Status& nested) {
  if (status_ && !nested) {
    status_ = nested;
  }
}

const nlohmann::json* JsonReader::find(std::string_view key) {
  if (!status_) {
    return nullptr;
  }
  const auto at = json_.find(std::string(key));
  if (at == json_.end()) {
    refuse(key, "is missing");
    return nullptr;
  }
  return &*at;
}

std::string JsonReader::text(std::string_view key, std::size_t max_bytes) {
  const auto* value = find(key);
  if (value == nullptr) {
    return {};
  }
  const auto* text = value->get_ptr<const std::string*>();
  if (text == nullptr || text->size() > max_bytes) {
    refuse(key, "expected a string of at most " + std::to_string(max_bytes) + " bytes");
    return {};
  }
  return *text;
}

std::uint64_t JsonReader::count(std::string_view key, std::uint64_t maximum) {
  const auto* value = find(key);
  if (value == nullptr) {
    return 0;
  }
  const auto number = whole_number(*value);
  if (!number || *number > maximum) {
    refuse(key, "expected a whole number from 0 to " + std::to_string(maximum));
    return 0;
  }
  return *number;
}

int JsonReader::small(std::string_view key, int maximum) {
  return static_cast<int>(count(key, static_cast<std::uint64_t>(maximum)));
}

bool JsonReader::flag(std::string_view key) {
  const auto* value = find(key);
  if (value != nullptr && !value->is_boolean()) {
    refuse(key, "expected true or false");
    return false;
  }
  return value != nullptr && value->get<bool>();
}

Kind JsonReader::kind(std::string_view key) {
  constexpr std::size_t kLongestKind = 16;
  const std::string name = text(key, kLongestKind);
  const auto kind = parse_kind(name);
  if (!kind) {
    refuse(key, kind.error().message);
  }
  return kind.value_or(Kind::kCategory);
}

double JsonReader::finite(const nlohmann::json& json, std::string_view key) {
  constexpr double kLargest = 1e300;
  const double value = json.is_number() ? json.get<double>() : NAN;
  if (!(std::abs(value) <= kLargest)) {
    refuse(key, "expected a finite number");
    return 0.0;
  }
  return value;
}

double JsonReader::number(std::string_view key) {
  const auto* value = find(key);
  return value == nullptr ? 0.0 : finite(*value, key);
}

const nlohmann::json& JsonReader::array(std::string_view key, std::size_t max_size) {
  static const nlohmann::json kNone = nlohmann::json::array();
  const auto* value = find(key);
  if (value == nullptr) {
    return kNone;
  }
  if (!value->is_array() || value->size() > max_size) {
    refuse(key, "expected a list of at most " + std::to_string(max_size));
    return kNone;
  }
  return *value;
}

std::vector<double> JsonReader::numbers(std::string_view key, std::size_t max_size) {
  std::vector<double> values;
  for (const auto& item : array(key, max_size)) {
    values.push_back(finite(item, key));
  }
  return values;
}

std::vector<double> JsonReader::sorted_numbers(std::string_view key, std::size_t max_size) {
  auto values = numbers(key, max_size);
  if (std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) != values.end()) {
    refuse(key, "expected increasing numbers");
  }
  return values;
}

std::vector<std::string> JsonReader::sorted_texts(std::string_view key, std::size_t max_size) {
  std::vector<std::string> values;
  for (const auto& item : array(key, max_size)) {
    const auto* text = item.get_ptr<const std::string*>();
    if (text == nullptr || text->empty() || text->size() > kMaxCellBytes ||
        (!values.empty() && !(values.back() < *text))) {
      refuse(key, "expected different, sorted, non-empty strings");
      return {};
    }
    values.push_back(*text);
  }
  return values;
}

std::vector<std::uint64_t> JsonReader::counts(std::string_view key, std::size_t max_size) {
  std::vector<std::uint64_t> values;
  for (const auto& item : array(key, max_size)) {
    const auto number = whole_number(item);
    if (!number) {
      refuse(key, "expected whole numbers from 0");
      return {};
    }
    values.push_back(*number);
  }
  return values;
}

}  // namespace genesis::tabular
