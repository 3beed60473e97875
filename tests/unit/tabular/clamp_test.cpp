#include "common/tabular/clamp.hpp"

#include <cmath>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::tabular;

TEST_CASE("tabular: numbers beyond the domain count as its bounds, missing ones stay",
          "[tabular]") {
  auto table = *parse_csv("age,group\n-5,a\n30,b\n,a\n900,b\n70,a\n", "test.csv");
  const std::vector<Domain> domains{{"age", 0.0, 100.0}, {"group", 0.0, 0.0}, {"other", 0.0, 1.0}};
  const auto found = beyond(table, domains);
  REQUIRE(found.size() == 1);
  CHECK(found[0].cells == 2);
  CHECK_THAT(note_of(found[0]),
             ContainsSubstring("column 'age': 2 values are beyond the agreed domain, 0 "
                               "to 100, and count as its bounds"));
  clamp(table, found);
  const auto& numbers = table.columns[0].numbers;
  CHECK(numbers[0] == 0.0);
  CHECK(numbers[1] == 30.0);
  CHECK(std::isnan(numbers[2]));
  CHECK(numbers[3] == 100.0);
  CHECK(beyond(table, domains).empty());
}
