#include "common/base/json_document.hpp"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using namespace genesis;

namespace {

std::string outcome(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = JsonDocument::parse(text, limits);
  return parsed ? "parsed" : std::string(to_string(parsed.error().code));
}

// What the document holds, as another library sees it.
nlohmann::json tree(JsonValue value) {
  if (value.is_object()) {
    auto out = nlohmann::json::object();
    for (const auto& [name, inside] : value.members()) {
      out[*name.text()] = tree(inside);
    }
    return out;
  }
  if (value.is_array()) {
    auto out = nlohmann::json::array();
    for (const JsonValue inside : value.elements()) {
      out.push_back(tree(inside));
    }
    return out;
  }
  if (const auto text = value.text()) {
    return *text;
  }
  if (const auto flag = value.boolean()) {
    return *flag;
  }
  if (const auto whole = value.whole()) {
    return *whole;
  }
  if (const auto integer = value.integer()) {
    return *integer;
  }
  return value.is_null() ? nlohmann::json() : nlohmann::json(*value.number());
}

void agrees_with_another_library(const std::string& text) {
  const auto expected = nlohmann::json::parse(text, nullptr, false);
  const auto parsed = JsonDocument::parse(text, {.max_depth = 1000});
  RC_ASSERT(parsed.has_value() == !expected.is_discarded());
  if (parsed) {
    RC_ASSERT(tree(*parsed) == expected);
  }
}

nlohmann::json any_json(int depth) {
  using nlohmann::json;
  switch (*rc::gen::inRange(0, depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    case 3:
      return *rc::gen::arbitrary<std::uint64_t>();
    case 4:
      return *rc::gen::arbitrary<double>();
    case 5:
      return *rc::gen::element<std::string>("",
                                            "a",
                                            "\"",
                                            "\\",
                                            "\n\t\b\f\r/",
                                            std::string("\0x", 2),
                                            "Zürich",
                                            "東",
                                            "\xf0\x9f\x8f\xa5");
    case 6: {
      json out = json::array();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        out.push_back(any_json(depth - 1));
      }
      return out;
    }
    default: {
      json out = json::object();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        out[*rc::gen::element<std::string>("", "a", "b\"", "ü", "long name")] = any_json(depth - 1);
      }
      return out;
    }
  }
}

}  // namespace

TEST_CASE("base: JSON is bounded in bytes, depth and values", "[base]") {
  CHECK(outcome("[1,2]", {.max_bytes = 5}) == "parsed");
  CHECK(outcome("[1,2]", {.max_bytes = 4}) == "ResourceExhausted");
  CHECK(outcome(R"([{"a":[]}])", {.max_depth = 3}) == "parsed");
  CHECK(outcome(R"([{"a":[]}])", {.max_depth = 2}) == "ResourceExhausted");
  CHECK(outcome("[1,[2,3]]", {.max_values = 5}) == "parsed");
  CHECK(outcome("[1,[2,3]]", {.max_values = 4}) == "ResourceExhausted");
  CHECK(outcome(R"({"a":1,"b":2})", {.max_values = 5}) == "parsed");
  CHECK(outcome(R"({"a":1,"b":2})", {.max_values = 4}) == "ResourceExhausted");
  CHECK(outcome(std::string(1'000'000, '[')) == "ResourceExhausted");
  CHECK(outcome(R"(["[[[[,,,,\"[[[[", "\\"])", {.max_depth = 1, .max_values = 3}) == "parsed");
  CHECK(JsonDocument::parse("[[]]", {.max_depth = 1}).error().message ==
        "JSON: more than 1 nested levels");
}

TEST_CASE("base: broken JSON is refused with the byte that breaks it", "[base]") {
  CHECK(JsonDocument::parse("{\"a\":1").error().message ==
        "JSON: byte 7 of 6 breaks it; the text is cut or is not JSON");
  CHECK(JsonDocument::parse("[1,x]").error().message ==
        "JSON: byte 4 of 5 breaks it; the text is cut or is not JSON");
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "{]",
                                      "[}",
                                      "nul",
                                      "nulll",
                                      "\"",
                                      "1 2",
                                      "[1,]",
                                      "[,1]",
                                      "{,}",
                                      "{\"a\":1,}",
                                      "\xFF",
                                      "[1e999]",
                                      "[-1e999]",
                                      "{\"a\" 1}",
                                      "{\"a\"}",
                                      "{1:2}",
                                      "]",
                                      "\"\\",
                                      "01",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "+1",
                                      "-",
                                      "--1",
                                      "0x1",
                                      "NaN",
                                      "\"\t\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\\ud800\"",
                                      "\"\\ud800x\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\xc0\xaf\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xe6\x9d\"",
                                      "tru",
                                      "[1 2]",
                                      "[[1]",
                                      "{\"a\":{}"}) {
    INFO(text);
    CHECK(outcome(text) == "InvalidArgument");
  }
}

TEST_CASE("base: JSON values are what they say", "[base]") {
  const std::string text =
      R"( {"n": null, "t": true, "f": false, "u": 18446744073709551615, "i": -9223372036854775808,
          "d": -1.5e3, "tiny": 1e-999, "s": "a\"\\\/\b\f\n\r\t\u00fc\ud83c\udfe5", "list": [1, [2], {}],
          "object": {"x": {"y": []}}, "t": "the last of two", "\u0065scaped": 7} )";
  const auto document = JsonDocument::parse(text).value();
  const JsonValue root = document;
  const auto at = [&](std::string_view name) { return root.find(name).value(); };
  CHECK(root.size() == 12);
  CHECK_FALSE(root.find("absent"));
  CHECK(at("n").is_null());
  CHECK(at("f").boolean() == false);
  CHECK(at("t").text() == "the last of two");
  CHECK(at("u").whole() == 18446744073709551615U);
  CHECK_FALSE(at("u").integer());
  CHECK(at("i").integer() == std::numeric_limits<std::int64_t>::min());
  CHECK_FALSE(at("i").whole());
  CHECK(at("d").number() == -1500.0);
  CHECK_FALSE(at("d").whole());
  CHECK(at("tiny").number() == 0.0);
  CHECK(at("s").text() == "a\"\\/\b\f\n\r\tü\xf0\x9f\x8f\xa5");
  CHECK_FALSE(at("s").text(10));
  CHECK(at("escaped").raw() == "7");
  CHECK(at("list").size() == 3);
  CHECK(at("list").raw().empty());
  CHECK(at("object").find("x")->find("y")->is_array());
  // Asked for what it is not, a value has nothing.
  CHECK_FALSE(at("n").number());
  CHECK_FALSE(at("u").text());
  CHECK_FALSE(at("s").boolean());
  CHECK_FALSE(at("list").find("x"));
  CHECK(at("s").size() == 0);
  CHECK(at("object").elements().begin() == at("object").elements().end());
}

TEST_CASE("base: JSON is read as another library reads it", "[base][property]") {
  REQUIRE(rc::check("documents", [] {
    agrees_with_another_library(any_json(4).dump());
    agrees_with_another_library(any_json(4).dump(2, ' ', true));
  }));
  REQUIRE(rc::check("documents with one byte altered, inserted or lost", [] {
    std::string text = any_json(3).dump();
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const char byte = *rc::gen::elementOf(std::string("[]{},:\"\\0129.-+eEtfnu \n\x01\xc3\xff"));
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        text[at] = byte;
        break;
      case 1:
        text.insert(at, 1, byte);
        break;
      default:
        text.erase(at, 1);
        break;
    }
    agrees_with_another_library(text);
  }));
  REQUIRE(rc::check("bytes of its alphabet", [] {
    const std::string alphabet = "[]{},:\"\\0.-e1tn ";
    agrees_with_another_library(*rc::gen::container<std::string>(rc::gen::elementOf(alphabet)));
  }));
}

TEST_CASE("base: a JSON document takes little beside its text, whatever it holds", "[base]") {
  const auto repeated = [](std::string_view unit, std::size_t count) {
    std::string text = "[";
    for (std::size_t i = 0; i < count; ++i) {
      text += i == 0 ? "" : ",";
      text += unit;
    }
    return text + "]";
  };
  const auto share = [](const std::string& text) {
    const auto document = JsonDocument::parse(text).value();
    return static_cast<double>(document.memory()) / static_cast<double>(text.size());
  };
  constexpr std::size_t kMany = 100'000;
  CHECK(share(repeated("0", kMany)) < 2.1);
  CHECK(share(repeated("{}", kMany)) < 2.7);
  CHECK(share(repeated("[]", kMany)) < 2.7);
  CHECK(share(repeated("[[[[[[[[]]]]]]]]", kMany)) < 4.0);
  CHECK(share(repeated(R"({"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}})", kMany)) < 2.1);
  CHECK(share(repeated("\"category\"", kMany)) < 0.5);
  CHECK(share(repeated("12.5", kMany)) < 0.9);
}

TEST_CASE("base: many megabytes of nesting are refused without being kept", "[base]") {
  std::string text = "[";
  const std::string unit = R"({"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}},)";
  while (text.size() < (std::size_t{19} << 20)) {
    text += unit;
  }
  text += "1]";
  const auto refused = JsonDocument::parse(text);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "JSON: more than 2097152 values");
}

TEST_CASE("base: a value is found as it was written", "[base]") {
  const std::string text = R"( {"a" : [1, {"b": "]}"}, []] ,"c": -1.50, "d":{} } )";
  const auto parsed = JsonDocument::parse(text);
  REQUIRE(parsed);
  CHECK(parsed->root().source() == std::string_view(text).substr(1, text.size() - 2));
  CHECK(parsed->root().find("a")->source() == R"([1, {"b": "]}"}, []])");
  CHECK(parsed->root().find("c")->source() == "-1.50");
  CHECK(parsed->root().find("d")->source() == "{}");
}
