// A walk over the tree. Values are borrowed from the document where that is possible: a rule that
// looks at each of a thousand columns must not copy them a thousand times.
#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include "common/base/check.hpp"
#include "common/spec/cel.hpp"
#include "common/spec/cel_functions.hpp"
#include "common/spec/text.hpp"

namespace genesis::spec::cel {
namespace {

using Kind = Expr::Kind;

class Value {
 public:
  explicit Value(const Json* borrowed) : value_(borrowed) {}
  explicit Value(Json owned) : value_(std::move(owned)) {}
  [[nodiscard]] const Json& get() const {
    const auto* const borrowed = std::get_if<const Json*>(&value_);
    return borrowed != nullptr ? **borrowed : std::get<Json>(value_);
  }
  [[nodiscard]] bool is_borrowed() const { return value_.index() == 0; }

 private:
  std::variant<const Json*, Json> value_;  // what is borrowed outlives the evaluation
};

tl::unexpected<Error> wrong(const std::string& what) {
  return fail(Errc::kInvalidArgument, what);
}

class Evaluator {
 public:
  explicit Evaluator(const Json& self) { variables_.emplace_back("self", &self); }

  Result<Value> evaluate(const Expr& expr) {
    switch (expr.kind) {
      case Kind::kLiteral:
        return Value(&expr.literal);
      case Kind::kVariable:
        return variable(expr.name);
      case Kind::kSelect:
        return select(expr);
      case Kind::kHas:
        return has(expr);
      case Kind::kCall:
        return expr.name == "[]" ? index(expr) : call_function(expr);
      case Kind::kList:
        return list(expr);
      case Kind::kAnd:
        return logic(expr, Absorbing::kFalse);
      case Kind::kOr:
        return logic(expr, Absorbing::kTrue);
      case Kind::kConditional: {
        GENESIS_ASSIGN(const bool condition, boolean(expr.args[0]));
        return evaluate(expr.args[condition ? 1 : 2]);
      }
      case Kind::kMacro:
        return macro(expr);
    }
    return wrong("unknown expression");
  }

 private:
  // The value of an operand that decides && or || alone, even if the other operand fails.
  enum class Absorbing { kFalse, kTrue };

  Result<bool> boolean(const Expr& expr) {
    GENESIS_ASSIGN(const auto value, evaluate(expr));
    if (!value.get().is_boolean()) {
      return wrong("expected boolean, got " + describe(value.get()));
    }
    return value.get().get<bool>();
  }

  Result<Value> variable(const std::string& name) {
    const auto found = std::find_if(variables_.rbegin(), variables_.rend(), [&](const auto& entry) {
      return entry.first == name;
    });
    GENESIS_CHECK(found != variables_.rend(), "the parser refuses unknown variables");
    return Value(found->second);
  }

  // A field or element of `parent`: borrowed if the parent is, else copied out of it.
  static Value part_of(const Value& parent, const Json& part) {
    return parent.is_borrowed() ? Value(&part) : Value(part);
  }

  Result<Value> select(const Expr& expr) {
    GENESIS_ASSIGN(const auto parent, evaluate(expr.args[0]));
    const auto found = parent.get().find(expr.name);
    if (!parent.get().is_object() || found == parent.get().end()) {
      return wrong("no such key: " + expr.name);
    }
    return part_of(parent, *found);
  }

  Result<Value> has(const Expr& expr) {
    GENESIS_ASSIGN(const auto parent, evaluate(expr.args[0]));
    if (!parent.get().is_object()) {
      return wrong("has(): " + describe(parent.get()) + " has no fields");
    }
    return Value(Json(parent.get().contains(expr.name)));
  }

  Result<Value> index(const Expr& expr) {
    GENESIS_ASSIGN(const auto parent, evaluate(expr.args[0]));
    GENESIS_ASSIGN(const auto key, evaluate(expr.args[1]));
    if (!parent.get().is_array() || !key.get().is_number_integer()) {
      return wrong("no such overload: " + describe(parent.get()) + " [] " + describe(key.get()));
    }
    const auto position = key.get().get<std::int64_t>();
    if (position < 0 || static_cast<std::size_t>(position) >= parent.get().size()) {
      return wrong("index out of bounds: " + std::to_string(position));
    }
    return part_of(parent, parent.get()[static_cast<std::size_t>(position)]);
  }

  Result<Value> call_function(const Expr& expr) {
    GENESIS_ASSIGN(const auto first, evaluate(expr.args[0]));
    if (expr.args.size() == 1) {
      GENESIS_ASSIGN(auto result, call(expr.name, first.get()));
      return Value(std::move(result));
    }
    GENESIS_ASSIGN(const auto second, evaluate(expr.args[1]));
    GENESIS_ASSIGN(auto result, call(expr.name, first.get(), second.get()));
    return Value(std::move(result));
  }

  Result<Value> list(const Expr& expr) {
    Json elements = Json::array();
    for (const auto& arg : expr.args) {
      GENESIS_ASSIGN(const auto value, evaluate(arg));
      elements.push_back(value.get());
    }
    return Value(std::move(elements));
  }

  Result<Value> logic(const Expr& expr, Absorbing absorbing) {
    const bool decisive = absorbing == Absorbing::kTrue;
    const auto left = boolean(expr.args[0]);
    if (left && *left == decisive) {
      return Value(Json(decisive));
    }
    const auto right = boolean(expr.args[1]);
    if (right && *right == decisive) {
      return Value(Json(decisive));
    }
    if (!left) {
      return tl::unexpected(left.error());
    }
    if (!right) {
      return tl::unexpected(right.error());
    }
    return Value(Json(!decisive));
  }

  Result<Value> macro(const Expr& expr) {
    GENESIS_ASSIGN(const auto range, evaluate(expr.args[0]));
    if (!range.get().is_array()) {
      return wrong(expr.name + "(): " + describe(range.get()) + " is not a list");
    }
    if (expr.name == "map" || expr.name == "filter") {
      return transformed(expr, range.get());
    }
    std::size_t holds = 0;
    for (const auto& element : range.get()) {
      GENESIS_ASSIGN(const bool held, holds_for(expr, element));
      holds += held ? 1 : 0;
    }
    if (expr.name == "exists_one") {
      return Value(Json(holds == 1));
    }
    return Value(Json(expr.name == "all" ? holds == range.get().size() : holds > 0));
  }

  // filter(x, condition), map(x, value) and map(x, condition, value).
  Result<Value> transformed(const Expr& expr, const Json& range) {
    const bool is_filter = expr.name == "filter";
    const bool is_conditional = is_filter || expr.args.size() == 3;
    Json made = Json::array();
    for (const auto& element : range) {
      if (is_conditional) {
        GENESIS_ASSIGN(const bool held, holds_for(expr, element));
        if (!held) {
          continue;
        }
      }
      if (is_filter) {
        made.push_back(element);
      } else {
        GENESIS_ASSIGN(const auto value, with(expr.variable, element, expr.args.back()));
        made.push_back(value.get());
      }
    }
    return Value(std::move(made));
  }

  Result<bool> holds_for(const Expr& expr, const Json& element) {
    GENESIS_ASSIGN(const auto value, with(expr.variable, element, expr.args[1]));
    if (!value.get().is_boolean()) {
      return wrong(expr.name + "(): expected boolean, got " + describe(value.get()));
    }
    return value.get().get<bool>();
  }

  Result<Value> with(const std::string& variable_name, const Json& element, const Expr& body) {
    variables_.emplace_back(variable_name, &element);
    auto value = evaluate(body);
    variables_.pop_back();
    return value;
  }

  std::vector<std::pair<std::string, const Json*>> variables_;
};

}  // namespace

Result<Json> evaluate(const Expr& expression, const Json& self) {
  GENESIS_ASSIGN(const auto value, Evaluator(self).evaluate(expression));
  return value.get();
}

}  // namespace genesis::spec::cel
