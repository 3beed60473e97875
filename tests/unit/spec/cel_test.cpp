#include "common/spec/cel.hpp"

#include <string>

#include "tests/support/catch.hpp"

namespace genesis::spec {
namespace {

const Json& self() {
  static const Json kSelf = Json::parse(R"({
    "count": 10, "rate": 0.5, "name": "adult", "on": true, "dims": [1, 2, 3], "none": [],
    "rounds": {"min": 5}, "people": [{"name": "a", "age": 3}, {"name": "b"}], "umlaut": "für",
    "lowest": -9223372036854775808})");
  return kSelf;
}

// The value as JSON, or the error.
std::string value_of(const std::string& text) {
  const auto expression = cel::parse(text);
  if (!expression) {
    return "parse: " + expression.error().message;
  }
  const auto value = cel::evaluate(*expression, self());
  return value ? value->dump() : "evaluate: " + value.error().message;
}

}  // namespace

TEST_CASE("spec: CEL expressions have the values of the language definition", "[spec]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"1", "1"},
      {"1.5", "1.5"},
      {".5", "0.5"},
      {"1e3", "1000.0"},
      {"'a\\'\\n\\\\'", R"("a'\n\\")"},
      {R"("it's")", R"("it's")"},
      {"true", "true"},
      {"null", "null"},
      {"[1, 2]", "[1,2]"},
      {"[]", "[]"},
      {"self.rounds.min", "5"},
      {"self.dims[2]", "3"},
      {"self.people[0].name", R"("a")"},
      {"has(self.rounds)", "true"},
      {"has(self.rounds.max)", "false"},
      {"!self.on", "false"},
      {"!!self.on", "true"},
      {"-self.count", "-10"},
      {"-self.rate", "-0.5"},
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"10 - 3 - 2", "5"},
      {"7 / 2", "3"},
      {"-7 % 3", "-1"},
      {"7.0 / 2.0", "3.5"},
      {"0.5 + self.rate * 2.0 - 1.0", "0.5"},
      {"'a' + 'b'", R"("ab")"},
      {"[1] + [2]", "[1,2]"},
      {"2 < 10", "true"},
      {"2 >= 2", "true"},
      {"2 > 2", "false"},
      {"2 <= 1", "false"},
      {"'a' < 'b'", "true"},
      {"self.name == 'adult'", "true"},
      {"self.name != 'adult'", "false"},
      {"[1, 2] == [1, 2]", "true"},
      {"2 in self.dims", "true"},
      {"'rounds' in self", "true"},
      {"!('c' in ['a', 'b'])", "true"},
      {"true || false && false", "true"},
      {"1 < 2 ? 'yes' : 'no'", R"("yes")"},
      {"false ? 1 : false ? 2 : 3", "3"},
      {"size(self.dims) + self.none.size()", "3"},
      {"size('für')", "3"},
      {"size(self.umlaut)", "3"},
      {"string(3) + string(true) + string('x')", R"("3truex")"},
      {"string(0.0002)", R"("0.0002")"},
      {"string(3.0)", R"("3")"},
      {"int(3.9)", "3"},
      {"double(3)", "3.0"},
      {"'abc'.startsWith('ab')", "true"},
      {"'abc'.endsWith('ab')", "false"},
      {"'abc'.contains('b')", "true"},
      {"self.dims.all(d, d > 0)", "true"},
      {"self.dims.all(d, d > 1)", "false"},
      {"self.none.all(d, false)", "true"},
      {"self.dims.exists(d, d == 3)", "true"},
      {"self.none.exists(d, true)", "false"},
      {"self.dims.exists_one(d, d > 1)", "false"},
      {"self.dims.exists_one(d, d > 2)", "true"},
      {"self.dims.filter(d, d > 1)", "[2,3]"},
      {"self.dims.map(d, d * 2)", "[2,4,6]"},
      {"self.people.map(p, has(p.age), p.name)", R"(["a"])"},
      {"self.dims.all(a, self.dims.exists(b, a == b))", "true"},
      {"self.dims.map(self, self + 1)", "[2,3,4]"},
      {"[string(self.count)].map(s, s)[0] + '!'", R"("10!")"},
      // What decides && and || alone does so although the other side fails.
      {"true || self.missing", "true"},
      {"self.missing || true", "true"},
      {"false && self.missing", "false"},
      {"self.missing && false", "false"},
  }));
  CHECK(value_of(text) == expected);
}

TEST_CASE("spec: CEL expressions that fail say why", "[spec]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"self.missing", "no such key: missing"},
      {"self.missing && true", "no such key"},
      {"self.name.length", "no such key"},
      {"has(self.name.length)", "has no fields"},
      {"self.dims[3]", "index out of bounds: 3"},
      {"self.dims[-1]", "index out of bounds"},
      {"self.name[0]", "no such overload"},
      {"1 + 1.0", "no such overload"},
      {"1 == 1.0", "no such overload"},
      {"1 == '1'", "no such overload"},
      {"self.rate % 2.0", "no such overload"},
      {"[1] < [2]", "no such overload"},
      {"1 in 2", "no such overload"},
      {"!1", "no such overload"},
      {"-'a'", "no such overload"},
      {"size(1)", "no such overload"},
      {"string([1])", "no such overload"},
      {"int('1')", "no such overload"},
      {"'a'.contains(1)", "no such overload"},
      {"1 ? 2 : 3", "expected boolean"},
      {"self.name && true", "expected boolean"},
      {"self.dims.all(d, d)", "expected boolean"},
      {"self.name.all(d, true)", "is not a list"},
      {"1 / 0", "division by zero"},
      {"1 % 0", "division by zero"},
      {"9223372036854775807 + 1", "overflow"},
      {"self.lowest - 1", "overflow"},
      {"-self.lowest", "overflow"},
      {"self.lowest / -1", "overflow"},
      {"9223372036854775807 * 2", "overflow"},
      {"int(1e19)", "overflow"},
  }));
  CHECK_THAT(value_of(text), ContainsSubstring("evaluate: "));
  CHECK_THAT(value_of(text), ContainsSubstring(expected));
}

TEST_CASE("spec: text that is no CEL is refused with its column", "[spec]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"", "column 1: expected a name"},
      {"1 +", "column 4: expected a name"},
      {"(1", "column 3: expected )"},
      {"[1", "expected ]"},
      {"1 2", "column 3: unexpected"},
      {"true ? 1", "expected :"},
      {"self.", "expected a name"},
      {"'abc", "string does not end"},
      {"'\\q'", "unknown escape"},
      {"99999999999999999999", "out of range"},
      {"self # 1", "column 6: unexpected character"},
      {"other", "unknown variable other"},
      {"self.dims.map(d, d) == d", "unknown variable d"},
      {"matches('a', 'b')", "unknown function matches of 2"},
      {"size(1, 2)", "unknown function size of 2"},
      {"self.dims.all(1, true)", "expected a name"},
      {"self.dims.all(d)", "expected ,"},
      {"self.dims.all(d, true, 1)", "expected )"},
      {"has(self)", "has() needs a field"},
  }));
  CHECK_THAT(value_of(text), ContainsSubstring("parse: "));
  CHECK_THAT(value_of(text), ContainsSubstring(expected));
}

TEST_CASE("spec: CEL of hostile depth or length is refused", "[spec]") {
  std::string sum = "1";
  for (int i = 0; i < 100; ++i) {
    sum += "+1";
  }
  CHECK_THAT(value_of(sum), ContainsSubstring("too long"));
  CHECK_THAT(value_of(std::string(100, '(')), ContainsSubstring("too deeply"));
  CHECK_THAT(value_of(std::string(100, '!') + "true"), ContainsSubstring("too deeply"));
  CHECK_THAT(value_of(std::string(100, '[')), ContainsSubstring("too deeply"));
  CHECK_THAT(value_of(std::string(5000, ' ') + "1"), ContainsSubstring("4096"));
}

}  // namespace genesis::spec
