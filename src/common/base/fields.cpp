#include "common/base/fields.hpp"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

namespace genesis {
namespace {

constexpr std::size_t kQuotedBytes = 40;  // of a wrong value, in an error
constexpr std::size_t kMostNumbers = 64;  // in one object, and the bytes of their names
constexpr std::size_t kLongestName = 64;

// Short enough for a message, whatever was sent.
std::string excerpt(const nlohmann::json& value) {
  if (value.is_structured()) {
    return std::string(value.type_name()) + " of " + std::to_string(value.size());
  }
  std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kQuotedBytes) {
    text.resize(kQuotedBytes);
    text += "…";
  }
  return text;
}

}  // namespace

Result<Fields> Fields::of(const nlohmann::json& json, std::string path) {
  if (!json.is_object()) {
    return fail(Errc::kInvalidArgument, path + ": expected an object, got " + excerpt(json));
  }
  return Fields(json, std::move(path));
}

bool Fields::has(std::string_view name) const {
  return json_->contains(name);
}

Result<std::string> Fields::text(std::string_view name) const {
  GENESIS_ASSIGN(const nlohmann::json* value, find(name));
  if (!value->is_string()) {
    return wrong(name, "a text");
  }
  return value->get<std::string>();
}

Result<std::uint64_t> Fields::count(std::string_view name) const {
  GENESIS_ASSIGN(const nlohmann::json* value, find(name));
  if (!value->is_number_unsigned()) {
    return wrong(name, "a whole number from 0");
  }
  return value->get<std::uint64_t>();
}

Result<std::uint32_t> Fields::small_count(std::string_view name) const {
  GENESIS_ASSIGN(const std::uint64_t value, count(name));
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    return wrong(name, "a whole number below 2^32");
  }
  return static_cast<std::uint32_t>(value);
}

Result<RoundId> Fields::round(std::string_view name) const {
  GENESIS_ASSIGN(const std::uint32_t value, small_count(name));
  return RoundId{value};
}

Result<double> Fields::number(std::string_view name) const {
  GENESIS_ASSIGN(const nlohmann::json* value, find(name));
  if (!value->is_number()) {
    return wrong(name, "a number");
  }
  return value->get<double>();
}

Result<std::optional<double>> Fields::optional_number(std::string_view name) const {
  const auto found = json_->find(name);
  if (found == json_->end() || found->is_null()) {
    return std::nullopt;
  }
  GENESIS_ASSIGN(const double value, number(name));
  return value;
}

Result<std::map<std::string, double>> Fields::numbers(std::string_view name) const {
  GENESIS_ASSIGN(const nlohmann::json* value, find(name));
  if (!value->is_object() || value->size() > kMostNumbers) {
    return wrong(name, "an object of at most " + std::to_string(kMostNumbers) + " numbers");
  }
  GENESIS_ASSIGN(const Fields entries, of(*value, path_of(name)));
  std::map<std::string, double> numbers;
  for (const auto& [key, number] : value->items()) {
    if (key.size() > kLongestName) {
      return wrong(name, "names of at most " + std::to_string(kLongestName) + " bytes");
    }
    GENESIS_ASSIGN(numbers[key], entries.number(key));
  }
  return numbers;
}

Result<ClientId> Fields::client(std::string_view name) const {
  GENESIS_ASSIGN(const std::string value, text(name));
  auto client = ClientId::parse(value);
  if (!client) {
    return tl::unexpected(client.error().within(path_of(name)));
  }
  return client;
}

Result<Fields> Fields::object(std::string_view name) const {
  GENESIS_ASSIGN(const nlohmann::json* value, find(name));
  return of(*value, path_of(name));
}

Result<std::vector<Fields>> Fields::objects(std::string_view name) const {
  GENESIS_ASSIGN(const nlohmann::json* value, find(name));
  if (!value->is_array()) {
    return wrong(name, "a list");
  }
  std::vector<Fields> all;
  all.reserve(value->size());
  for (const nlohmann::json& element : *value) {
    GENESIS_ASSIGN(Fields fields,
                   of(element, path_of(name) + "[" + std::to_string(all.size()) + "]"));
    all.push_back(std::move(fields));
  }
  return all;
}

tl::unexpected<Error> Fields::wrong(std::string_view name, std::string_view expected) const {
  const auto found = json_->find(name);
  const std::string got = found == json_->end() ? "nothing" : excerpt(*found);
  return fail(Errc::kInvalidArgument,
              path_of(name) + ": expected " + std::string(expected) + ", got " + got);
}

Result<const nlohmann::json*> Fields::find(std::string_view name) const {
  const auto found = json_->find(name);
  if (found == json_->end()) {
    return fail(Errc::kInvalidArgument, path_of(name) + ": missing");
  }
  return &*found;
}

std::string Fields::path_of(std::string_view name) const {
  return path_ + "." + std::string(name);
}

}  // namespace genesis
