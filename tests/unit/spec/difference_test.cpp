#include "common/spec/difference.hpp"

#include "common/spec/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/spec/documents.hpp"

using namespace genesis;

namespace {

// What differs once `path` is set to `value`.
std::vector<spec::Difference> after_setting(const char* path, const char* value) {
  const std::string text = spec::a_training();
  const auto before = spec::parse(text, "test");
  const std::vector<spec::Override> overrides = {{path, value}};
  const auto after = spec::parse(text, "test", overrides);
  REQUIRE(before);
  REQUIRE(after);
  return *spec::differences(spec::print_json(*before), spec::print_json(*after));
}

}  // namespace

TEST_CASE("spec: differences are named by their fields, as overrides are", "[spec]") {
  CHECK(after_setting("seed", "0").empty());
  CHECK(after_setting("seed", "9") == std::vector<spec::Difference>{{"seed", "0", "9"}});
  CHECK(spec::to_string(after_setting("rounds.count", "20")) == "rounds.count: 10, now 20");
  CHECK(spec::to_string(after_setting("communication.timeoutSeconds", "7")) ==
        "communication.timeoutSeconds: not set, now 7");
  CHECK(after_setting("table.discreteColumns", "[a]").front().field == "table.discreteColumns");
}

TEST_CASE("spec: a resumed training may have other deadlines and retries, and nothing else",
          "[spec]") {
  CHECK(spec::may_change_on_resume("rounds.deadlineSeconds"));
  CHECK(spec::may_change_on_resume("rounds.retries"));
  CHECK(spec::may_change_on_resume("communication.timeoutSeconds"));
  CHECK_FALSE(spec::may_change_on_resume("rounds.count"));
  CHECK_FALSE(spec::may_change_on_resume("seed"));
  CHECK_FALSE(spec::may_change_on_resume("rounds"));
}

TEST_CASE("spec: long values are cut, and what is no JSON object is refused", "[spec]") {
  const std::string list = "[\"" + std::string(100, 'a') + "\"]";
  const auto found = *spec::differences("{\"a\":1}", "{\"a\":" + list + "}");
  REQUIRE(found.size() == 1);
  CHECK(found[0].after.size() < 70);
  CHECK_FALSE(spec::differences("{}", "[]"));
  CHECK_FALSE(spec::differences("{", "{}"));
}
