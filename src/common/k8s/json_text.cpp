#include "common/k8s/json_text.hpp"

#include <nlohmann/json.hpp>

namespace genesis::k8s {
namespace {

constexpr int kMaxDepth = 128;

bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool is_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_string) {
      i += c == '\\' ? 1 : 0;
      is_string = c != '"';
    } else if (c == '"') {
      is_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) {
        return true;
      }
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

const Json* field_of(const Json& object, std::string_view field) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find(field);
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what) {
  if (is_too_deep(text)) {
    return fail(
        Errc::kDataLoss,
        std::string(what) + ": nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    return fail(Errc::kDataLoss, std::string(what) + ": not JSON");
  }
  return json;
}

std::string dump_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_field(const Json& object, std::string_view field) {
  const Json* value = field_of(object, field);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::int64_t integer_field(const Json& object, std::string_view field) {
  const Json* value = field_of(object, field);
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

}  // namespace genesis::k8s
