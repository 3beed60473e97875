#pragma once
// The part of the Common Expression Language that the CRD's rules need, and its near neighbours:
// literals, lists, self, selection and index, has(), ! - * / % + < <= > >= == != in && || ?:,
// size(), string(), int(), double(), startsWith(), endsWith(), contains(), and the macros all,
// exists, exists_one, filter and map. Left out: maps, bytes, uint, timestamps, regular expressions.
// As the type checker of an API server would, integer and double do not mix.
// Language: https://github.com/google/cel-spec, doc/langdef.md.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/json.hpp"

namespace genesis::spec::cel {

struct Expr {
  enum class Kind {
    kLiteral,      // literal
    kVariable,     // name
    kSelect,       // args[0].name
    kHas,          // has(args[0].name)
    kCall,         // name(args...); operators go by their symbol
    kList,         // [args...]
    kAnd,          // args[0] && args[1]
    kOr,           // args[0] || args[1]
    kConditional,  // args[0] ? args[1] : args[2]
    kMacro,        // args[0].name(variable, args[1]); of map also (variable, args[1], args[2])
  };
  Kind kind = Kind::kLiteral;
  std::string name;
  std::string variable;
  Json literal;
  std::vector<Expr> args;
};

/// Errors: kInvalidArgument with the column; also for unknown variables and functions, and for text
/// of more than 4 KiB or nested deeper than 64.
[[nodiscard]] Result<Expr> parse(std::string_view text);

/// The value of `expression` for `self`. Errors: kInvalidArgument for what CEL calls a runtime
/// error: a missing field, an index out of range, operands of types that do not go together,
/// overflow, division by zero.
[[nodiscard]] Result<Json> evaluate(const Expr& expression, const Json& self);

}  // namespace genesis::spec::cel
