#include "common/spec/yaml.hpp"

#include <string>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/unit/spec/documents.hpp"

namespace genesis::spec {
namespace {

std::string read(const std::string& text) {
  const auto json = read_yaml(text, "x.yaml");
  return json ? json->dump() : json.error().message;
}

std::string repeated(std::string_view part, std::size_t bytes) {
  std::string text;
  while (text.size() + part.size() <= bytes) {
    text += part;
  }
  return text;
}

}  // namespace

TEST_CASE("spec: YAML scalars mean what YAML 1.2 and the reader of a spec expect", "[spec]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"10", "10"},
      {"-3", "-3"},
      {"+3", "3"},
      {"0", "0"},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "9.223372036854776e+18"},
      {"1.0e-5", "1e-05"},
      {"1e3", "1000.0"},
      {"1.", "1.0"},
      {".5", "0.5"},
      {"-0.5", "-0.5"},
      {"true", "true"},
      {"False", "false"},
      {"~", "null"},
      {"null", "null"},
      {"'10'", R"("10")"},
      {"\"true\"", R"("true")"},
      {"!!str 10", R"("10")"},
      {"'no'", R"("no")"},
      {"\"yes\"", R"("yes")"},
      {"nO", R"("nO")"},
      // Octal, hexadecimal and sexagesimal numbers of YAML 1.1 stay text.
      {"010", R"("010")"},
      {"00.5", R"("00.5")"},
      {"0x1f", R"("0x1f")"},
      {"1:30", R"("1:30")"},
      {"1_000", R"("1_000")"},
      {".inf", R"(".inf")"},
      {".nan", R"(".nan")"},
      {"1e999", R"("1e999")"},
      {"1e", R"("1e")"},
      {".", R"(".")"},
      {"-", "[null]"},
      {"+", R"("+")"},
      {"1.2.3", R"("1.2.3")"},
  }));
  CAPTURE(text);
  CHECK(read(text) == expected);
}

TEST_CASE("spec: words that Kubernetes reads as booleans are refused with the way out", "[spec]") {
  for (const std::string word : {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"}) {
    INFO(word);
    CHECK_THAT(read("a: [" + word + "]"),
               ContainsSubstring("Kubernetes reads " + word + " as true") &&
                   ContainsSubstring("write \"" + word + "\" for the text"));
  }
  for (const std::string word : {"n", "N", "no", "No", "NO", "off", "Off", "OFF"}) {
    INFO(word);
    CHECK_THAT(read("a: " + word), ContainsSubstring("reads " + word + " as false"));
  }
  CHECK(read("a: !!str no") == R"({"a":"no"})");
  CHECK(read("no: 1") == R"({"no":1})");
}

TEST_CASE("spec: YAML keeps the order of keys, and JSON is YAML", "[spec]") {
  CHECK(read("b: 1\na: [x, {c: }]\n") == R"({"b":1,"a":["x",{"c":null}]})");
  CHECK(read(R"({"b": 1, "a": ["\u0041\/\n", {}, []]})") == R"({"b":1,"a":["A/\n",{},[]]})");
  CHECK(read("# only a comment\n") == "null");
  CHECK(read("") == "null");
  CHECK(read("a: &anchor 1\n") == R"({"a":1})");
}

TEST_CASE("spec: YAML that is wrong is refused with file, line and column", "[spec]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"a: 1\nb: 2\na: 3\n", "x.yaml:3:1: duplicate key \"a\"; remove one"},
      {"{a: {b: 1, b: 2}}", "x.yaml:1:12: duplicate key \"b\""},
      {"a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document starts here"},
      {"a: [1, 2\n", "x.yaml:2:1: "},
      {"a: 'x\n", "x.yaml:2:1: "},
      {"a: b: c\n", "x.yaml:1:5: "},
      {"a:\n\t- b\n", "x.yaml:2:"},
      {"a: &x 1\nb: *x\n", "x.yaml:2:4: aliases are not supported"},
      {"a: *x\n", "x.yaml:1:4: "},
      {"a: !!binary aGk=\n", "x.yaml:1:4: the tag \"tag:yaml.org,2002:binary\" is not supported"},
      {"? [a]\n: 1\n", "x.yaml:1:3: a key must be a plain string"},
      {": 1\n", "a key"},
      {"a: \"\\0\"\n", "x.yaml:1:4: a value holds a NUL character"},
  }));
  CAPTURE(text);
  CHECK_THAT(read(text), ContainsSubstring(expected));
}

TEST_CASE("spec: bytes that are no text are refused with their place", "[spec]") {
  CHECK_THAT(read(std::string("a: 1\nb: \0", 9)), ContainsSubstring("x.yaml:2:4: control"));
  CHECK_THAT(read("a: 1\x04\nb: 2\n"), ContainsSubstring("x.yaml:1:5: control"));
  for (const std::string bytes : {"\xFF",
                                  "\xC0\x80",
                                  "\xE2\x82",
                                  "\xED\xA0\x80",
                                  "\xF5\x80\x80\x80",
                                  "\xE0\x80\x80",
                                  "\xF0\x80\x80\x80",
                                  "\xF4\x90\x80\x80",
                                  "\x80"}) {
    CHECK_THAT(read("a: " + bytes), ContainsSubstring("x.yaml:1:4: not UTF-8"));
  }
  CHECK(read("a: für €") == "{\"a\":\"für €\"}");
  CHECK(read("a: \xF0\x9F\x8C\xB2") == "{\"a\":\"\xF0\x9F\x8C\xB2\"}");
}

TEST_CASE("spec: hostile YAML is refused in little time", "[spec]") {
  constexpr std::size_t kSize = 200000;
  const std::string part = GENERATE(as<std::string>{},
                                    "[",
                                    "{",
                                    "- ",
                                    "? ",
                                    "a: ",
                                    "&a ",
                                    "!",
                                    "\t",
                                    "'",
                                    "\"",
                                    "|",
                                    ">\n",
                                    "\n",
                                    "*a ",
                                    "%",
                                    "%YAML 1.2\n",
                                    "---\n",
                                    "{a: ",
                                    "[? ",
                                    "- a: ",
                                    "\xEF\xBB\xBF",
                                    "- a\n",
                                    "a",
                                    ", ",
                                    "]");
  CAPTURE(part);
  CHECK_FALSE(parse(repeated(part, kSize), "x.yaml"));
}

TEST_CASE("spec: size, depth and keys of a document are bounded", "[spec]") {
  CHECK_THAT(read(std::string((1U << 20U) + 1, ' ')), ContainsSubstring("larger than 1 MiB"));
  CHECK(read(std::string(60, '[') + std::string(60, ']')) ==
        std::string(60, '[') + std::string(60, ']'));
  CHECK_THAT(read(repeated("- ", 130)), ContainsSubstring("nested deeper than 64"));

  std::string keys;
  for (int i = 0; i < 1000; ++i) {
    keys += "k" + std::to_string(i) + ": 1\n";
  }
  CHECK(read_yaml(keys, "x.yaml"));
  CHECK_THAT(read(keys + "more: 1\n"), ContainsSubstring("x.yaml:1001:1: an object has more than"));

  const std::string laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n";
  CHECK_THAT(read(laughs), ContainsSubstring("aliases are not supported"));
}

TEST_CASE("spec: no change of a few bytes makes a document crash the parser", "[spec][property]") {
  const std::string text = a_training(
      "{rounds: {count: 3}, table: {columns: [{name: a, kind: integer, minimum: 1.5}]},\n"
      "  participants: [{name: a, data: {path: \"x\\n\"}}, {name: 'b', external: true}]}");
  REQUIRE(parse(text, "x.yaml"));
  REQUIRE(rc::check("parse() answers", [&] {
    std::string changed = text;
    const auto edits = *rc::gen::inRange(1, 6);
    for (int i = 0; i < edits; ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, changed.size());
      const char byte = *rc::gen::elementOf(std::string("[]{}:,-?&*!|>'\"%@`#~ \t\n0a\\\xFF"));
      switch (*rc::gen::inRange(0, 3)) {
        case 0:
          changed[at] = byte;
          break;
        case 1:
          changed.insert(at, 1, byte);
          break;
        default:
          changed.erase(at, 1);
      }
    }
    const auto parsed = parse(changed, "x.yaml");
    RC_ASSERT(parsed || !parsed.error().message.empty());
  }));
}

}  // namespace genesis::spec
