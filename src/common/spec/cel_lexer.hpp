#pragma once
// Tokens of CEL; used by cel_parser.cpp alone.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/json.hpp"

namespace genesis::spec::cel {

struct Token {
  enum class Kind { kEnd, kName, kSymbol, kLiteral };
  Kind kind = Kind::kEnd;
  std::string text;  // of names and symbols
  Json literal;      // null, bool, int64, double or string
  std::size_t column = 0;
};

/// Ends with a token of kEnd. Errors: kInvalidArgument with the column.
[[nodiscard]] Result<std::vector<Token>> tokenize(std::string_view text);

}  // namespace genesis::spec::cel
