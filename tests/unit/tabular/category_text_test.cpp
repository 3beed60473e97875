#include "common/tabular/category_text.hpp"

#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

TEST_CASE("tabular: a category with a control character does not leave its site", "[tabular]") {
  for (const std::string text : {"\x1b[2J", "two\nlines", "del\x7f", "c1\xc2\x9b"}) {
    const auto checked = check_category_texts(table_of("c,n\n\"" + text + "\",1\nok,2\n"));
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == Errc::kInvalidArgument);
    CHECK_THAT(checked.error().message, ContainsSubstring("column \"c\": the category"));
    CHECK_THAT(checked.error().message, ContainsSubstring("has a control character"));
  }
  CHECK(check_category_texts(
      table_of("c\ncaf\xc3\xa9\n\xc2\xa0\n\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\n")));
}

TEST_CASE("tabular: a category is at most a kilobyte long", "[tabular]") {
  CHECK(check_category_texts(table_of("c\n" + std::string(kMaxCategoryBytes, 'x') + "\ny\n")));
  const auto longer =
      check_category_texts(table_of("c\n" + std::string(kMaxCategoryBytes + 1, 'x') + "\ny\n"));
  REQUIRE_FALSE(longer);
  CHECK_THAT(longer.error().message, ContainsSubstring("has 1025 bytes, more than 1024"));
  CHECK(longer.error().message.size() < 250);
}
