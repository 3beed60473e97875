#include "common/crypto/secret.hpp"

#include <concepts>
#include <cstring>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "tests/support/catch.hpp"

namespace genesis::crypto {
namespace {

template <typename T>
concept Prints = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(!Prints<Secret>);
static_assert(!std::convertible_to<Secret, std::string>);
static_assert(!std::convertible_to<Secret, std::string_view>);
static_assert(!std::convertible_to<std::string, Secret>);

}  // namespace

TEST_CASE("crypto: a secret reveals what it was given, when asked", "[crypto]") {
  CHECK(Secret(std::string_view("hunter2")).reveal() == "hunter2");
  CHECK(Secret().empty());
  CHECK(Secret().reveal().empty());
}

TEST_CASE("crypto: a secret equals the same text alone", "[crypto]") {
  const Secret secret(std::string_view("correct horse"));
  CHECK(secret.equals("correct horse"));
  CHECK_FALSE(secret.equals("correct horsf"));
  CHECK_FALSE(secret.equals("correct hors"));
  CHECK_FALSE(secret.equals("correct horse "));
  CHECK_FALSE(secret.equals(std::string_view("correct horse\0", 14)));
  CHECK_FALSE(secret.equals(""));
  CHECK(Secret().equals(""));
  CHECK(secret == Secret(std::string_view("correct horse")));
}

TEST_CASE("crypto: a text that is taken over is wiped where it was", "[crypto]") {
  for (const std::string_view text : {"short", "longer than the short form of a std::string is"}) {
    std::string source(text);
    const char* bytes = source.data();
    const std::size_t size = source.size();
    const Secret secret(std::move(source));
    CHECK(secret.reveal() == text);
    CHECK(std::string(bytes, size) == std::string(size, '\0'));
  }
}

TEST_CASE("crypto: copies and moves of a secret stand alone", "[crypto]") {
  std::optional<Secret> first(std::in_place, std::string_view("one"));
  Secret copy = *first;
  Secret moved = std::move(*first);
  first.reset();
  CHECK(copy.reveal() == "one");
  CHECK(moved.reveal() == "one");
  copy = Secret(std::string_view("two"));
  moved = copy;
  CHECK(moved.reveal() == "two");
  const Secret& self = moved;
  moved = self;
  CHECK(moved.reveal() == "two");
}

TEST_CASE("crypto: a token is the first line, in characters that a header may carry", "[crypto]") {
  CHECK(parse_token("abcdefghijkl-_.~+/=xyz\r\nsecond line")->reveal() == "abcdefghijkl-_.~+/=xyz");
  for (const char* const text : {"", "\nabc", "a b", "tab\t", "caf\xc3\xa9", "\x1b[2J", "\x7f"}) {
    CAPTURE(text);
    const auto token = parse_token(text);
    REQUIRE_FALSE(token);
    CHECK(token.error().code == Errc::kInvalidArgument);
    CHECK_THAT(token.error().message, ContainsSubstring("the token"));
  }
}

TEST_CASE("crypto: a token that can be guessed is refused", "[crypto]") {
  CHECK(parse_token("0123456789abcdefABCDEF0123456789"));
  CHECK(parse_token("abcdefghijklmnopqrstuv"));
  for (const char* const text :
       {"secret", "abcdefghijklmnopqrstu", "0123456789abcdefABCDEF012345678"}) {
    CAPTURE(text);
    const auto token = parse_token(text);
    REQUIRE_FALSE(token);
    CHECK_THAT(token.error().message, ContainsSubstring("128 random bits"));
  }
}

}  // namespace genesis::crypto
