#include <algorithm>

#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Table site(const std::vector<std::string>& cells) {
  return table_of(one_column(cells));
}

ColumnPlan planned(const std::vector<Table>& sites,
                   const std::vector<Declaration>& declarations = {}) {
  return ok(plan_for(sites, declarations)).columns[0];
}

std::string refusal(const std::vector<Table>& sites,
                    const std::vector<Declaration>& declarations = {}) {
  return error_of(plan_for(sites, declarations));
}

std::vector<std::string> numbered(std::string_view prefix, int first, int count) {
  std::vector<std::string> cells;
  for (int i = first; i < first + count; ++i) {
    cells.emplace_back(prefix);
    cells.back() += std::to_string(i);
  }
  return cells;
}

}  // namespace

TEST_CASE("tabular: a sketch tells extremes, heavy values and categories, no more", "[tabular]") {
  std::string text = "n,c,id\n";
  for (int i = 0; i < 3000; ++i) {
    text += std::to_string(i < 1500 ? 7 : i) + "," + (i % 2 == 0 ? "even" : "odd") + ",p" +
            std::to_string(i) + "\n";
  }
  const Sketch about = sketch(table_of(text));
  CHECK(about.rows == 3000);
  // 7 is told, for 1,500 rows have it; the five largest are below 3,000, rounded up to 64.
  CHECK(about.columns[0].extremes == std::vector<double>{7.0, 3008.0});
  CHECK(about.columns[0].heavy_values == std::vector<double>{7.0});  // the others hold 1 in 3000
  CHECK(about.columns[0].heavy_counts == std::vector<std::uint64_t>{1500});
  CHECK_FALSE(about.columns[0].few_values);
  CHECK(about.columns[1].categories == std::vector<std::string>{"even", "odd"});
  CHECK(about.columns[2].kind == Kind::kIdentifier);
  CHECK(about.columns[2].categories.empty());
}

TEST_CASE("tabular: few values are all told, with the digits that they need", "[tabular]") {
  const auto about =
      sketch(site({"63.00", "64.00", "", "63.00"}), {.min_category_count = 1}).columns[0];
  CHECK(about.few_values);
  CHECK(about.heavy_values == std::vector<double>{63.0, 64.0});
  CHECK(about.precision == 2);
  CHECK(rounding_of(about.digits) == Rounding{0, 0});
  CHECK(about.missing == 1);
  CHECK(rounding_of(sketch(site({"0.10", "0.25"})).columns[0].digits) == Rounding{2, 0});
}

TEST_CASE("tabular: sites may order their columns as they like", "[tabular]") {
  const auto first = table_of("n,c\n1,x\n2,y\n");
  const auto second = table_of("c,n\ny,5\nz,6\n");
  const Plan agreed = ok(plan_for({first, second}));
  REQUIRE(agreed.columns.size() == 2);
  CHECK(agreed.columns[0].name == "n");
  CHECK(agreed.columns[0].maximum == 6.0);
  CHECK(agreed.columns[1].categories == std::vector<std::string>{"x", "y", "z"});
  const auto total = total_of({first, second}, agreed);
  CHECK(total.columns[1].categories == std::vector<std::uint64_t>{1, 2, 1, 0});  // 0 of others
}

TEST_CASE("tabular: the plan does not depend on who comes first", "[tabular]") {
  auto sketches = sketches_of(
      {table_of("n,c\n1,x\n2.5,y\n"), table_of("c,n\ny,5\nz,6\n"), table_of("c,n\nNA,\nz,\n")});
  const Plan expected = ok(plan(sketches, {}));
  while (std::next_permutation(sketches.begin(), sketches.end(), [](const auto& a, const auto& b) {
    return a.client < b.client;
  })) {
    CHECK(ok(plan(sketches, {})) == expected);
  }
}

TEST_CASE("tabular: a column that one site lacks is named with the client", "[tabular]") {
  const auto both = table_of("age,sex\n1,f\n");
  CHECK_THAT(refusal({both, table_of("age,sexe\n1,f\n")}),
             ContainsSubstring("column 'sex' of client 'a' is missing at client 'b'") &&
                 ContainsSubstring("which has 'sexe'"));
  CHECK_THAT(refusal({both, table_of("age,sex,extra\n1,f,0\n")}),
             ContainsSubstring("column 'extra' of client 'b' is missing at client 'a'"));
  CHECK_THAT(refusal({both}, {declare("agee", Kind::kInteger)}),
             ContainsSubstring("'agee' is in no client's table") && ContainsSubstring("'age'"));
}

TEST_CASE("tabular: different kinds are refused with column, clients, kinds and advice",
          "[tabular]") {
  CHECK(refusal({site({"1"}), site({"x"})}) ==
        "column 'x': the kind is integer at client 'a' and category at client 'b'; declare the "
        "column in spec.table.columns, or correct the data");
  CHECK_THAT(refusal({site({"1"}), site({"2020-01-01"})}), ContainsSubstring("datetime"));
  CHECK_THAT(refusal({site({"25/12/2020"}), site({"12/25/2020"})}),
             ContainsSubstring("format is %d/%m/%Y at client 'a' and %m/%d/%Y at client 'b'"));
  CHECK_THAT(refusal({site({"x"}), site({"y"})}, {declare("x", Kind::kInteger)}),
             ContainsSubstring("declared integer, but client 'a' reads it as category"));
}

TEST_CASE("tabular: kinds that go together meet in the wider one", "[tabular]") {
  const auto decimal = planned({site({"1", "2"}), site({"1.25"}), site({"0.5"})});
  CHECK(decimal.kind == Kind::kDecimal);
  CHECK(decimal.precision == 2);
  CHECK(decimal.minimum == 0.5);

  CHECK(planned({site({"true", "false"}), site({"true"})}).kind == Kind::kBoolean);
  CHECK(planned({site({"true"}), site({"false"})}).kind == Kind::kBoolean);  // as pooled
  CHECK(planned({site({"true", "false"}), site({"unknown"})}).kind == Kind::kCategory);
}

TEST_CASE("tabular: a column without values takes the kind that it has elsewhere", "[tabular]") {
  const auto blank = site({"", "", ""});
  const auto words = site({"NA", "None"});
  CHECK(planned({blank, site({"1", "2"})}).kind == Kind::kInteger);
  CHECK(planned({words, site({"1.5"})}).kind == Kind::kDecimal);
  CHECK(planned({blank, site({"2020-01-01"})}).format == "%Y-%m-%d");
  const auto categories = planned({words, site({"x"})});
  CHECK(categories.categories == std::vector<std::string>{"NA", "None", "x"});
  CHECK(planned({blank, blank}).kind == Kind::kCategory);
  CHECK(planned({blank, blank}).categories.empty());
  CHECK(planned({blank}, {declare("x", Kind::kInteger)}).kind == Kind::kInteger);

  const auto agreed = ok(plan_for({words, site({"1", "2"})}));
  const auto total = total_of({words, site({"1", "2"})}, agreed);
  CHECK(total.columns[0].missing == 2);
  CHECK_THAT(error_of(plan_for({blank}, {declare("x", Kind::kDatetime)})),
             ContainsSubstring("declare its format"));
}

TEST_CASE("tabular: identifiers stay identifiers at small sites", "[tabular]") {
  const auto large = site(numbered("p", 0, 200));
  const auto small = site(numbered("p", 900, 20));
  CHECK(planned({large, small}).kind == Kind::kIdentifier);
  // A declaration binds.
  const auto declared = table_of(one_column(numbered("p", 0, 200)), {}, {"x"});
  CHECK(planned({declared, small}).kind == Kind::kCategory);
  CHECK(planned({small}, {declare("x", Kind::kIdentifier)}).kind == Kind::kIdentifier);
  // A key at one site is one at all.
  CHECK(planned({site(numbered("", 0, 200)), site({"3", "3", "5"})}).kind == Kind::kIdentifier);
}

TEST_CASE("tabular: too many categories are refused with advice", "[tabular]") {
  const auto half = [](int first) {
    auto cells = numbered("p", first, 2500);
    const auto copy = cells;
    cells.insert(cells.end(), copy.begin(), copy.end());
    return site(cells);
  };
  CHECK(planned({half(0)}).categories.size() == 2500);
  CHECK_THAT(refusal({half(0), half(2500)}),
             ContainsSubstring("more than 4096 categories") && ContainsSubstring("identifier"));

  auto cells = numbered("p", 0, 100000);
  const auto copy = cells;
  cells.insert(cells.end(), copy.begin(), copy.end());
  const auto huge = site(cells);
  CHECK(sketch(huge, {.min_category_count = 1}).columns[0].categories.size() == kMaxCategories + 1);
  CHECK_THAT(refusal({huge}), ContainsSubstring("more than 4096 categories over all clients"));
}

TEST_CASE("tabular: no value of few rows leaves a site", "[tabular]") {
  // Each value is one row's, or that of `few` rows; and every policy keeps them.
  for (const std::uint64_t least : {2U, 5U, 20U}) {
    for (const int rows : {1, 3, 9, 15, 60, 500, 1000, 3000}) {
      std::vector<std::string> cells;
      for (int i = 0; i < rows; ++i) {
        cells.push_back(std::to_string(1000 + 7 * i) + "." + std::to_string(i % 7 + 1));
      }
      const auto about = sketch(site(cells), {.min_category_count = least}).columns[0];
      INFO(rows << " rows, " << least << " at least");
      CHECK(about.heavy_values.empty());
      for (const double told : about.extremes) {
        CHECK(told == std::floor(told * 64.0) / 64.0);  // a power of two, not a cell
        for (const auto& cell : cells) {
          CHECK(told != std::stod(cell));
        }
      }
    }
  }
  // What many rows have is told as it is.
  const auto many = sketch(site(std::vector<std::string>(40, "41.5"))).columns[0];
  CHECK(many.extremes == std::vector<double>{41.5, 41.5});
  CHECK(many.heavy_values == std::vector<double>{41.5});
  // Of few values, those of few rows count as their neighbours.
  std::vector<std::string> grades;
  for (int i = 0; i < 100; ++i) {
    grades.push_back(i == 0 ? "9" : std::to_string(1 + i % 3));
  }
  const std::vector<NamedSketch> told = {{"a", sketch(site(grades))}};
  const auto few = ok(plan(told, {})).columns[0];
  CHECK(few.few_values);
  CHECK(few.values == std::vector<double>{1.0, 2.0, 3.0});
}

TEST_CASE("tabular: a far value of one row does not set the bounds", "[tabular]") {
  std::vector<std::string> cells = numbered("", 1, 1000);
  cells.push_back("1000000000000");
  const auto about = sketch(site(cells)).columns[0];
  CHECK(about.extremes[1] <= 1024.0);
}

TEST_CASE("tabular: declarations give the domain", "[tabular]") {
  auto bounded = declare("x", Kind::kInteger);
  bounded.minimum = -0.5;
  bounded.maximum = 120.0;
  const auto wide = planned({site({"5", "9"})}, {bounded});
  CHECK(wide.minimum == 0.0);  // the first integer above the bound
  CHECK(wide.maximum == 120.0);
  bounded.minimum = 0.3;
  bounded.maximum = 0.7;
  CHECK_THAT(refusal({site({"5", "9"})}, {bounded}), ContainsSubstring("above the maximum"));

  auto listed = declare("x", Kind::kCategory);
  listed.categories = {"south", "north", "west"};
  CHECK(planned({site({"north", "south"})}, {listed}).categories ==
        std::vector<std::string>{"north", "south", "west"});
  CHECK_THAT(refusal({site({"north", "suoth"})}, {listed}),
             ContainsSubstring("not one of the declared categories; the nearest is \"south\""));
  // "NA" is near "A", and means nothing.
  listed.categories = {"A", "B"};
  CHECK_THAT(refusal({site({"B", "NA"})}, {listed}),
             ContainsSubstring("in table.missingValues if it stands for no value"));
}

TEST_CASE("tabular: few values are counted one by one, many in bins", "[tabular]") {
  const auto few = planned({site({"1", "2", "3"})});
  CHECK(few.few_values);
  CHECK(few.edges.empty());
  CHECK(few.values == std::vector<double>{1.0, 2.0, 3.0});

  const auto many = planned({site(numbered("", 10, 40))});
  CHECK_FALSE(many.few_values);
  CHECK(many.values.empty());
  CHECK_FALSE(many.edges.empty());

  // Together more than 32 are many.
  const auto both = planned({site(numbered("", 10, 30)), site(numbered("", 50, 30))});
  CHECK_FALSE(both.few_values);
}

TEST_CASE("tabular: nobody and nothing are refused", "[tabular]") {
  CHECK_THAT(error_of(plan({}, {})), ContainsSubstring("no client"));
  const std::vector<NamedSketch> empty = {{"a", Sketch{}}};
  CHECK_THAT(error_of(plan(empty, {})), ContainsSubstring("client 'a' has no rows"));
}
