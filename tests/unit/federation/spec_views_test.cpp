#include "common/federation/spec_views.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;

TEST_CASE("federation: a model document reads back as the spec's model", "[federation]") {
  spec::Model model;
  model.embedding_dim = 7;
  model.generator_dims = {3, 4};
  const auto config = federation::parse_model_document(federation::model_document(model));
  REQUIRE(config);
  CHECK(config->embedding_dim == 7);
  CHECK(config->generator_dims == std::vector<std::int64_t>{3, 4});
  CHECK(config->pac == model.pac);
}

TEST_CASE("federation: a model document of another method or shape is refused", "[federation]") {
  for (const char* bad : {"",
                          "[]",
                          "{}",
                          R"({"method": "tvae"})",
                          R"({"method": "ctgan"})",
                          R"({"method": "ctgan", "embeddingDim": "x"})"}) {
    const auto config = federation::parse_model_document(bad);
    REQUIRE_FALSE(config);
    CHECK(config.error().code == Errc::kInvalidArgument);
  }
}

TEST_CASE("federation: declarations carry every field of the spec's columns", "[federation]") {
  spec::TableSpec table;
  spec::DeclaredColumn column;
  column.name = "age";
  column.kind = "integer";
  column.minimum = 0.0;
  column.maximum = 120.0;
  table.columns.push_back(column);
  const auto declared = federation::declarations(table);
  REQUIRE(declared.size() == 1);
  CHECK(declared[0].name == "age");
  CHECK(declared[0].kind == tabular::Kind::kInteger);
  CHECK(declared[0].minimum == 0.0);
  CHECK(declared[0].maximum == 120.0);
}

TEST_CASE("federation: a column beside a censored one is declared too", "[federation]") {
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
  const auto declared = federation::declarations(table);
  REQUIRE(declared.size() == 2);
  CHECK(declared[0].censored);
  CHECK(declared[0].aliases[0].from == std::vector<std::string>{"b"});
  CHECK(declared[0].pattern == "#");
  CHECK(declared[0].other == "else");
  CHECK(declared[0].missing_values == std::vector<std::string>{"-"});
  CHECK(declared[1].name == "crp_censored");
  CHECK(declared[1].categories == std::vector<std::string>{"<", "=", ">"});
}

TEST_CASE("federation: a site reads as the table says, but for what is said of the site",
          "[federation]") {
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

  const auto a = federation::table_reading(training, "a");
  CHECK(a.dialect.delimiter == ';');
  CHECK(a.dialect.decimal == ',');
  CHECK(a.dialect.skip_rows == 2);
  CHECK_FALSE(a.dialect.encoding.has_value());
  CHECK(a.options().discrete_columns.size() == 1);
  CHECK(a.options().missing_values == std::vector<std::string>{"none"});
  CHECK(a.options().ignored_columns.size() == 1);
  CHECK(a.options().lenient);
  const auto b = federation::table_reading(training, "b");
  CHECK(b.dialect.delimiter == '\t');
  CHECK(b.dialect.decimal == ',');
  CHECK(b.dialect.thousands == '\0');
  CHECK(b.dialect.encoding == tabular::Encoding::kUtf16LittleEndian);
}
