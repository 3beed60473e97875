#pragma once
// JSON on its way in and out: parsed within bounds (json_document.hpp), and read without
// exceptions. Pure. Fields of a message that must all be there are read through Fields
// (fields.hpp), which says what is missing.
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/json_document.hpp"

namespace genesis {

/// The one way in for JSON that came from elsewhere: read in place (json_document.hpp). `bytes`
/// outlive the document. Errors: those of JsonDocument::parse.
[[nodiscard]] inline Result<JsonDocument> parse_json(std::string_view bytes,
                                                     const JsonLimits& limits = {}) {
  return JsonDocument::parse(bytes, limits);
}
template <std::same_as<std::string> Temporary>
Result<JsonDocument> parse_json(Temporary&& bytes, const JsonLimits& limits = {}) = delete;

/// Compact; doubles in the shortest form that reads back as the same bits, bytes that are not UTF-8
/// as U+FFFD.
[[nodiscard]] std::string dump_json(const nlohmann::json& json);

/// Fields of an object whose writer may leave any of them out, such as the status of a Kubernetes
/// object: "", 0 and null stand for what is absent or of another type. `object` may itself be
/// anything; `member` refers into it.
[[nodiscard]] std::string text_field(const nlohmann::json& object, std::string_view name);
[[nodiscard]] std::int64_t integer_field(const nlohmann::json& object, std::string_view name);
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, std::string_view name);

}  // namespace genesis
