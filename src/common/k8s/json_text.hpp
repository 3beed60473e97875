#pragma once
// JSON from and to text, with bounded depth.
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/k8s/json.hpp"

namespace genesis::k8s {

/// Errors: kDataLoss if `what` is not JSON or is nested deeper than 128 levels.
[[nodiscard]] Result<Json> parse_json(std::string_view text, std::string_view what);

/// Compact. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string dump_json(const Json& json);

/// Text at `object`.FIELD, or "".
std::string text_field(const Json& object, std::string_view field);
std::int64_t integer_field(const Json& object, std::string_view field);

}  // namespace genesis::k8s
