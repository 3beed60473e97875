#include "common/tabular/cell.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

std::optional<double> points(std::string_view text) {
  const auto number = parse_number(text, NumberStyle{'.', std::nullopt});
  return number ? std::optional(number->value) : std::nullopt;
}

std::optional<double> commas(std::string_view text) {
  const auto number = parse_number(text, NumberStyle{',', std::nullopt});
  return number ? std::optional(number->value) : std::nullopt;
}

}  // namespace

TEST_CASE("tabular: numbers are read as people and systems write them", "[tabular]") {
  CHECK(points("+5") == 5.0);
  CHECK(points("$1,234.50") == 1234.5);
  CHECK(points("-$1,234.50") == -1234.5);
  CHECK(points("$-7") == -7.0);
  CHECK(points("(12.50)") == -12.5);
  CHECK(points("1,234,567") == 1234567.0);
  CHECK(points("12 %") == 12.0);
  CHECK(points("1.5E+03") == 1500.0);
  CHECK(points("USD 20") == 20.0);
  CHECK(points("\xE2\x88\x92"
               "3") == -3.0);  // the minus sign
  CHECK(commas("\xE2\x82\xAC 1.234,50") == 1234.5);
  CHECK(commas("1.234,50 €") == 1234.5);
  CHECK(commas("82,5") == 82.5);
  CHECK(commas("1\xC2\xA0"
               "234,5") == 1234.5);
  CHECK(commas("1'234,5") == 1234.5);
  CHECK(commas("12,5 %") == 12.5);
}

TEST_CASE("tabular: what only resembles a number is none", "[tabular]") {
  for (const auto* text : {"12,34",
                           "1,23,456",
                           "1,2345",
                           "1.2.3",
                           "007",
                           "$",
                           "%",
                           "1-2",
                           "--1",
                           "+-1",
                           "1e",
                           "12 mg",
                           "1, 234",
                           ",5",
                           "(5",
                           "inf",
                           "0x1F",
                           "1,234 567",
                           "$0012"}) {
    INFO(text);
    CHECK_FALSE(points(text).has_value());
  }
  CHECK_FALSE(commas("12.5").has_value());
  CHECK_FALSE(parse_number("1,234", NumberStyle{'.', '\0'}).has_value());
  CHECK(parse_number("1,234", NumberStyle{'.', ','})->value == 1234.0);
}

TEST_CASE("tabular: which sign is the decimal one shows in some numbers", "[tabular]") {
  CHECK(decimal_sign_of("12,5") == ',');
  CHECK(decimal_sign_of("1.234,5") == ',');
  CHECK(decimal_sign_of("0,123") == ',');
  CHECK(decimal_sign_of("1.234.567") == ',');
  CHECK(decimal_sign_of("12.5") == '.');
  CHECK(decimal_sign_of("1,234.5") == '.');
  CHECK_FALSE(decimal_sign_of("1,234").has_value());
  CHECK_FALSE(decimal_sign_of("1.234").has_value());
  CHECK_FALSE(decimal_sign_of("12").has_value());
  CHECK_FALSE(decimal_sign_of("1,2 and 3").has_value());
}

TEST_CASE("tabular: bounds, infinities and truth values are told", "[tabular]") {
  CHECK(parse_censored("<0.1", {})->bound.value == 0.1);
  CHECK(parse_censored("<0.1", {})->side == '<');
  CHECK(parse_censored(">= 900", {})->side == '>');
  CHECK(parse_censored("<0,1", NumberStyle{',', std::nullopt})->bound.value == 0.1);
  CHECK_FALSE(parse_censored("<low", {}).has_value());
  CHECK(is_infinity("-Inf"));
  CHECK_FALSE(is_infinity("infant"));
  CHECK(truth("YES") == true);
  CHECK(truth("nein") == false);
  CHECK_FALSE(truth("maybe").has_value());
  CHECK(opposite_of("no") == "yes");
  CHECK(opposite_of("FALSE") == "TRUE");
  CHECK(opposite_of("True") == "False");
}
