#pragma once
// Operators and functions of CEL on values; used by cel_evaluate.cpp alone.
#include <string>

#include "common/base/error.hpp"
#include "common/spec/json.hpp"

namespace genesis::spec::cel {

/// Operators of one operand go by their symbol. Errors: kInvalidArgument, as evaluate() says.
[[nodiscard]] Result<Json> call(const std::string& name, const Json& value);

/// The same of two operands; a method's receiver is the first.
[[nodiscard]] Result<Json> call(const std::string& name, const Json& a, const Json& b);

}  // namespace genesis::spec::cel
