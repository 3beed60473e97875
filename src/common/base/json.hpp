#pragma once
// JSON that came from elsewhere: parsed within bounds, and read without exceptions. Pure. Fields of
// a message that must all be there are read through Fields (fields.hpp), which says what is
// missing.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"

namespace genesis {

/// All are checked in one pass over the bytes before the parser sees them.
struct JsonLimits {
  std::size_t max_bytes = std::size_t{64} << 20;
  std::size_t max_depth = 16;                     // of nested objects and arrays
  std::size_t max_values = std::size_t{4} << 20;  // each takes 16 bytes and more once parsed
};

/// Errors: kResourceExhausted names the bound, kInvalidArgument gives the byte that breaks the
/// JSON.
[[nodiscard]] Result<nlohmann::json> parse_json(std::string_view bytes,
                                                const JsonLimits& limits = {});

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
