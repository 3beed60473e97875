#include "common/base/json.hpp"

#include <string>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "tests/support/catch.hpp"

namespace genesis {
namespace {

using nlohmann::json;

std::string message_of(const Status& status) {
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().code == Errc::kInvalidArgument);
  return status.error().message;
}

template <typename T>
std::string message_of(const Result<T>& result) {
  return message_of(result ? Status{} : Status(tl::unexpected(result.error())));
}

}  // namespace

TEST_CASE("base: what is not UTF-8 is replaced, never thrown", "[base]") {
  CHECK(dump_json("a\xFFz") == "\"a\xEF\xBF\xBDz\"");
}

TEST_CASE("base: each accessor names the field and what it got", "[base]") {
  const json made = {{"text", "t"},
                     {"count", 7},
                     {"negative", -7},
                     {"fraction", 0.5},
                     {"large", 4294967296},
                     {"nothing", nullptr},
                     {"list", {1, 2}},
                     {"object", {{"inner", 1}}},
                     {"client", "no spaces!"},
                     {"long", std::string(1000, 'x')}};
  const std::string text = dump_json(made);
  const auto body = *parse_json(text);
  const Fields fields = *Fields::of(body, "Message");
  CHECK(fields.text("text") == "t");
  CHECK(fields.count("count") == 7U);
  CHECK(fields.number("count") == 7.0);
  CHECK(fields.number("negative") == -7.0);
  CHECK(fields.round("count") == RoundId{7});
  CHECK(fields.optional_number("nothing").value() == std::nullopt);
  CHECK(fields.optional_number("absent").value() == std::nullopt);
  CHECK(fields.optional_number("fraction").value() == 0.5);
  CHECK(fields.object("object")->count("inner") == 1U);

  CHECK(message_of(fields.text("absent")) == "Message.absent: missing");
  CHECK(message_of(fields.text("count")) == "Message.count: expected a text, got 7");
  CHECK(message_of(fields.count("negative")) ==
        "Message.negative: expected a whole number from 0, got -7");
  CHECK(message_of(fields.count("fraction")) ==
        "Message.fraction: expected a whole number from 0, got 0.5");
  CHECK(message_of(fields.round("large")) ==
        "Message.large: expected a whole number below 2^32, got 4294967296");
  CHECK(message_of(fields.number("nothing")) == "Message.nothing: expected a number, got null");
  CHECK(message_of(fields.optional_number("text")) == "Message.text: expected a number, got \"t\"");
  CHECK(message_of(fields.objects("text")) == "Message.text: expected a list, got \"t\"");
  CHECK(message_of(fields.objects("list")) == "Message.list[0]: expected an object, got 1");
  CHECK(message_of(fields.object("list")) == "Message.list: expected an object, got array of 2");
  CHECK(message_of(fields.object("object")->text("inner")) ==
        "Message.object.inner: expected a text, got 1");
  CHECK_THAT(message_of(fields.client("client")), ContainsSubstring("Message.client: "));
  CHECK(message_of(fields.count("long")).size() < 150);
  const auto number = *parse_json("3");
  CHECK(message_of(Fields::of(number, "Message")) == "Message: expected an object, got 3");
}

TEST_CASE("base: a field that a writer left out reads as nothing", "[base]") {
  const json status = {{"phase", "Training"}, {"clients", 3}, {"round", {{"current", 2}}}};
  CHECK(text_field(status, "phase") == "Training");
  CHECK(integer_field(status, "clients") == 3);
  CHECK(integer_field(member(status, "round"), "current") == 2);
  CHECK(text_field(status, "clients") == "");
  CHECK(integer_field(status, "phase") == 0);
  CHECK(member(status, "absent").is_null());
  for (const json& other : {json(), json(7), json("text"), json::array({1})}) {
    CHECK(text_field(other, "phase") == "");
    CHECK(integer_field(other, "clients") == 0);
    CHECK(member(other, "round").is_null());
  }
}

}  // namespace genesis
