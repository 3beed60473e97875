#include "common/method/agreement.hpp"

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "common/method/table_reading.hpp"
#include "common/tabular/summary_counts.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/served.hpp"

using namespace genesis;
using namespace genesis::method;

namespace {

ClientId id(const char* name) {
  return *ClientId::parse(name);
}

tabular::Table rows_of(const char* csv) {
  return *tabular::parse_csv(csv, "test.csv");
}

// Small tables: all that they hold may leave.
tabular::Sketch whole_sketch(const tabular::Table& table) {
  return tabular::sketch(table, {.min_category_count = 1});
}

const char* const kOfA = "colour,size\nred,1.5\nblue,2.5\nred,3.5\n";
const char* const kOfB = "colour,size\ngreen,9.5\nblue,8.5\n";

std::string told(const tabular::Table& table) {
  return sketch_text(whole_sketch(table), Grid::kOfSites);
}

Agreement agreement_of(std::size_t electorate = 1) {
  return {{}, electorate, {}, Grid::kOfSites};
}

}  // namespace

TEST_CASE("method: sites agree on one encoder, however the rows are split", "[method]") {
  const auto agreed = [](const std::vector<const char*>& tables) {
    auto agreement = agreement_of();
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const auto table = rows_of(tables[i]);
      REQUIRE(agreement.introduce(id(i == 0 ? "a" : "b"), told(table)) == table.rows);
    }
    const auto ask = *agreement.ask();
    CHECK(ask.request.roster == rounds::Roster::kEveryone);
    const auto& combine = std::get<SumOfCounts>(ask.combine);
    CHECK(combine.distributions.size() == 3);  // the rows, and each column
    rounds::Counts sum(combine.words);
    for (const auto* csv : tables) {
      const auto table = rows_of(csv);
      Served documents(ask);
      const auto answer = *count_rows(table, {}, documents);
      const auto& counts = std::get<rounds::Counts>(answer.values);
      REQUIRE(agreement.check(counts, table.rows));
      for (std::size_t i = 0; i < sum.size(); ++i) {
        sum[i] += counts[i];
      }
    }
    const auto all = *agreement.agreed(sum);
    return encoder_text(*tabular::fit(all.plan, all.summary));
  };
  const auto apart = agreed({kOfA, kOfB});
  CHECK(apart == agreed({"colour,size\nred,1.5\nblue,2.5\nred,3.5\ngreen,9.5\nblue,8.5\n"}));
  CHECK(encoder_text(*parse_encoder(apart)) == apart);
}

TEST_CASE("method: a sketch that differs is refused, and nothing has changed", "[method]") {
  auto agreement = agreement_of();
  REQUIRE(agreement.introduce(id("a"), told(rows_of(kOfA))));
  const auto differs = agreement.introduce(id("b"), told(rows_of("colour\nred\n")));
  REQUIRE_FALSE(differs);
  CHECK_THAT(differs.error().message, ContainsSubstring("size"));
  CHECK_FALSE(agreement.introduce(id("b"), "{}"));
  CHECK_FALSE(agreement.introduce(id("b"), R"({"rows":0,"columns":[]})"));
  CHECK(agreement.ask());
}

TEST_CASE("method: a kind of one site drops no column once the others have agreed", "[method]") {
  auto agreement = agreement_of(2);
  REQUIRE(agreement.introduce(id("a"), told(rows_of(kOfA))));
  REQUIRE(agreement.introduce(id("b"), told(rows_of(kOfB))));
  auto hidden = nlohmann::json::parse(told(rows_of(kOfA)));
  hidden["columns"][0]["kind"] = "identifier";
  hidden["columns"][0]["categories"] = nlohmann::json::array();
  const auto late = agreement.introduce(id("c"), hidden.dump());
  REQUIRE_FALSE(late);
  CHECK_THAT(late.error().message,
             ContainsSubstring("column 'colour': the kind is identifier at client 'c' and category "
                               "at client 'a'"));
  CHECK_THAT(*agreement.ask()->documents[0].bytes, ContainsSubstring("green"));
}

TEST_CASE("method: the join that makes the encoder too large is the one refused", "[method]") {
  // Five columns of `count` texts each, as long as they may be, which no other site has.
  const auto sketch_with = [](char first, int count) {
    auto sketch = nlohmann::json::parse(told(rows_of(kOfA)));
    sketch["rows"] = 2000;
    auto text = sketch["columns"][0];
    text["missing"] = 0;
    auto& texts = text["categories"];
    texts.clear();
    for (int i = 0; i < count; ++i) {
      texts.push_back(std::to_string(10'000 + i) + std::string(1000, first));
    }
    sketch["columns"].clear();
    for (int i = 0; i < 5; ++i) {
      text["name"] = "c" + std::to_string(i);
      sketch["columns"].push_back(text);
    }
    return sketch.dump();
  };
  auto agreement = agreement_of();
  REQUIRE(agreement.introduce(id("a"), sketch_with('A', 1)));
  REQUIRE(agreement.introduce(id("b"), sketch_with('B', 1300)));
  REQUIRE(agreement.introduce(id("c"), sketch_with('C', 1300)));
  const auto refused = agreement.introduce(id("d"), sketch_with('D', 1300));
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("the encoder would be of"));
  CHECK(agreement.introduce(id("d"), sketch_with('D', 1)));
  CHECK(agreement.ask());
}

TEST_CASE("method: a category that no site's own client would send is refused", "[method]") {
  auto agreement = agreement_of();
  auto sketch = nlohmann::json::parse(told(rows_of(kOfA)));
  for (const auto& [text, why] : std::map<std::string, std::string>{
           {"\x1b[2Jcleared", "has a control character"},
           {std::string(1025, 'x'), "has 1025 bytes, more than 1024"}}) {
    sketch["columns"][0]["categories"] = {text};
    const auto refused = agreement.introduce(id("a"), sketch.dump());
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, ContainsSubstring(why));
  }
}

TEST_CASE("method: counts that contradict the join or the plan are refused", "[method]") {
  auto agreement = agreement_of();
  const auto table = rows_of(kOfA);
  REQUIRE(agreement.introduce(id("a"), told(table)));
  const auto ask = *agreement.ask();
  Served documents(ask);
  auto counts = std::get<rounds::Counts>(count_rows(table, {}, documents)->values);
  CHECK(agreement.check(counts, table.rows));
  CHECK_THAT(agreement.check(counts, 7).error().message,
             ContainsSubstring("counts 3 rows, but it joined with 7"));
  ++counts.back();
  CHECK_FALSE(agreement.check(counts, table.rows));
  counts.pop_back();
  CHECK_FALSE(agreement.check(counts, table.rows));
}

namespace {

// What a site of this table answers to a plan: of column 0, category by category, and other.
Result<rounds::Counts> counted(const std::string& csv,
                               const tabular::Plan& plan,
                               const SiteRules& rules) {
  Ask ask;
  ask.documents.push_back(make_document(std::string(kPlanDocument), tabular::to_json(plan).dump()));
  Served documents(ask);
  GENESIS_ASSIGN(const auto answer, count_rows(rows_of(csv.c_str()), rules, documents));
  return std::get<rounds::Counts>(answer.values);
}

tabular::Plan plan_of_names(bool other) {
  tabular::ColumnPlan column;
  column.name = "name";
  column.categories = {"Ann", "Bob", "Cid"};
  column.other = other;
  return {{column}};
}

}  // namespace

TEST_CASE("method: text that few rows of a site hold counts as other there", "[method]") {
  std::string csv = "name\n";
  for (int i = 0; i < 9; ++i) {
    csv += i < 6 ? "Ann\n" : i < 8 ? "Bob\n" : "Dan\n";
  }
  CHECK(*counted(csv, plan_of_names(true), {}) == rounds::Counts{9, 0, 6, 0, 0, 3});
  CHECK(*counted(csv, plan_of_names(true), {.policy = {.min_category_count = 2}}) ==
        rounds::Counts{9, 0, 6, 2, 0, 1});
  CHECK(*counted(csv, plan_of_names(true), {.policy = {.min_category_count = 0}}) ==
        rounds::Counts{9, 0, 6, 2, 0, 1});
}

TEST_CASE("method: a plan without a place for other text lists what the spec does", "[method]") {
  const std::string csv = "name\nAnn\nBob\n";
  const auto refused = counted(csv, plan_of_names(false), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  CHECK_THAT(refused.error().message, ContainsSubstring("column 'name'"));
  SiteRules rules;
  rules.declared.resize(1);
  rules.declared[0].name = "name";
  rules.declared[0].categories = {"Ann", "Bob", "Cid"};
  CHECK(*counted(csv, plan_of_names(false), rules) == rounds::Counts{2, 0, 1, 1, 0});
  rules.declared[0].categories = {"Ann", "Bob"};
  CHECK_FALSE(counted(csv, plan_of_names(false), rules));
}

TEST_CASE("method: declarations carry every field of the spec's columns", "[method]") {
  spec::TableSpec table;
  spec::DeclaredColumn column;
  column.name = "age";
  column.kind = "decimal";
  column.minimum = 0.0;
  column.maximum = 120.0;
  column.precision = 2;
  column.format = "%Y";
  column.categories = {"a", "b"};
  table.columns.push_back(column);
  const auto declared = declarations(table);
  REQUIRE(declared.size() == 1);
  CHECK(declared[0].name == "age");
  CHECK(declared[0].kind == tabular::Kind::kDecimal);
  CHECK(declared[0].minimum == 0.0);
  CHECK(declared[0].maximum == 120.0);
  CHECK(declared[0].precision == 2);
  CHECK(declared[0].format == "%Y");
  CHECK(declared[0].categories == std::vector<std::string>{"a", "b"});
}
