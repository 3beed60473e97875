#include "common/spec/cel_lexer.hpp"

#include <array>
#include <charconv>
#include <cstdint>

namespace genesis::spec::cel {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Token> next() {
    while (is_space(peek())) {
      ++at_;
    }
    const std::size_t start = at_;
    GENESIS_ASSIGN(auto token, read());
    token.column = start + 1;
    return token;
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& what) const {
    return fail(Errc::kInvalidArgument, "column " + std::to_string(at_ + 1) + ": " + what);
  }

  Result<Token> read() {
    if (at_ >= text_.size()) {
      return Token{};
    }
    if (is_letter(peek())) {
      return name();
    }
    if (is_digit(peek()) || (peek() == '.' && is_digit(peek(1)))) {
      return number();
    }
    if (peek() == '\'' || peek() == '"') {
      return string();
    }
    return symbol();
  }

  Token name() {
    Token token{.kind = Token::Kind::kName, .text = {}, .literal = {}};
    while (is_letter(peek()) || is_digit(peek())) {
      token.text += text_[at_++];
    }
    if (token.text == "true" || token.text == "false") {
      token.kind = Token::Kind::kLiteral;
      token.literal = token.text == "true";
    } else if (token.text == "null") {
      token.kind = Token::Kind::kLiteral;
    }
    return token;
  }

  Result<Token> number() {
    const std::string_view rest = text_.substr(at_);
    const std::size_t digits = rest.find_first_not_of("0123456789");
    const bool is_double =
        digits != std::string_view::npos && (rest[digits] == '.' || rest[digits] == 'e');
    Token token{.kind = Token::Kind::kLiteral, .text = {}, .literal = {}};
    const char* const end = rest.data() + rest.size();
    std::from_chars_result read{};
    if (is_double) {
      double value = 0.0;
      read = std::from_chars(rest.data(), end, value);
      token.literal = value;
    } else {
      std::int64_t value = 0;
      read = std::from_chars(rest.data(), end, value);
      token.literal = value;
    }
    if (read.ec != std::errc{}) {
      return wrong("number is out of range");
    }
    at_ += static_cast<std::size_t>(read.ptr - rest.data());
    return token;
  }

  Result<Token> string() {
    const char quote = text_[at_++];
    std::string value;
    while (peek() != quote) {
      if (at_ >= text_.size()) {
        return wrong("string does not end");
      }
      char c = text_[at_++];
      if (c == '\\') {
        const char escaped = peek();
        if (escaped != '\\' && escaped != '\'' && escaped != '"' && escaped != 'n') {
          return wrong("unknown escape in a string");
        }
        c = escaped == 'n' ? '\n' : escaped;
        ++at_;
      }
      value += c;
    }
    ++at_;
    return Token{.kind = Token::Kind::kLiteral, .text = {}, .literal = std::move(value)};
  }

  Result<Token> symbol() {
    constexpr std::array<std::string_view, 24> kSymbols = {
        "&&", "||", "<=", ">=", "==", "!=", "<", ">", "!", "?", ":", "+",
        "-",  "*",  "/",  "%",  "(",  ")",  "[", "]", ".", ",", "{", "}"};
    for (const auto symbol : kSymbols) {
      if (text_.substr(at_, symbol.size()) == symbol) {
        at_ += symbol.size();
        return Token{.kind = Token::Kind::kSymbol, .text = std::string(symbol), .literal = {}};
      }
    }
    return wrong("unexpected character");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text) {
  Lexer lexer(text);
  std::vector<Token> tokens;
  do {
    GENESIS_ASSIGN(auto token, lexer.next());
    tokens.push_back(std::move(token));
  } while (tokens.back().kind != Token::Kind::kEnd);
  return tokens;
}

}  // namespace genesis::spec::cel
