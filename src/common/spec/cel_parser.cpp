// Recursive descent over the tokens, one function for each level of precedence.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "common/spec/cel.hpp"
#include "common/spec/cel_lexer.hpp"

namespace genesis::spec::cel {
namespace {

using Kind = Expr::Kind;

struct Function {
  std::string_view name;
  std::size_t arity;  // a receiver counts
};
constexpr std::array<Function, 7> kFunctions = {{{"size", 1},
                                                 {"string", 1},
                                                 {"int", 1},
                                                 {"double", 1},
                                                 {"startsWith", 2},
                                                 {"endsWith", 2},
                                                 {"contains", 2}}};
constexpr std::array<std::string_view, 5> kMacros = {
    "all", "exists", "exists_one", "filter", "map"};

Expr make(Kind kind, std::string name, std::vector<Expr> args) {
  Expr expr;
  expr.kind = kind;
  expr.name = std::move(name);
  expr.args = std::move(args);
  return expr;
}

Expr make(Kind kind, std::string name, Expr first, Expr second) {
  std::vector<Expr> args;
  args.push_back(std::move(first));
  args.push_back(std::move(second));
  return make(kind, std::move(name), std::move(args));
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<Expr> whole() {
    GENESIS_ASSIGN(auto expr, conditional());
    if (current().kind != Token::Kind::kEnd) {
      return wrong("unexpected " + current().text);
    }
    return expr;
  }

 private:
  [[nodiscard]] const Token& current() const { return tokens_[at_]; }

  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& what) const {
    return fail(Errc::kInvalidArgument, "column " + std::to_string(current().column) + ": " + what);
  }

  [[nodiscard]] bool at_symbol(std::string_view text) const {
    return current().kind == Token::Kind::kSymbol && current().text == text;
  }

  bool take(std::string_view symbol) {
    if (!at_symbol(symbol)) {
      return false;
    }
    ++at_;
    return true;
  }

  Status expect(std::string_view symbol) {
    if (!take(symbol)) {
      return wrong("expected " + std::string(symbol));
    }
    return {};
  }

  Result<std::string> identifier() {
    if (current().kind != Token::Kind::kName) {
      return wrong("expected a name");
    }
    return tokens_[at_++].text;
  }

  Result<Expr> conditional() {
    if (++depth_ > kDeepest) {
      return wrong("nested too deeply");
    }
    GENESIS_ASSIGN(auto condition, disjunction());
    if (take("?")) {
      GENESIS_ASSIGN(auto then, disjunction());
      GENESIS_RETURN_IF_ERROR(expect(":"));
      GENESIS_ASSIGN(auto otherwise, conditional());
      auto expr = make(Kind::kConditional, "?:", std::move(condition), std::move(then));
      expr.args.push_back(std::move(otherwise));
      condition = std::move(expr);
    }
    --depth_;
    return condition;
  }

  using Level = Result<Expr> (Parser::*)();

  // operand { symbol operand }, to the left. Long chains nest the tree, so their length is bounded.
  Result<Expr> chain(Kind kind, Level operand, std::initializer_list<std::string_view> symbols) {
    GENESIS_ASSIGN(auto left, (this->*operand)());
    for (std::size_t length = 0;; ++length) {
      const bool is_in = current().kind == Token::Kind::kName && current().text == "in";
      const bool is_operator = current().kind == Token::Kind::kSymbol || is_in;
      if (!is_operator ||
          std::find(symbols.begin(), symbols.end(), current().text) == symbols.end()) {
        return left;
      }
      if (length == kDeepest) {
        return wrong("chain of operators is too long");
      }
      std::string symbol = tokens_[at_++].text;
      GENESIS_ASSIGN(auto right, (this->*operand)());
      left = make(kind, std::move(symbol), std::move(left), std::move(right));
    }
  }

  Result<Expr> disjunction() { return chain(Kind::kOr, &Parser::conjunction, {"||"}); }
  Result<Expr> conjunction() { return chain(Kind::kAnd, &Parser::relation, {"&&"}); }
  Result<Expr> relation() {
    return chain(Kind::kCall, &Parser::addition, {"<", "<=", ">", ">=", "==", "!=", "in"});
  }
  Result<Expr> addition() { return chain(Kind::kCall, &Parser::multiplication, {"+", "-"}); }
  Result<Expr> multiplication() { return chain(Kind::kCall, &Parser::unary, {"*", "/", "%"}); }

  Result<Expr> unary() {
    if (!at_symbol("!") && !at_symbol("-")) {
      return member();
    }
    if (++depth_ > kDeepest) {
      return wrong("nested too deeply");
    }
    const std::string symbol = tokens_[at_++].text;
    GENESIS_ASSIGN(auto operand, unary());
    --depth_;
    std::vector<Expr> args;
    args.push_back(std::move(operand));
    return make(Kind::kCall, symbol, std::move(args));
  }

  Result<Expr> member() {
    GENESIS_ASSIGN(auto expr, primary());
    for (std::size_t length = 0;; ++length) {
      if (length == kDeepest) {
        return wrong("chain of members is too long");
      }
      if (take("[")) {
        GENESIS_ASSIGN(auto index, conditional());
        GENESIS_RETURN_IF_ERROR(expect("]"));
        expr = make(Kind::kCall, "[]", std::move(expr), std::move(index));
      } else if (take(".")) {
        GENESIS_ASSIGN(auto name, identifier());
        GENESIS_ASSIGN(expr, selection(std::move(expr), std::move(name)));
      } else {
        return expr;
      }
    }
  }

  // What follows `receiver.name`: a macro, a method, or nothing.
  Result<Expr> selection(Expr receiver, std::string name) {
    std::vector<Expr> args;
    args.push_back(std::move(receiver));
    if (!take("(")) {
      return make(Kind::kSelect, std::move(name), std::move(args));
    }
    if (std::find(kMacros.begin(), kMacros.end(), name) != kMacros.end()) {
      return macro(std::move(args), std::move(name));
    }
    return call(std::move(args), std::move(name));
  }

  Result<Expr> macro(std::vector<Expr> args, std::string name) {
    GENESIS_ASSIGN(auto variable, identifier());
    GENESIS_RETURN_IF_ERROR(expect(","));
    variables_.push_back(variable);
    GENESIS_ASSIGN(auto body, conditional());
    args.push_back(std::move(body));
    if (name == "map" && take(",")) {  // map(variable, condition, value)
      GENESIS_ASSIGN(auto value, conditional());
      args.push_back(std::move(value));
    }
    variables_.pop_back();
    GENESIS_RETURN_IF_ERROR(expect(")"));
    auto expr = make(Kind::kMacro, std::move(name), std::move(args));
    expr.variable = std::move(variable);
    return expr;
  }

  // `args` may hold the receiver already; reads up to and with the closing parenthesis.
  Result<Expr> call(std::vector<Expr> args, std::string name) {
    GENESIS_RETURN_IF_ERROR(arguments(args, ")"));
    const auto matches = [&](const Function& function) {
      return function.name == name && function.arity == args.size();
    };
    if (std::none_of(kFunctions.begin(), kFunctions.end(), matches)) {
      return wrong("unknown function " + name + " of " + std::to_string(args.size()));
    }
    return make(Kind::kCall, std::move(name), std::move(args));
  }

  Status arguments(std::vector<Expr>& args, std::string_view end) {
    if (take(end)) {
      return {};
    }
    do {
      GENESIS_ASSIGN(auto arg, conditional());
      args.push_back(std::move(arg));
    } while (take(","));
    return expect(end);
  }

  Result<Expr> primary() {
    if (current().kind == Token::Kind::kLiteral) {
      Expr expr;
      expr.literal = tokens_[at_++].literal;
      return expr;
    }
    if (take("(")) {
      GENESIS_ASSIGN(auto expr, conditional());
      GENESIS_RETURN_IF_ERROR(expect(")"));
      return expr;
    }
    if (take("[")) {
      std::vector<Expr> args;
      GENESIS_RETURN_IF_ERROR(arguments(args, "]"));
      return make(Kind::kList, "", std::move(args));
    }
    GENESIS_ASSIGN(auto name, identifier());
    if (take("(")) {
      return name == "has" ? has() : call({}, std::move(name));
    }
    if (std::find(variables_.begin(), variables_.end(), name) == variables_.end()) {
      return wrong("unknown variable " + name);
    }
    return make(Kind::kVariable, std::move(name), {});
  }

  Result<Expr> has() {
    GENESIS_ASSIGN(auto expr, conditional());
    GENESIS_RETURN_IF_ERROR(expect(")"));
    if (expr.kind != Kind::kSelect) {
      return wrong("has() needs a field");
    }
    expr.kind = Kind::kHas;
    return expr;
  }

  static constexpr std::size_t kDeepest = 64;
  std::vector<Token> tokens_;
  std::vector<std::string> variables_ = {"self"};
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

Result<Expr> parse(std::string_view text) {
  constexpr std::size_t kLongest = 4096;
  if (text.size() > kLongest) {
    return fail(Errc::kInvalidArgument, "expression is longer than 4096 bytes");
  }
  GENESIS_ASSIGN(auto tokens, tokenize(text));
  return Parser(std::move(tokens)).whole();
}

}  // namespace genesis::spec::cel
