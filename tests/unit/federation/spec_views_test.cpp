#include "common/federation/spec_views.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;

TEST_CASE("federation: a model document reads back as the spec's model", "[federation]") {
  spec::Model model;
  model.embedding_dim = 7;
  model.generator_dims = {3, 4};
  model.discriminator_dims = {5};
  model.pac = 2;
  const auto config = federation::parse_model_document(federation::model_document(model));
  REQUIRE(config);
  CHECK(config->embedding_dim == 7);
  CHECK(config->generator_dims == std::vector<std::int64_t>{3, 4});
  CHECK(config->discriminator_dims == std::vector<std::int64_t>{5});
  CHECK(config->pac == 2);
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
  column = {};
  column.name = "length";
  column.kind = "decimal";
  column.precision = 2;
  table.columns.push_back(column);
  column = {};
  column.name = "admitted";
  column.kind = "datetime";
  column.format = "%Y-%m-%d";
  table.columns.push_back(column);
  column = {};
  column.name = "ward";
  column.categories = {"A", "B"};
  table.columns.push_back(column);
  const auto declared = federation::declarations(table);
  REQUIRE(declared.size() == 4);
  CHECK(declared[0].name == "age");
  CHECK(declared[0].kind == tabular::Kind::kInteger);
  CHECK(declared[0].minimum == 0.0);
  CHECK(declared[0].maximum == 120.0);
  CHECK(declared[0].precision == std::nullopt);
  CHECK(declared[0].format == std::nullopt);
  CHECK(declared[0].categories.empty());
  CHECK(declared[1].kind == tabular::Kind::kDecimal);
  CHECK(declared[1].minimum == std::nullopt);
  CHECK(declared[1].maximum == std::nullopt);
  CHECK(declared[1].precision == 2);
  CHECK(declared[2].kind == tabular::Kind::kDatetime);
  CHECK(declared[2].format == "%Y-%m-%d");
  CHECK(declared[3].name == "ward");
  CHECK(declared[3].kind == std::nullopt);
  CHECK(declared[3].categories == std::vector<std::string>{"A", "B"});
}
