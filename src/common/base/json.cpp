#include "common/base/json.hpp"

#include <nlohmann/json.hpp>

namespace genesis {
namespace {

Status too_large(const std::string& what, std::size_t bound) {
  return fail(Errc::kResourceExhausted, "JSON: more than " + std::to_string(bound) + " " + what);
}

// Counts what the parser would have to hold. Needs no valid JSON: on other bytes it counts
// something, and the parser refuses them.
Status check_bounds(std::string_view bytes, const JsonLimits& limits) {
  if (bytes.size() > limits.max_bytes) {
    return too_large("bytes", limits.max_bytes);
  }
  std::size_t depth = 0;
  std::size_t values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    switch (c) {
      case '"':
        in_string = true;
        break;
      case '[':
      case '{':
        ++values;  // its first element
        if (++depth > limits.max_depth) {
          return too_large("nested levels", limits.max_depth);
        }
        break;
      case ']':
      case '}':
        depth -= depth > 0 ? 1 : 0;
        break;
      case ',':
        ++values;
        break;
      default:
        break;
    }
    if (values > limits.max_values) {
      return too_large("values", limits.max_values);
    }
  }
  return {};
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_RETURN_IF_ERROR(check_bounds(bytes, limits));
  try {
    return nlohmann::json::parse(bytes);
  } catch (const nlohmann::json::parse_error& error) {
    return fail(Errc::kInvalidArgument,
                "JSON: byte " + std::to_string(error.byte) + " of " + std::to_string(bytes.size()) +
                    " breaks it; the text is cut or is not JSON");
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::kInvalidArgument, std::string("JSON: ") + error.what());
  }
}

std::string dump_json(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

const nlohmann::json& member(const nlohmann::json& object, std::string_view name) {
  static const nlohmann::json kNull;
  if (!object.is_object()) {
    return kNull;
  }
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string text_field(const nlohmann::json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t integer_field(const nlohmann::json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

}  // namespace genesis
