#include "common/method/table_reading.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;

TEST_CASE("method: a column beside a censored one is declared too", "[method]") {
  spec::TableSpec table;
  spec::DeclaredColumn column;
  column.name = "crp";
  column.kind = "decimal";
  column.censored = true;
  column.aliases = {{"a", {"b"}}};
  column.pattern = "#";
  column.other = "else";
  column.missing_values = std::vector<std::string>{"-"};
  table.columns.push_back(column);
  const auto declared = method::declarations(table);
  REQUIRE(declared.size() == 2);
  CHECK(declared[0].censored);
  CHECK(declared[0].aliases[0].from == std::vector<std::string>{"b"});
  CHECK(declared[0].pattern == "#");
  CHECK(declared[0].other == "else");
  CHECK(declared[0].missing_values == std::vector<std::string>{"-"});
  CHECK(declared[1].name == "crp_censored");
  CHECK(declared[1].categories == std::vector<std::string>{"<", "=", ">"});
}

TEST_CASE("method: a site reads as the table says, but for what is said of the site", "[method]") {
  spec::FederatedTraining training;
  training.table.discrete_columns = {"sex"};
  training.table.csv = spec::CsvSpec{.delimiter = ";", .decimal = ",", .skip_rows = 2};
  training.table.missing_values = {{"none"}};
  training.table.ignore_columns = {"row"};
  training.table.lenient = true;
  spec::Participant site;
  site.name = "b";
  site.csv = spec::CsvSpec{.delimiter = "tab", .thousands = "none", .encoding = "utf-16"};
  training.participants.push_back(site);

  const auto a = method::table_reading(training, "a");
  CHECK(a.dialect.delimiter == ';');
  CHECK(a.dialect.decimal == ',');
  CHECK(a.dialect.skip_rows == 2);
  CHECK_FALSE(a.dialect.encoding.has_value());
  CHECK(a.options().discrete_columns.size() == 1);
  CHECK(a.options().missing_values == std::vector<std::string>{"none"});
  CHECK(a.options().ignored_columns.size() == 1);
  CHECK(a.options().lenient);
  const auto b = method::table_reading(training, "b");
  CHECK(b.dialect.delimiter == '\t');
  CHECK(b.dialect.decimal == ',');
  CHECK(b.dialect.thousands == '\0');
  CHECK(b.dialect.encoding == tabular::Encoding::kUtf16LittleEndian);
}

TEST_CASE("method: the spec's words have the form that cells have", "[method]") {
  const std::string composed = "caf\xC3\xA9";
  const std::string decomposed = " cafe\xCC\x81 ";
  spec::FederatedTraining training;
  training.table.discrete_columns = {decomposed};
  training.table.ignore_columns = {decomposed};
  spec::DeclaredColumn column;
  column.name = decomposed;
  column.categories = {decomposed};
  column.aliases = {{decomposed, {decomposed}}};
  training.table.columns.push_back(column);
  const auto reading = method::table_reading(training, "a");
  CHECK(reading.discrete_columns.front() == composed);
  CHECK(reading.ignored_columns.front() == composed);
  const auto& declared = reading.declarations.front();
  CHECK(declared.name == composed);
  CHECK(declared.categories.front() == composed);
  CHECK(declared.aliases.front().value == composed);
  CHECK(declared.aliases.front().from.front() == composed);
}
