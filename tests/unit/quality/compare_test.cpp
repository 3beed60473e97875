#include "common/quality/compare.hpp"

#include <cmath>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/quality/a_table.hpp"

namespace genesis::quality {
namespace {

using tabular::Column;
using tabular::kMissingCode;

ComparedColumn compared(Column real, Column synthetic) {
  const auto columns =
      compare(a_table({std::move(real)}), a_table({std::move(synthetic)}), nullptr);
  REQUIRE(columns.has_value());
  REQUIRE(columns->size() == 1);
  return columns->front();
}

std::string error_of(const tabular::Table& real, const tabular::Table& synthetic) {
  const auto columns = compare(real, synthetic, nullptr);
  REQUIRE_FALSE(columns.has_value());
  CHECK(columns.error().code == Errc::kInvalidArgument);
  return columns.error().message;
}

TEST_CASE("quality: a category that no real row has is outside", "[quality]") {
  const auto column = compared(letters("c", "abab"), letters("c", "bxay"));
  CHECK(column.synthetic.outside == 2);
  CHECK(column.real_categories == 2);
  CHECK(column.categories == 4);
  CHECK(column.synthetic.codes == std::vector<std::uint32_t>{1, 2, 0, 3});
}

TEST_CASE("quality: another spelling of true and false is the same value", "[quality]") {
  const auto column = compared(letters("c", "ftf"), letters("c", "ynty"));
  CHECK(column.synthetic.outside == 0);
  CHECK(column.categories == 2);
  CHECK(column.synthetic.codes == std::vector<std::uint32_t>{1, 0, 1, 1});
  CHECK(compared(letters("c", "ab"), letters("c", "yn")).synthetic.outside == 2);
}

TEST_CASE("quality: numbers beyond the real extremes are outside, the extremes are not",
          "[quality]") {
  CHECK(compared(numbers("n", {1, 5}), numbers("n", {1, 5, 0.99, 5.01, 3})).synthetic.outside == 2);
  CHECK(compared(days("d", {10, 20}), days("d", {10, 20, 9, 21})).synthetic.outside == 2);
}

TEST_CASE("quality: a fraction in an integer column is outside", "[quality]") {
  CHECK(compared(integers("n", {1, 5}), numbers("n", {2.5, 3, 4})).synthetic.outside == 1);
  CHECK(compared(numbers("n", {1, 5}), numbers("n", {2.5, 3, 4})).synthetic.outside == 0);
}

TEST_CASE("quality: a cell that is both beyond the extremes and a fraction counts once",
          "[quality]") {
  CHECK(compared(integers("n", {1, 5}), numbers("n", {9.5})).synthetic.outside == 1);
}

TEST_CASE("quality: missing cells are outside only where no real cell is missing", "[quality]") {
  CHECK(compared(numbers("n", {1, 5}), numbers("n", {kNone, 3})).synthetic.outside == 1);
  CHECK(compared(numbers("n", {1, kNone}), numbers("n", {kNone, 1})).synthetic.outside == 0);
  CHECK(compared(letters("c", "ab"), letters("c", "a.")).synthetic.outside == 1);
  CHECK(compared(letters("c", "a."), letters("c", "a.")).synthetic.outside == 0);
}

TEST_CASE("quality: text is read as the real column's kind", "[quality]") {
  const auto column =
      compared(integers("n", {1, 50, kNone}), texts("n", {"7", " 8 ", "NA", "many", ""}));
  const auto& values = column.synthetic.numbers;
  REQUIRE(values.size() == 5);
  CHECK(values[0] == 7.0);
  CHECK(values[1] == 8.0);
  CHECK(std::isnan(values[2]));
  CHECK(std::isnan(values[3]));
  CHECK(std::isnan(values[4]));
  CHECK(column.synthetic.outside == 1);  // "many"; the others are values or missing
}

TEST_CASE("quality: unreadable cells count once where no real cell is missing", "[quality]") {
  CHECK(compared(integers("n", {1, 50}), texts("n", {"7", "many", ""})).synthetic.outside == 2);
}

TEST_CASE("quality: dates are read by the real column's format", "[quality]") {
  const auto column =
      compared(days("d", {0, 20000}), texts("d", {"1970-01-11", "11/01/1970", "1970-02-30"}));
  CHECK(column.synthetic.numbers[0] == 10 * 86400.0);
  CHECK(column.synthetic.outside == 2);
}

TEST_CASE("quality: numbers and dates become text where the real column is one", "[quality]") {
  CHECK(compared(texts("zip", {"1", "20"}), integers("zip", {20, 1, 3})).synthetic.outside == 1);
  CHECK(compared(texts("v", {"1.50", "x"}), numbers("v", {1.5, kNone})).synthetic.codes ==
        std::vector<std::uint32_t>{0, kMissingCode});
  CHECK(compared(texts("d", {"1970-01-02", "x"}), days("d", {1, 2})).synthetic.codes ==
        std::vector<std::uint32_t>{0, 2});
}

TEST_CASE("quality: a date beside a number is neither of its kind", "[quality]") {
  CHECK(compared(integers("n", {0, 1e9}), days("n", {1, 2})).synthetic.outside == 2);
  CHECK(compared(days("d", {0, 1}), integers("d", {1, 2})).synthetic.outside == 2);
}

TEST_CASE("quality: a real column without values has no domain", "[quality]") {
  const auto column = compared(numbers("n", {kNone, kNone}), numbers("n", {1, kNone}));
  CHECK(column.synthetic.outside == 1);
}

TEST_CASE("quality: columns are matched by name, identifiers are left out", "[quality]") {
  const auto real = a_table({letters("a", "xy"),
                             texts("id", {"1", "2"}, tabular::Kind::kIdentifier),
                             numbers("b", {1, 2})});
  const auto synthetic =
      a_table({numbers("b", {2, 1}), texts("id", {"8", "9"}), letters("a", "yx")});
  const auto columns = compare(real, synthetic, &real);
  REQUIRE(columns.has_value());
  REQUIRE(columns->size() == 2);
  CHECK((*columns)[0].name == "a");
  CHECK((*columns)[1].synthetic.numbers == std::vector<double>{2, 1});
  CHECK((*columns)[1].holdout.numbers == std::vector<double>{1, 2});
}

TEST_CASE("quality: other columns are refused by their names", "[quality]") {
  const auto real = a_table({letters("a", "x"), letters("b", "x")});
  CHECK_THAT(error_of(real, a_table({letters("a", "x"), letters("c", "x")})),
             ContainsSubstring("synthetic table") && ContainsSubstring("missing \"b\"") &&
                 ContainsSubstring("additional \"c\""));
  CHECK_THAT(error_of(real, a_table({letters("a", "x")})), ContainsSubstring("missing \"b\""));
  const auto holdout = a_table({letters("a", "x")});
  const auto columns = compare(real, real, &holdout);
  REQUIRE_FALSE(columns.has_value());
  CHECK_THAT(columns.error().message, ContainsSubstring("held-out table"));
}

TEST_CASE("quality: a long list of columns is cut in the message", "[quality]") {
  std::vector<Column> many;
  for (int i = 0; i < 50; ++i) {
    many.push_back(letters("column-" + std::to_string(i), "x"));
  }
  CHECK_THAT(error_of(a_table(many), a_table({letters("column-0", "x")})),
             ContainsSubstring("and 44 more") && !ContainsSubstring("column-30"));
}

TEST_CASE("quality: a table without rows is refused", "[quality]") {
  const auto some = a_table({letters("a", "x")});
  const auto none = a_table({letters("a", "")});
  CHECK_THAT(error_of(none, some), ContainsSubstring("real table: no rows"));
  CHECK_THAT(error_of(some, none), ContainsSubstring("synthetic table: no rows"));
}

}  // namespace
}  // namespace genesis::quality
