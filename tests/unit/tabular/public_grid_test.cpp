#include "common/tabular/public_grid.hpp"

#include <algorithm>

#include "common/tabular/partition.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Table table_of(int shift) {
  std::string csv = "age,amount,kind\n";
  for (int i = 0; i < 200; ++i) {
    csv += std::to_string(20 + shift + i % 50) + "," + std::to_string(i % 7 * 2 + shift) + "," +
           (i % 3 == 0 ? "red" : "blue") + "\n";
  }
  return *parse_csv(csv, "test.csv");
}

}  // namespace

TEST_CASE("tabular: a public sketch is the same for other rows of the same kinds", "[tabular]") {
  const auto here = public_sketch(sketch(table_of(0)));
  CHECK(here == public_sketch(sketch(table_of(7))));
  CHECK(here.rows == kUntoldRows);
  for (const auto& column : here.columns) {
    CHECK(column.heavy_values.empty());
    CHECK(column.edges.empty());
    CHECK_FALSE(column.few_values);
  }
  CHECK(here.columns[2].categories == std::vector<std::string>{"blue", "red"});
}

TEST_CASE("tabular: even cuts are cuts of the grid, as fine near zero as far from it",
          "[tabular]") {
  const Step whole{};
  const auto edges = even_cuts(-2147483648.0, 2147483648.0, whole, Spacing::kByOctave, 8192);
  CHECK(edges.size() < 8192);
  CHECK(edges.size() > 4000);
  CHECK(are_cuts(edges));
  for (double value = 0.0; value < 60.0; ++value) {  // each whole number has a cell of its own
    CHECK(bin_of(edges, value) != bin_of(edges, value + 1.0));
  }
  CHECK(bin_of(edges, 1'000'000.0) != bin_of(edges, 1'030'000.0));
  const Step day{1.0, 86400.0, 0};
  const auto dates = even_cuts(-2208988800.0, 4102444800.0, day, Spacing::kByLength, 8192);
  CHECK(are_cuts(dates));
  CHECK(dates.size() < 8192);
  const double today = 1795000000.0;
  CHECK(bin_of(dates, today) != bin_of(dates, today + 30 * 86400.0));
}

TEST_CASE("tabular: what the encoder needs of the numbers comes from the sum", "[tabular]") {
  const auto a = table_of(0);
  const auto b = table_of(3);
  std::vector<NamedSketch> told{{"a", public_sketch(sketch(a))}, {"b", public_sketch(sketch(b))}};
  add_public_grid(told, {});
  auto agreed = *plan(told, {});
  Summary total;
  REQUIRE(merge(total, *summarize(a, agreed), agreed));
  REQUIRE(merge(total, *summarize(b, agreed), agreed));
  narrow(agreed, total, {});
  const auto& age = agreed.columns[0];
  CHECK(age.minimum >= 20.0);
  CHECK(age.minimum <= 21.0);
  CHECK(age.maximum >= 71.0);
  CHECK(age.maximum <= 73.0);
  CHECK(agreed.columns[1].few_values);
  CHECK(fit(agreed, total));
}

TEST_CASE("tabular: declared bounds stay as they are", "[tabular]") {
  const auto a = table_of(0);
  Declaration declared_age;
  declared_age.name = "age";
  declared_age.kind = Kind::kInteger;
  declared_age.minimum = 0.0;
  declared_age.maximum = 120.0;
  const std::vector<Declaration> declared{declared_age};
  std::vector<NamedSketch> told{{"a", public_sketch(sketch(a))}};
  add_public_grid(told, declared);
  auto agreed = *plan(told, declared);
  Summary total;
  REQUIRE(merge(total, *summarize(a, agreed), agreed));
  narrow(agreed, total, declared);
  CHECK(agreed.columns[0].minimum == 0.0);
  CHECK(agreed.columns[0].maximum == 120.0);
}
