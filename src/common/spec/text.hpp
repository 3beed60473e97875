#pragma once
// How values and paths read in messages. What comes from a document may be hostile: it is cut short
// and its control characters are escaped.
#include <string>
#include <string_view>

#include "common/spec/json.hpp"

namespace genesis::spec {

/// "ten" in quotes, escaped, at most 60 bytes of it.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// `path`.`key`; keys that are no plain words are quoted.
[[nodiscard]] std::string join_path(std::string_view path, std::string_view key);

/// The shortest decimal that reads back as `value`, which is finite: 0.0002, 1.0, 1e-20.
[[nodiscard]] std::string number_text(double value);

/// Kind of value and, for scalars, the value: string "ten".
[[nodiscard]] std::string describe(const Json& value);

}  // namespace genesis::spec
