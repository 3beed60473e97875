#pragma once
// Bounded JSON: the only way in for JSON that came from elsewhere. Pure.
#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"

namespace genesis::wire {

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

}  // namespace genesis::wire
