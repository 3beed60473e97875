// What sites say of undeclared columns, and what becomes of it.
#include "common/mixture/introduction.hpp"

#include "common/mixture/counts.hpp"
#include "common/mixture/rare_text.hpp"
#include "common/mixture/site.hpp"
#include "tests/unit/mixture/builders.hpp"

namespace genesis::mixture {
namespace {

// One column x, as a site of this process introduces it.
Introduction introduced(const std::vector<std::string>& cells) {
  std::string csv = "x,y\n";
  for (const auto& cell : cells) {
    csv += cell + ",1\n";
  }
  spec::FederatedTraining training;
  training.name = "test";
  training.model = {"mixture", {"{}"}};
  method::SiteSetup setup{ClientId::parse("a").value(), training, table(csv)};
  setup.audience = method::Audience::kOneself;
  const auto site = must(make_site(std::move(setup), std::nullopt));
  return must(parse_introduction(site->introduction()));
}

std::vector<std::string> repeated(const std::vector<std::string>& cells, int times) {
  std::vector<std::string> all;
  for (int i = 0; i < times; ++i) {
    all.insert(all.end(), cells.begin(), cells.end());
  }
  return all;
}

Column together(const std::vector<std::vector<std::string>>& sites) {
  std::vector<Introduction> all;
  for (const auto& cells : sites) {
    all.push_back(introduced(cells));
  }
  return must(schema_of({}, all))[0];
}

std::string refusal(const std::vector<std::vector<std::string>>& sites) {
  std::vector<Introduction> all;
  for (const auto& cells : sites) {
    all.push_back(introduced(cells));
  }
  const auto schema = schema_of({}, all);
  REQUIRE_FALSE(schema);
  return schema.error().message;
}

const std::vector<std::string> kNames{"a", "b"};

}  // namespace

TEST_CASE("mixture: text of few rows stays at its site, also in one process", "[mixture]") {
  auto cells = repeated(kNames, 20);
  cells.insert(cells.end(), {"secret", "secret", "secret", "secret"});
  CHECK(introduced(cells).columns[0].categories == kNames);
  cells.emplace_back("secret");
  CHECK(introduced(cells).columns[0].categories.size() == 3);
}

TEST_CASE("mixture: text of which none may leave is made anew, and does not come out missing",
          "[mixture]") {
  std::vector<std::string> rare;
  for (int i = 0; i < 50; ++i) {
    rare.push_back("name " + std::to_string(i));
  }
  CHECK(together({rare, rare}).kind == tabular::Kind::kIdentifier);
  CHECK(together({rare, repeated(kNames, 5)}).categories == kNames);
  CHECK_THAT(refusal({rare, repeated({"1.5", "2.5"}, 5)}), ContainsSubstring("is category at one"));
}

TEST_CASE("mixture: rows of rare text count as the other categories, and none as missing",
          "[mixture]") {
  std::string csv = "c\n";
  for (int i = 0; i < 300; ++i) {
    csv += i % 10 == 0  ? "\"\"\n"
           : i % 10 < 4 ? "rare" + std::to_string(i) + "\n"
           : i % 10 < 6 ? "a\n"
                        : "b\n";
  }
  auto rows = table(csv);
  auto column = category("c", kNames);
  column.missing = Missing::kMaybe;
  spread_rare_text(rows, {column});
  const auto counts = must(count_fine(rows, {column}));
  CHECK(counts[2] == 30);  // missing
  CHECK(counts[0] + counts[1] == 270);
  CHECK(counts[0] >= 88);  // a third of 270, evenly
  CHECK(counts[0] <= 92);
  // With an `other`, they are that.
  auto with_other = category("c", {"a", "b", "else"});
  with_other.other = 2;
  auto others = table(csv);
  spread_rare_text(others, {with_other});
  CHECK(must(count_fine(others, {with_other}))[2] == 90);
}

TEST_CASE("mixture: sites may write dates in formats of their own", "[mixture]") {
  const auto column = together({repeated({"31.12.2020", "01.02.2021"}, 5),
                                repeated({"2020-12-31", "2021-02-01"}, 5),
                                repeated({"20201231", "20210201"}, 5)});
  CHECK(column.kind == tabular::Kind::kDatetime);
  CHECK(column.format == "%Y-%m-%d");
  CHECK_THAT(refusal({repeated({"31/12/2020", "13/02/2021"}, 5),
                      repeated({"12/31/2020", "02/13/2021"}, 5)}),
             ContainsSubstring("column 'x': the format is %d/%m/%Y at one site and %m/%d/%Y"));
}

TEST_CASE("mixture: spellings of true and false are one value", "[mixture]") {
  const auto column = together(
      {repeated({"TRUE", "FALSE"}, 5), repeated({"yes", "no"}, 5), repeated({"1", "0"}, 5)});
  CHECK(column.kind == tabular::Kind::kCategory);
  CHECK(column.categories == std::vector<std::string>{"false", "true"});
  for (const auto* const csv : {"x\nja\nnein\nja\n", "x\n1\n0\n1\n", "x\ntrue\nfalse\ntrue\n"}) {
    const auto units = units_of(table(csv).columns[0], column);
    CHECK(units == std::vector<std::uint64_t>{1, 0, 1});
  }
  // Where all write alike, it stays as they write it.
  CHECK(together({repeated({"ja", "nein"}, 5), repeated({"ja", "nein"}, 5)}).categories ==
        std::vector<std::string>{"ja", "nein"});
}

TEST_CASE("mixture: decimals have the places that most cells of the finest site need",
          "[mixture]") {
  auto one = repeated({"70.5", "71.4"}, 30);
  one.emplace_back("68.399999999");
  CHECK(together({one, repeated({"70.5", "71.4"}, 5)}).precision == 1);
  const auto both = together({one, repeated({"70.25", "71.45"}, 5)});
  CHECK(both.has_precision);
  CHECK(both.precision == 2);
  CHECK(together({one, repeated({"70", "71"}, 5)}).precision == 1);  // whole numbers at one site
}

TEST_CASE("mixture: a site without values has no opinion on a kind, others must agree",
          "[mixture]") {
  CHECK(together({repeated({"1.5", "2.5"}, 5), repeated({"NA"}, 10)}).kind ==
        tabular::Kind::kDecimal);
  CHECK(together({repeated({"NA"}, 10), repeated({"a", "b"}, 5)}).categories == kNames);
  CHECK_THAT(refusal({repeated({"1.5", "2.5"}, 5), repeated({"a", "b"}, 5)}),
             ContainsSubstring("column 'x': is decimal at one site and category at another"));
}

}  // namespace genesis::mixture
