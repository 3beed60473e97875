#include "common/method/majority.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "common/method/inner_bounds.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::method;

namespace {

tabular::NamedSketch site(const char* client, const std::string& csv) {
  // The tables are small: all their text may leave.
  return {client, tabular::sketch(*tabular::parse_csv(csv, "test.csv"), {.min_category_count = 1})};
}

std::string table(const std::string& header, int first, int rows) {
  std::string csv = header + "\n";
  for (int i = first; i < first + rows; ++i) {
    csv += std::to_string(20 + i % 50) + "," + std::string(1, "abc"[i % 3]) + "\n";
  }
  return csv;
}

const std::string kHeader = "age,group";

std::vector<std::string> told(const std::vector<Disqualified>& found) {
  std::vector<std::string> all;
  for (const auto& one : found) {
    all.push_back(one.client.str() + ": " + one.reason);
  }
  return all;
}

tabular::ColumnSketch& column(tabular::NamedSketch& site, const char* name) {
  return *std::ranges::find(site.sketch.columns, name, &tabular::ColumnSketch::name);
}

}  // namespace

TEST_CASE("method: sites that agree are all of the majority, whatever their values are",
          "[method]") {
  const std::vector sites{site("a", table(kHeader, 0, 60)),
                          site("b", "age,group\n1.5,z\n2.5,\n"),
                          site("c", "age,group\n7,y\n,y\n")};
  CHECK(told(*dissenters(sites, {})).empty());
}

TEST_CASE("method: other columns of one site are outvoted, in any order of arrival", "[method]") {
  std::vector sites{
      site("a", "x\nq\n"), site("b", table(kHeader, 0, 60)), site("c", table(kHeader, 60, 60))};
  const std::vector<std::string> expected{
      "a: column 'x' of client 'a' is missing at client 'b'; leave it out with "
      "table.ignoreColumns, or correct the header (as at 2 of 3 sites)"};
  do {
    CHECK(told(*dissenters(sites, {})) == expected);
  } while (std::ranges::next_permutation(sites, {}, &tabular::NamedSketch::client).found);
}

TEST_CASE("method: a kind of one site is outvoted, a declaration at one site too", "[method]") {
  auto dated = site("c", "age,group\n2020-01-01,a\n2020-01-02,b\n");
  std::vector sites{site("a", table(kHeader, 0, 60)), site("b", table(kHeader, 60, 60)), dated};
  const auto found = told(*dissenters(sites, {}));
  REQUIRE(found.size() == 1);
  CHECK_THAT(found[0], ContainsSubstring("c: column 'age': the kind is integer at client 'a'"));

  sites[2] = site("c", table(kHeader, 0, 60));
  auto& discrete = column(sites[2], "age");
  discrete = tabular::ColumnSketch();
  discrete.name = "age";
  discrete.declared = true;
  discrete.categories = {"20", "21"};
  const auto declared = told(*dissenters(sites, {}));
  REQUIRE(declared.size() == 1);
  CHECK_THAT(declared[0], ContainsSubstring("c: column 'age'"));
}

TEST_CASE("method: a minority that calls a column an identifier does not drop it", "[method]") {
  std::vector sites{site("a", table(kHeader, 0, 60)),
                    site("b", table(kHeader, 60, 60)),
                    site("c", table(kHeader, 120, 60))};
  auto& hidden = column(sites[0], "group");
  hidden.kind = tabular::Kind::kIdentifier;
  hidden.categories.clear();
  const auto found = told(*dissenters(sites, {}));
  REQUIRE(found.size() == 1);
  CHECK_THAT(found[0],
             ContainsSubstring("a: column 'group': the kind is identifier at client 'a' and "
                               "category at client 'b'"));
  tabular::Declaration declaration;
  declaration.name = "group";
  declaration.kind = tabular::Kind::kIdentifier;
  CHECK(told(*dissenters(sites, std::vector{declaration})).empty());
}

TEST_CASE("method: identifiers that are few at small sites are identifiers everywhere",
          "[method]") {
  std::string names = "age,group\n";
  for (int i = 0; i < 120; ++i) {
    names += std::to_string(i) + ",name-" + std::to_string(i) + "\n";
  }
  const std::vector sites{site("a", names),
                          site("b", "age,group\n1,name-x\n2,name-y\n"),
                          site("c", "age,group\n3,name-z\n4,name-u\n")};
  REQUIRE(sites[0].sketch.columns[1].kind == tabular::Kind::kIdentifier);
  REQUIRE(sites[1].sketch.columns[1].kind == tabular::Kind::kCategory);
  CHECK(told(*dissenters(sites, {})).empty());
}

TEST_CASE("method: halves name two sites and what differs", "[method]") {
  const std::vector sites{site("a", table(kHeader, 0, 60)), site("b", "group\na\n")};
  const auto tie = dissenters(sites, {});
  REQUIRE_FALSE(tie);
  CHECK(tie.error().code == Errc::kFailedPrecondition);
  CHECK(tie.error().message ==
        "no majority of the sites agrees on the table: column 'age' of client 'a' is missing at "
        "client 'b'; leave it out with table.ignoreColumns, or correct the header");
}

TEST_CASE("method: what a table says of itself makes sense", "[method]") {
  const auto honest = site("a", table(kHeader, 0, 60));
  CHECK(check_sense(honest.sketch));
  CHECK(check_sense(site("a", "x\n7\n7\n").sketch));
  const auto refused = [&](auto change) {
    auto sketch = honest;
    change(column(sketch, "age"));
    return check_sense(sketch.sketch).error().message;
  };
  CHECK(refused([](auto& age) {
          age.extremes = {1.0, 1.0};
        }) == "column 'age': its bounds leave room for few values, but it says that it has many");
  CHECK(refused([](auto& age) {
          age.few_values = true;
          age.heavy_values = std::vector<double>(33, 30.0);
        }) == "column 'age': lists 33 values and says that it has few");
  CHECK_THAT(refused([](auto& age) {
               age.extremes = {-1e308, 1e308};
             }),
             ContainsSubstring("beyond 1e300"));
  auto texts = honest;
  column(texts, "group").categories = std::vector<std::string>(61, "x");
  CHECK(check_sense(texts.sketch).error().message ==
        "column 'group': has more categories than rows");
}

TEST_CASE("method: far extremes of one site count as those of the others", "[method]") {
  std::vector<tabular::NamedSketch> sites;
  for (const char* client : {"a", "b", "c", "d"}) {
    sites.push_back(site(client, table(kHeader, 0, 60)));
  }
  CHECK(inner_bounds(sites, {}).sketches[0].sketch == sites[0].sketch);
  CHECK(inner_bounds(sites, {}).notes.empty());
  column(sites[1], "age").extremes = {-9e15, 100.0};
  const auto bounded = inner_bounds(sites, {});
  CHECK(bounded.sketches[1].sketch.columns[0].extremes == std::vector{20.0, 100.0});
  CHECK(bounded.sketches[0].sketch == sites[0].sketch);
  CHECK(bounded.notes == std::vector<std::string>{
                             "column 'age': client 'b' has values from -9e+15 to 100, far beyond "
                             "those of the others; they count as 20 to 100"});
}

TEST_CASE("method: with fewer than four sites far extremes are said and kept", "[method]") {
  std::vector sites{site("a", table(kHeader, 0, 60)), site("b", table(kHeader, 0, 60))};
  column(sites[1], "age").extremes = {-9e15, 9e15};
  const auto bounded = inner_bounds(sites, {});
  CHECK(bounded.sketches[1].sketch == sites[1].sketch);
  CHECK_THAT(bounded.notes.front(), ContainsSubstring("declare minimum and maximum"));
  tabular::Declaration declared;
  declared.name = "age";
  declared.minimum = 0.0;
  declared.maximum = 120.0;
  CHECK(inner_bounds(sites, std::vector{declared}).notes.empty());
}
