#include "common/tabular/cell.hpp"

#include <cmath>

#include "tests/support/catch.hpp"

using namespace genesis::tabular;

TEST_CASE("tabular: whole numbers are exact, and codes with leading zeros are none", "[tabular]") {
  for (const auto* text : {"0", "-0", "7", "-42", "9007199254740991"}) {
    INFO(text);
    const auto number = parse_number(text);
    REQUIRE(number.has_value());
    CHECK(number->integral);
    CHECK(number->decimals == 0);
  }
  CHECK_FALSE(std::signbit(parse_number("-0")->value));
  CHECK_FALSE(parse_number("9007199254740992")->integral);
  for (const auto* text : {"007", "-01", "+1", "", "-", "1 2", "0x10", "1,000", "12a"}) {
    INFO(text);
    CHECK_FALSE(parse_number(text).has_value());
  }
}

TEST_CASE("tabular: decimals count the places that they need", "[tabular]") {
  struct Row {
    const char* text;
    double value;
    int decimals;
  };
  for (const auto& row : {Row{"1.5", 1.5, 1},
                          Row{"1.50", 1.5, 2},
                          Row{"-.25", -0.25, 2},
                          Row{"5.", 5.0, 0},
                          Row{"1e3", 1000.0, 0},
                          Row{"1e-3", 0.001, 3},
                          Row{"1.5E-2", 0.015, 3},
                          Row{"1.25e+1", 12.5, 1}}) {
    INFO(row.text);
    const auto number = parse_number(row.text);
    REQUIRE(number.has_value());
    CHECK(number->value == row.value);
    CHECK(number->decimals == row.decimals);
    CHECK_FALSE(number->integral);
  }
  for (const auto* text : {".",
                           "1.2.3",
                           "1e",
                           "1e+-3",
                           "e5",
                           "1e999",
                           "1e301",
                           "inf",
                           "1.0x",
                           "00.5",
                           "1e99999999999"}) {
    INFO(text);
    CHECK_FALSE(parse_number(text).has_value());
  }
  CHECK(parse_declared_number("007")->value == 7.0);
}

TEST_CASE("tabular: the words for no value are known in any case", "[tabular]") {
  for (const auto* text :
       {"", "NA", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "NONE", "?", "-", "."}) {
    CHECK(is_missing_token(text));
  }
  for (const auto* text : {"nil", "NAN1", "--", "nothing", "unknown"}) {
    CHECK_FALSE(is_missing_token(text));
  }
  CHECK(trim(" \t1 ") == "1");
  CHECK(trim("  ").empty());
}

TEST_CASE("tabular: rounding keeps the nearest decimal and leaves huge numbers alone",
          "[tabular]") {
  CHECK(round_to(0.123456789012, 9) == 0.123456789);
  CHECK(round_to(-2.344, 2) == -2.34);
  CHECK(round_to(1e18 + 512.0, 9) == 1e18 + 512.0);
  CHECK_FALSE(std::signbit(round_to(-0.0001, 2)));
}

TEST_CASE("tabular: UTF-8 is told from other bytes", "[tabular]") {
  for (const auto* text : {"", "plain", "Zürich", "東京", "\xF0\x9F\x98\x80"}) {
    CHECK(is_utf8(text));
  }
  // Latin-1, cut, stray continuation, overlong slash, surrogate, above U+10FFFF.
  for (const auto* text : {"Z\xFCrich",
                           "\xE6\x9D",
                           "\x80",
                           "\xC0\xAF",
                           "\xE0\x80\xAF",
                           "\xED\xA0\x80",
                           "\xF4\x90\x80\x80",
                           "\xFF"}) {
    CHECK_FALSE(is_utf8(text));
  }
}

TEST_CASE("tabular: what a message quotes is short and printable", "[tabular]") {
  CHECK(in_quotes("abc") == "\"abc\"");
  CHECK(in_quotes("a\nb\x1b[2J") == "\"a?b?[2J\"");
  CHECK(in_quotes(std::string(5000, 'x')).size() < 60);
  CHECK(is_utf8(in_quotes("Z\xFCrich")));
}
