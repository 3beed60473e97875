// What must never leave a site: text of a few of its rows (SitePolicy).
#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "common/base/rng.hpp"
#include "common/tabular/describe.hpp"
#include "common/tabular/fits.hpp"
#include "common/tabular/look_alikes.hpp"
#include "common/tabular/pool.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

// `rows` of "common", then each of the others `times`.
std::string column_with(int rows, const std::vector<std::string>& others, int times) {
  std::vector<std::string> cells(static_cast<std::size_t>(rows), "common");
  for (const auto& other : others) {
    cells.insert(cells.end(), static_cast<std::size_t>(times), other);
  }
  return one_column(cells);
}

std::vector<NamedSketch> with_policy(const std::vector<Table>& sites,
                                     const SitePolicy& policy = {}) {
  std::vector<NamedSketch> sketches;
  for (const auto& site : sites) {
    sketches.push_back(
        {std::string(1, static_cast<char>('a' + sketches.size())), sketch(site, policy)});
  }
  return sketches;
}

Encoder fitted(const std::vector<Table>& sites, const std::vector<Declaration>& declarations = {}) {
  const auto agreed = ok(plan(with_policy(sites), declarations));
  return ok(fit(agreed, total_of(sites, agreed)));
}

std::map<std::string, std::size_t> decoded(const Encoder& encoder, const Table& table) {
  const auto encoded = ok(encoder.encode(table, Rng(1, RoundId{0}, "a", "test")));
  const auto back = encoder.decode(encoded, 1, 0);
  std::map<std::string, std::size_t> rows;
  for (const auto code : back.columns[0].codes) {
    ++rows[code == kMissingCode ? "" : back.columns[0].categories[code]];
  }
  return rows;
}

}  // namespace

TEST_CASE("tabular: text of fewer rows than the policy asks for is in no document", "[tabular]") {
  const auto table = table_of(column_with(20, {"Erika Mustermann", "frequent"}, 4) + "frequent\n");
  const auto about = sketch(table);
  CHECK(about.columns[0].categories == std::vector<std::string>{"common", "frequent"});
  const auto agreed = ok(plan(with_policy({table}), {}));
  const auto total = total_of({table}, agreed);
  CHECK(total.columns[0].categories == std::vector<std::uint64_t>{20, 5, 4});
  const auto encoder = ok(fit(agreed, total));
  for (const auto& document :
       {to_json(about).dump(), to_json(agreed).dump(), to_json(encoder).dump()}) {
    CHECK_THAT(document, !ContainsSubstring("Erika"));
  }
  const auto again = ok(through_text<Encoder>(to_json(encoder), encoder_from_json));
  CHECK(again.columns() == encoder.columns());
  CHECK(ok(through_text<Plan>(to_json(agreed), plan_from_json)) == agreed);
  CHECK(sketch(table, {.min_category_count = 1}).columns[0].categories.size() == 3);
}

TEST_CASE("tabular: other text keeps its share, and is spread over the categories", "[tabular]") {
  const auto table = table_of(column_with(30, {"x1", "x2", "x3", "x4", "x5"}, 2) +
                              "second\nsecond\nsecond\nsecond\nsecond\n");
  const auto encoder = fitted({table});
  const auto& modes = encoder.columns()[0].modes;
  REQUIRE(modes.size() == 3);
  CHECK(modes.back().type == Mode::Type::kOther);
  CHECK_THAT(modes.back().weight, WithinRel(10.0 / 45.0, 1e-12));
  const auto rows = decoded(encoder, table);
  CHECK(rows.size() == 2);
  CHECK(rows.at("common") + rows.at("second") == 45);
  CHECK(rows.at("common") >= 30);
}

TEST_CASE("tabular: a declared text stands for other text", "[tabular]") {
  const auto table = table_of(column_with(30, {"x1", "x2", "x3"}, 2));
  auto declaration = declare("x", Kind::kCategory);
  declaration.other = "another";
  const auto encoder = fitted({table}, {declaration});
  CHECK(decoded(encoder, table) ==
        std::map<std::string, std::size_t>{{"another", 6}, {"common", 30}});
}

TEST_CASE("tabular: what stands for other text does not depend on blocks of rows", "[tabular]") {
  const auto table = table_of(column_with(30, {"x1", "x2", "x3"}, 4) + "b\nb\nb\nb\nb\nb\nb\n");
  const auto encoder = fitted({table});
  const auto encoded = ok(encoder.encode(table, Rng(1, RoundId{0}, "a", "test")));
  const auto texts = [](const Table& rows) {
    std::vector<std::string> all;
    for (const auto code : rows.columns[0].codes) {
      all.push_back(rows.columns[0].categories[code]);
    }
    return all;
  };
  const auto whole = texts(encoder.decode(encoded, 1, 1000));
  EncodedTable tail;
  tail.rows = encoded.rows - 33;
  tail.columns.push_back(
      {{encoded.columns[0].mode.begin() + 33, encoded.columns[0].mode.end()}, {}});
  const auto end = texts(encoder.decode(tail, 1, 1033));
  CHECK(std::equal(end.begin(), end.end(), whole.begin() + 33));
}

TEST_CASE("tabular: a column of rare text alone is made anew", "[tabular]") {
  const auto table = table_of(one_column({"Anna", "Berta", "Clara", "Dora"}));
  CHECK(ok(plan(with_policy({table}), {})).columns[0].kind == Kind::kIdentifier);
  const auto encoder = fitted({table}, {declare("x", Kind::kCategory)});
  CHECK(encoder.columns()[0].kind == Kind::kIdentifier);
  auto patterned = declare("x", Kind::kIdentifier);
  patterned.pattern = "P-###/A";
  const auto with_pattern = fitted({table}, {patterned});
  const auto rows = with_pattern.decode({.rows = 2, .columns = {EncodedColumn{}}}, 1, 8);
  CHECK(rows.columns[0].categories == std::vector<std::string>{"P-009/A", "P-010/A"});
}

TEST_CASE("tabular: declared categories and booleans are known text, however rare", "[tabular]") {
  auto listed = declare("x", Kind::kCategory);
  listed.categories = {"common", "rare"};
  const std::vector<Declaration> declarations = {listed};
  const auto table = table_of(column_with(30, {"rare"}, 1), declarations);
  const auto agreed = ok(plan(with_policy({table}), declarations));
  CHECK(agreed.columns[0].categories == std::vector<std::string>{"common", "rare"});
  CHECK_FALSE(agreed.columns[0].other);

  std::vector<std::string> cells(30, "No");
  cells.push_back("Yes");
  const std::vector<Declaration> boolean = {declare("x", Kind::kBoolean)};
  const auto flags = table_of(one_column(cells), boolean);
  CHECK(ok(plan(with_policy({flags}), boolean)).columns[0].categories ==
        std::vector<std::string>{"No", "Yes"});
}

TEST_CASE("tabular: a category that others have is counted at a site where it is rare",
          "[tabular]") {
  const auto large = table_of(column_with(30, {"ward"}, 8));
  const auto small = table_of(column_with(30, {"ward", "own"}, 1));
  const auto agreed = ok(plan(with_policy({large, small}), {}));
  CHECK(agreed.columns[0].categories == std::vector<std::string>{"common", "ward"});
  CHECK(ok(summarize(small, agreed)).columns[0].categories == std::vector<std::uint64_t>{30, 1, 1});
}

TEST_CASE("tabular: a site that comes late with a new category is taken", "[tabular]") {
  const auto known = table_of(column_with(30, {"second"}, 10));
  const auto encoder = fitted({known});  // no other text
  const auto late = table_of(column_with(10, {"new"}, 10));
  REQUIRE(check_fits(sketch(late), encoder));
  CHECK_THAT(moved_columns(late, sketch(late), encoder).at(0),
             ContainsSubstring("\"new\"") && ContainsSubstring("spread over"));
  CHECK(moved_columns(known, sketch(known), encoder).empty());
  const auto rows = decoded(encoder, late);
  CHECK(rows.count("new") == 0);
  CHECK(rows.at("common") >= 10);
}

TEST_CASE("tabular: a site that comes late with a new extreme is taken at the nearest",
          "[tabular]") {
  const auto numbers = [](int first, int step) {
    std::vector<std::string> cells;
    for (int i = 0; i < 60; ++i) {
      cells.push_back(std::to_string(first + i * step) + ".5");
    }
    return table_of(one_column(cells));
  };
  const auto encoder = fitted({numbers(0, 1)});
  const auto late = numbers(-100, 20);
  REQUIRE(check_fits(sketch(late), encoder));
  CHECK_THAT(moved_columns(late, sketch(late), encoder).at(0),
             ContainsSubstring("beyond the bounds"));
  const auto encoded = ok(encoder.encode(late, Rng(1, RoundId{0}, "a", "test")));
  const auto rows = encoder.decode(encoded, 1, 0);
  for (const double value : rows.columns[0].numbers) {
    CHECK(value >= 0.5);
    CHECK(value <= 59.5);
  }
}

TEST_CASE("tabular: sites that spell a value otherwise agree on it", "[tabular]") {
  const auto site = [](const std::vector<std::string>& cells) {
    std::vector<std::string> all;
    for (int i = 0; i < 6; ++i) {
      all.insert(all.end(), cells.begin(), cells.end());
    }
    return table_of(one_column(all));
  };
  const auto agreed = [&](const std::vector<Table>& sites) {
    const auto plan_ = ok(plan(with_policy(sites), {}));
    const auto total = total_of(sites, plan_);
    CHECK(total.rows == sites.size() * sites[0].rows);
    return plan_.columns[0];
  };
  using Texts = std::vector<std::string>;
  CHECK(agreed({site({"TRUE", "FALSE"}), site({"yes", "no"})}).categories ==
        Texts{"false", "true"});
  CHECK(agreed({site({"true", "false"}), site({"0", "1"})}).kind == Kind::kBoolean);
  CHECK(agreed({site({"Yes", "No"}), site({"Yes", "No"})}).categories == Texts{"No", "Yes"});
  CHECK(agreed({site({"M", "F"}), site({"M ", " F"})}).categories == Texts{"F", "M"});
  CHECK(agreed({site({"M", "F"}), site({"m", "F"})}).categories == Texts{"F", "M", "m"});
  CHECK(agreed({site({"2020-01-31", "2020-02-01"}), site({"31.01.2020", "01.02.2020"})}).format ==
        "%Y-%m-%d");
  CHECK(agreed({site({"2020-01-31", "2020-02-01"}), site({"31.01.2020 10:00", "01.02.2020 11:30"})})
            .format == "%d.%m.%Y %H:%M");
  CHECK(agreed({site({"41", "42"}), site({"41.0", "42.0"})}).kind == Kind::kInteger);
}

TEST_CASE("tabular: values that look alike are told with their sites", "[tabular]") {
  const auto site = [](const std::vector<std::string>& cells) {
    return table_of(one_column(cells), {}, {"x"});
  };
  const auto told =
      look_alikes(with_policy({site({"M", "F", "41", "NA"}), site({"m", "F", "041", "unknown"})},
                              {.min_category_count = 1}));
  REQUIRE(told.size() == 4);
  CHECK_THAT(told[0] + told[1],
             ContainsSubstring("\"M\" (a) and \"m\" (b) look alike") &&
                 ContainsSubstring("\"041\" (b) and \"41\" (a)") &&
                 ContainsSubstring("table.columns"));
  CHECK_THAT(told[2] + told[3],
             ContainsSubstring("\"NA\" (a)") && ContainsSubstring("\"unknown\" (b)") &&
                 ContainsSubstring("table.missingValues"));
  CHECK(look_alikes(with_policy({site({"M", "F"}), site({"M", "F"})}, {1})).empty());
}

TEST_CASE("tabular: aliases make one value of several spellings", "[tabular]") {
  auto sex = declare("x", Kind::kCategory);
  sex.aliases = {{"male", {"M", "m", "1.0"}}, {"female", {"F"}}};
  const auto table = table_of(one_column({"M", "m", "F", "male", "1.0"}), {sex});
  CHECK(table.columns[0].categories == std::vector<std::string>{"female", "male"});
}

TEST_CASE("tabular: pooled rows are matched by name and seen as the sites agree", "[tabular]") {
  const auto first = table_of("n,d,b,c\n1,2020-01-31,yes,x\n2,2020-02-01,no,y\n");
  const auto second = table_of("c,b,n,d\nx,TRUE,2.5,31.01.2020\nrare,FALSE,4.5,01.02.2020\n");
  const std::vector<NamedTable> sites = {{"a", first}, {"b", second}};
  const auto agreed = ok(plan(with_policy({first, second}, {.min_category_count = 1}), {}));
  const auto all = ok(pool(sites, agreed));
  CHECK(all.rows == 4);
  CHECK(write_csv(all, TextCells::kRaw) ==
        "n,d,b,c\n1.0,2020-01-31,true,x\n2.0,2020-02-01,false,y\n2.5,2020-01-31,true,x\n"
        "4.5,2020-02-01,false,rare\n");
}

TEST_CASE("tabular: a table is described for its own people", "[tabular]") {
  const auto table = table_of(column_with(8, {"rare"}, 2));
  const auto lines = describe(table);
  REQUIRE(lines.size() == 2);
  CHECK_THAT(lines[0], ContainsSubstring("leaves the site"));
  CHECK_THAT(lines[1],
             ContainsSubstring("category") && ContainsSubstring("0.0%") &&
                 ContainsSubstring("1 category and its count; 1 rare text in 2 rows as other"));
}

TEST_CASE("tabular: where counts alone are told, no bounds are said to leave", "[tabular]") {
  const auto table = table_of("n\n1\n2\n3\n");
  CHECK_THAT(describe(table).at(1), ContainsSubstring("rounded bounds"));
  const auto counts = describe(table, {}, Told::kCounts).at(1);
  CHECK_THAT(counts, ContainsSubstring("counts on a public grid"));
  CHECK_THAT(counts, !ContainsSubstring("bounds"));
}
