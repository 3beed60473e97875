#include "common/base/fields.hpp"

#include <array>
#include <cstdio>
#include <limits>
#include <utility>

#include "common/base/text.hpp"

namespace genesis {
namespace {

constexpr std::size_t kQuotedBytes = 40;  // of a wrong value, in an error
constexpr std::size_t kMostNumbers = 64;  // in one object, and the bytes of their names
constexpr std::size_t kLongestName = 64;

// Short enough for a message, whatever was sent.
std::string excerpt(JsonValue value) {
  if (value.is_array() || value.is_object()) {
    return (value.is_array() ? "array of " : "object of ") + std::to_string(value.size());
  }
  return printable(value.raw(), kQuotedBytes);
}

}  // namespace

Result<Fields> Fields::of(JsonValue json, std::string path) {
  if (!json.is_object()) {
    return fail(Errc::kInvalidArgument, path + ": expected an object, got " + excerpt(json));
  }
  return Fields(json, std::move(path));
}

bool Fields::has(std::string_view name) const {
  return json_.find(name).has_value();
}

Result<std::string> Fields::text(std::string_view name) const {
  GENESIS_ASSIGN(const JsonValue value, find(name));
  auto text = value.text();
  if (!text) {
    return wrong(name, "a text");
  }
  return std::move(*text);
}

Result<std::uint64_t> Fields::count(std::string_view name) const {
  GENESIS_ASSIGN(const JsonValue value, find(name));
  const auto count = value.whole();
  if (!count) {
    return wrong(name, "a whole number from 0");
  }
  return *count;
}

Result<bool> Fields::boolean(std::string_view name) const {
  GENESIS_ASSIGN(const JsonValue value, find(name));
  const auto truth = value.boolean();
  if (!truth) {
    return wrong(name, "true or false");
  }
  return *truth;
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
  GENESIS_ASSIGN(const JsonValue value, find(name));
  const auto number = value.number();
  if (!number) {
    return wrong(name, "a number");
  }
  return *number;
}

Result<double> Fields::number_within(std::string_view name, double least, double most) const {
  GENESIS_ASSIGN(const double value, number(name));
  if (!(value >= least && value <= most)) {
    std::array<char, 96> expected{};
    std::snprintf(expected.data(), expected.size(), "a number from %g to %g", least, most);
    return wrong(name, expected.data());
  }
  return value;
}

Result<std::uint64_t> Fields::count_up_to(std::string_view name, std::uint64_t most) const {
  GENESIS_ASSIGN(const std::uint64_t value, count(name));
  if (value > most) {
    return wrong(name, "a whole number from 0 to " + std::to_string(most));
  }
  return value;
}

Result<std::optional<double>> Fields::optional_number(std::string_view name) const {
  const auto found = json_.find(name);
  if (!found || found->is_null()) {
    return std::nullopt;
  }
  GENESIS_ASSIGN(const double value, number(name));
  return value;
}

Result<std::map<std::string, double>> Fields::numbers(std::string_view name, double most) const {
  GENESIS_ASSIGN(const JsonValue value, find(name));
  if (!value.is_object() || value.size() > kMostNumbers) {
    return wrong(name, "an object of at most " + std::to_string(kMostNumbers) + " numbers");
  }
  GENESIS_ASSIGN(const Fields entries, of(value, path_of(name)));
  std::map<std::string, double> numbers;
  for (const auto& member : value.members()) {
    const auto key = member.name.text(kLongestName);
    if (!key) {
      return wrong(name, "names of at most " + std::to_string(kLongestName) + " bytes");
    }
    GENESIS_ASSIGN(numbers[*key], entries.number_within(*key, -most, most));
  }
  return numbers;
}

Result<std::vector<std::string>> Fields::texts(std::string_view name) const {
  GENESIS_ASSIGN(const JsonValue value, find(name));
  if (!value.is_array()) {
    return wrong(name, "a list of texts");
  }
  std::vector<std::string> texts;
  for (const JsonValue element : value.elements()) {
    auto text = element.text();
    if (!text) {
      return wrong(name, "a list of texts");
    }
    texts.push_back(std::move(*text));
  }
  return texts;
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
  GENESIS_ASSIGN(const JsonValue value, find(name));
  return of(value, path_of(name));
}

Result<std::vector<Fields>> Fields::objects(std::string_view name) const {
  GENESIS_ASSIGN(const JsonValue value, find(name));
  if (!value.is_array()) {
    return wrong(name, "a list");
  }
  std::vector<Fields> all;
  for (const JsonValue element : value.elements()) {
    GENESIS_ASSIGN(Fields fields,
                   of(element, path_of(name) + "[" + std::to_string(all.size()) + "]"));
    all.push_back(std::move(fields));
  }
  return all;
}

tl::unexpected<Error> Fields::wrong(std::string_view name, std::string_view expected) const {
  const auto found = json_.find(name);
  const std::string got = found ? excerpt(*found) : "nothing";
  return fail(Errc::kInvalidArgument,
              path_of(name) + ": expected " + std::string(expected) + ", got " + got);
}

Result<JsonValue> Fields::find(std::string_view name) const {
  const auto found = json_.find(name);
  if (!found) {
    return fail(Errc::kInvalidArgument, path_of(name) + ": missing");
  }
  return *found;
}

std::string Fields::path_of(std::string_view name) const {
  return path_ + "." + std::string(name);
}

}  // namespace genesis
