#include "common/tabular/json_reader.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "common/tabular/table.hpp"

namespace genesis::tabular {

JsonReader::JsonReader(JsonValue json, std::string path) : json_(json), path_(std::move(path)) {
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

std::optional<JsonValue> JsonReader::find(std::string_view key) {
  if (!status_) {
    return std::nullopt;
  }
  const auto value = json_.find(key);
  if (!value) {
    refuse(key, "is missing");
  }
  return value;
}

std::string JsonReader::text(std::string_view key, std::size_t max_bytes) {
  const auto value = find(key);
  if (!value) {
    return {};
  }
  auto text = value->text(max_bytes);
  if (!text) {
    refuse(key, "expected a string of at most " + std::to_string(max_bytes) + " bytes");
  }
  return std::move(text).value_or("");
}

std::uint64_t JsonReader::count(std::string_view key, std::uint64_t maximum) {
  const auto value = find(key);
  if (!value) {
    return 0;
  }
  const auto number = value->whole();
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
  const auto value = find(key);
  if (!value) {
    return false;
  }
  const auto flag = value->boolean();
  if (!flag) {
    refuse(key, "expected true or false");
  }
  return flag.value_or(false);
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

double JsonReader::finite(JsonValue json, std::string_view key) {
  constexpr double kLargest = 1e300;
  const double value = json.number().value_or(NAN);
  if (!(std::abs(value) <= kLargest)) {
    refuse(key, "expected a finite number");
    return 0.0;
  }
  return value;
}

double JsonReader::number(std::string_view key) {
  const auto value = find(key);
  return value ? finite(*value, key) : 0.0;
}

std::vector<JsonValue> JsonReader::array(std::string_view key, std::size_t max_size) {
  std::vector<JsonValue> items;
  const auto value = find(key);
  if (!value) {
    return items;
  }
  bool is_within = value->is_array();
  for (const JsonValue item : value->elements()) {
    if (items.size() == max_size) {
      is_within = false;
      break;
    }
    items.push_back(item);
  }
  if (!is_within) {
    refuse(key, "expected a list of at most " + std::to_string(max_size));
    items.clear();
  }
  return items;
}

std::vector<double> JsonReader::numbers(std::string_view key, std::size_t max_size) {
  std::vector<double> values;
  for (const JsonValue item : array(key, max_size)) {
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
  for (const JsonValue item : array(key, max_size)) {
    auto text = item.text(kMaxCellBytes);
    if (!text || text->empty() || (!values.empty() && !(values.back() < *text))) {
      refuse(key, "expected different, sorted, non-empty strings");
      return {};
    }
    values.push_back(std::move(*text));
  }
  return values;
}

std::vector<std::uint64_t> JsonReader::counts(std::string_view key, std::size_t max_size) {
  std::vector<std::uint64_t> values;
  for (const JsonValue item : array(key, max_size)) {
    const auto number = item.whole();
    if (!number) {
      refuse(key, "expected whole numbers from 0");
      return {};
    }
    values.push_back(*number);
  }
  return values;
}

}  // namespace genesis::tabular
