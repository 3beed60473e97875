// The validator on small schemas: each keyword, both ways.
#include "common/spec/schema.hpp"

#include <algorithm>
#include <string>

#include "common/spec/validate.hpp"
#include "common/spec/yaml.hpp"
#include "tests/support/catch.hpp"

namespace genesis::spec {
namespace {

Schema schema_of(const std::string& yaml) {
  auto schema = make_schema(read_yaml(yaml, "schema").value());
  REQUIRE(schema);
  return std::move(schema).value();
}

std::string schema_complaint(const std::string& yaml) {
  const auto schema = make_schema(read_yaml(yaml, "schema").value());
  return schema ? "" : schema.error().message;
}

// The findings for `document`, defaulted first.
std::string check(const Schema& schema, const std::string& document) {
  Json value = read_yaml(document, "document").value();
  apply_defaults(schema, value);
  Findings findings;
  validate(schema, value, "spec", findings);
  return to_text(std::move(findings));
}

}  // namespace

TEST_CASE("spec: a value of another type is named with both types", "[spec]") {
  const auto [type, value, expected] = GENERATE(table<std::string, std::string, std::string>({
      {"integer", "ten", "spec: expected integer, got string \"ten\""},
      {"integer", "'10'", "spec: expected integer, got string \"10\"; remove the quotes"},
      {"integer", "1.5", "spec: expected integer, got number 1.5"},
      {"integer", "1e30", "spec: expected integer, got number 1e+30"},
      {"integer", "true", "spec: expected integer, got boolean true"},
      {"integer", "[1]", "spec: expected integer, got list"},
      {"integer", "{a: 1}", "spec: expected integer, got object"},
      {"integer", "~", "spec: expected integer, got null"},
      {"number", "1/2", "spec: expected number, got string \"1/2\""},
      {"boolean", "'yes'", "spec: expected boolean, got string \"yes\"; write true or false"},
      {"boolean", "1", "spec: expected boolean, got integer 1"},
      {"string", "10", "spec: expected string, got integer 10; put it in quotes"},
      {"string", "true", "spec: expected string, got boolean true; put it in quotes"},
      {"array", "a", "spec: expected list, got string \"a\""},
      {"object", "[a]", "spec: expected object, got list"},
      {"integer", "10", ""},
      {"integer", "10.0", ""},
      {"number", "10", ""},
      {"number", "1.5", ""},
      {"boolean", "false", ""},
      {"string", "'10'", ""},
      {"array", "[]", ""},
      {"object", "{}", ""},
  }));
  CHECK(check(schema_of("{type: " + type + "}"), value) == expected);
}

TEST_CASE("spec: each bound holds on its own side", "[spec]") {
  const auto [schema,
              good,
              bad,
              expected] = GENERATE(table<std::string, std::string, std::string, std::string>({
      {"{type: integer, minimum: 2}", "2", "1", "1 is too small; the minimum is 2"},
      {"{type: integer, maximum: 2}", "2", "3", "3 is too large; the maximum is 2"},
      {"{type: number, minimum: 0, exclusiveMinimum: true}",
       "0.001",
       "0",
       "0.0 is too small; it must be above 0.0"},
      {"{type: number, maximum: 1, exclusiveMaximum: true}",
       "0.999",
       "1",
       "1.0 is too large; it must be below 1.0"},
      {"{type: string, minLength: 1}", "a", "''", "is empty; give a value"},
      {"{type: string, minLength: 2}", "ab", "a", "is too short"},
      {"{type: string, maxLength: 3}", "für", "four", "has 4 characters; at most 3"},
      {"{type: string, maxLength: 9, pattern: '^a+$'}", "aa", "ab", "\"ab\" does not match ^a+$"},
      {"{type: string, enum: [red, green]}", "red", "gren", "did you mean green?"},
      {"{type: string, enum: [red, green]}", "green", "octarine", "is not one of red, green"},
      {"{type: string, enum: [red]}", "red", "blue", "expected red, got \"blue\""},
      {"{type: array, minItems: 1}", "[1]", "[]", "has 0 entries; at least 1 needed"},
      {"{type: array, maxItems: 1}", "[1]", "[1, 2]", "has 2 entries; at most 1"},
      {"{type: array, x-kubernetes-list-type: set}",
       "[a, b]",
       "[a, b, a]",
       "[2]: \"a\" occurs twice"},
      {"{type: array, x-kubernetes-list-type: set}", "[1, 2]", "[1, 1]", "[1]: 1 occurs twice"},
      {"{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: "
       "{type: object, properties: {k: {type: string}}}}",
       "[{k: a}, {k: b}, {}]",
       "[{k: a}, {k: a}]",
       "spec[1].k: \"a\" occurs twice"},
      {"{type: array, items: {type: integer}}", "[1, 2]", "[1, a]", "spec[1]: expected integer"},
      {"{type: object, required: [a], properties: {a: {type: integer}}}",
       "{a: 1}",
       "{}",
       "spec.a: required field is missing"},
      {"{type: object, additionalProperties: {type: integer}}",
       "{a: 1, b: 2}",
       "{a: x}",
       "spec.a: expected integer"},
  }));
  CAPTURE(schema);
  CHECK(check(schema_of(schema), good) == "");
  CHECK_THAT(check(schema_of(schema), bad), ContainsSubstring(expected));
}

TEST_CASE("spec: defaults fill objects that are there, and nulls are as absent", "[spec]") {
  const auto schema = schema_of(
      "{type: object, properties: {a: {type: integer, default: 1}, b: {type: object, default: {}, "
      "properties: {c: {type: string, default: x}}}, d: {type: object, properties: {e: {type: "
      "integer, default: 2}}}, f: {type: array, items: {type: object, properties: {g: {type: "
      "integer, default: 3}}}}, h: {type: integer}}}");
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"{}", R"({"a":1,"b":{"c":"x"}})"},
      {"{a: 5, b: {c: z}}", R"({"a":5,"b":{"c":"z"}})"},
      {"{a: ~, b: ~, d: ~, h: ~}", R"({"a":1,"b":{"c":"x"}})"},
      {"{d: {}}", R"({"d":{"e":2},"a":1,"b":{"c":"x"}})"},
      {"{f: [{}, {g: 4}]}", R"({"f":[{"g":3},{"g":4}],"a":1,"b":{"c":"x"}})"},
      {"[a]", R"(["a"])"},
  }));
  Json value = read_yaml(text, "document").value();
  apply_defaults(schema, value);
  CHECK(value.dump() == expected);
}

TEST_CASE("spec: an unknown field names the one that was meant", "[spec]") {
  const auto schema = schema_of(
      "{type: object, properties: {minClients: {type: integer}, local: {type: object, properties: "
      "{epochs: {type: integer}}}}}");
  CHECK(check(schema, "{minClient: 1}") ==
        "spec.minClient: unknown field; did you mean minClients?");
  CHECK(check(schema, "{epochs: 1}") == "spec.epochs: unknown field; did you mean local.epochs?");
  CHECK(check(schema, "{zzzzzzzzzz: 1}") ==
        "spec.zzzzzzzzzz: unknown field; known fields: minClients, local");
}

TEST_CASE("spec: rules are evaluated, and their messages come from the document", "[spec]") {
  const auto schema = schema_of(
      "{type: object, properties: {low: {type: integer}, high: {type: integer}}, "
      "x-kubernetes-validations: [{rule: self.low <= self.high, message: low is above high, "
      "messageExpression: \"string(self.low) + ' is above ' + string(self.high)\", fieldPath: "
      ".low}, "
      "{rule: self.high < 10, message: too high}]}");
  CHECK(check(schema, "{low: 1, high: 2}") == "");
  CHECK(check(schema, "{low: 3, high: 2}") == "spec.low: 3 is above 2");
  CHECK(check(schema, "{low: 30, high: 20}") == "spec: too high\nspec.low: 30 is above 20");
  SECTION("where a type is wrong, the rules that need it stay silent") {
    CHECK(check(schema, "{low: x, high: 20}") ==
          "spec: too high\nspec.low: expected integer, got string \"x\"");
  }
  SECTION("a rule that can't be evaluated although all types are right is our mistake") {
    CHECK_THAT(check(schema, "{low: 1}"), ContainsSubstring("internal error: rule self.low"));
  }
}

TEST_CASE("spec: a message falls back where its expression fails", "[spec]") {
  const auto schema = schema_of(
      "{type: object, properties: {a: {type: integer}}, x-kubernetes-validations: [{rule: 'false', "
      "message: plain words, messageExpression: string(self.a)}]}");
  CHECK(check(schema, "{a: 1}") == "spec: 1");
  CHECK(check(schema, "{}") == "spec: plain words");
}

TEST_CASE("spec: what a message quotes is cut short and stays on its line", "[spec]") {
  const auto schema = schema_of("{type: object, properties: {a: {type: integer}}}");
  const std::string message = check(schema, "{a: \"\\e[31m\\n" + std::string(500, 'x') + "\"}");
  CHECK(message.size() < 200);
  CHECK_THAT(message, ContainsSubstring(R"(got string "\u001b[31m\nxxx)"));
  CHECK(check(schema, "{\"a b\\n\": 1}") == R"(spec."a b\n": unknown field; known fields: a)");

  const auto ruled = schema_of(
      "{type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: 'false', "
      "message: m, messageExpression: self.a}]}");
  CHECK(check(ruled, R"({a: "x\ny"})") == "spec: x?y");
}

TEST_CASE("spec: findings are sorted by path, with numbers by value, and bounded", "[spec]") {
  CHECK(to_text({{"a[10]", "x"}, {"b", "x"}, {"a[2]", "x"}, {"a", "x"}}) ==
        "a: x\na[2]: x\na[10]: x\nb: x");
  Findings many(1000, Finding{"a", "x"});
  const std::string text = to_text(many);
  CHECK(std::count(text.begin(), text.end(), '\n') == 50);
  CHECK_THAT(text, ContainsSubstring("and 950 more"));
}

TEST_CASE("spec: a schema that promises more than is implemented is refused", "[spec]") {
  const auto [schema, expected] = GENERATE(table<std::string, std::string>({
      {"{type: integer, multipleOf: 3}", "multipleOf: keyword is not implemented"},
      {"{type: text}", "unknown type text"},
      {"{type: object, properties: {a: {nullable: true}}}", "a: nullable: keyword"},
      {"{type: array, items: {oneOf: []}}", "oneOf: keyword"},
      {"{type: array, x-kubernetes-list-type: bag}", "unknown type bag"},
      {"{type: string, pattern: 'a*'}", "pattern: needs a maxLength"},
      {"{type: string, maxLength: 5, pattern: '('}", "ismatched"},
      {"{type: string, maxLength: many}", "type must be number"},
      {"{x-kubernetes-validations: [{rule: '1 +', message: m}]}", "column 4"},
      {"{x-kubernetes-validations: [{rule: 'true'}]}", "needs rule and message"},
      {"{x-kubernetes-validations: [{rule: 'true', message: m, reason: r}]}",
       "unknown keyword reason"},
  }));
  CAPTURE(schema);
  CHECK_THAT(schema_complaint(schema), ContainsSubstring(expected));
}

}  // namespace genesis::spec
