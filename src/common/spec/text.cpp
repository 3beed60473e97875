#include "common/spec/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace genesis::spec {
namespace {

bool is_word(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '/';
  };
  constexpr std::size_t kLongest = 64;
  return !text.empty() && text.size() <= kLongest && std::all_of(text.begin(), text.end(), plain);
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string cut(text.substr(0, kLongest));
  if (text.size() > kLongest) {
    // Not within a character of several bytes.
    while (!cut.empty() && (static_cast<unsigned char>(text[cut.size()]) & 0xC0U) == 0x80U) {
      cut.pop_back();
    }
    cut += "...";
  }
  std::string escaped = Json(std::move(cut)).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::replace(escaped.begin(), escaped.end(), '\x7f', '?');
  return escaped;
}

std::string join_path(std::string_view path, std::string_view key) {
  const std::string shown = is_word(key) ? std::string(key) : in_quotes(key);
  return path.empty() ? shown : std::string(path) + "." + shown;
}

std::string number_text(double value) {
  // Fixed where a person would write it so; 400 bytes hold any double.
  std::array<char, 400> buffer{};
  const double magnitude = std::abs(value);
  const bool fixed = magnitude == 0.0 || (magnitude >= 1e-6 && magnitude < 1e15);
  const auto end = std::to_chars(buffer.data(),
                                 buffer.data() + buffer.size(),
                                 value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  std::string text(buffer.data(), end);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string describe(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return "object";
    case Json::value_t::array:
      return "list";
    case Json::value_t::string:
      return "string " + in_quotes(value.get_ref<const std::string&>());
    case Json::value_t::boolean:
      return value.get<bool>() ? "boolean true" : "boolean false";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "integer " + value.dump();
    case Json::value_t::number_float:
      return "number " + number_text(value.get<double>());
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  return "null";
}

}  // namespace genesis::spec
