#pragma once
// One YAML document (YAML 1.2 core, JSON included) as a Json value. Bounded, so that hostile text
// costs no more than its size: 1 MiB, 64 levels, 1000 keys an object; no anchors that are used
// again, no tags. A duplicate key and a second document are errors.
#include <string_view>

#include "common/base/error.hpp"
#include "common/spec/json.hpp"

namespace genesis::spec {

/// Plain scalars: null and ~, true and false, decimal integers and numbers; all else is a string,
/// also 010 and 0x1f, whose meaning differs between versions of YAML. Plain yes, no, on, off, y and
/// n as values are refused, because Kubernetes reads booleans there. Errors: kInvalidArgument with
/// `source`, line and column.
[[nodiscard]] Result<Json> read_yaml(std::string_view text, std::string_view source);

/// What a plain scalar means.
[[nodiscard]] Json resolve_plain(std::string_view text);

}  // namespace genesis::spec
