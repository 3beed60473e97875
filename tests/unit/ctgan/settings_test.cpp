#include "common/ctgan/settings.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;

TEST_CASE("ctgan: a model document reads back as the spec's model", "[ctgan]") {
  const spec::Model model{"ctgan", {R"({"embeddingDim":7,"generatorDims":[3,4]})"}};
  const auto settings = ctgan::settings_of(model);
  REQUIRE(settings);
  const auto config = ctgan::parse_model_document(ctgan::model_document({*settings}));
  REQUIRE(config);
  CHECK(config->config.embedding_dim == 7);
  CHECK(config->config.generator_dims == std::vector<std::int64_t>{3, 4});
  CHECK(config->config.discriminator_dims == std::vector<std::int64_t>{256, 256});
  CHECK(config->config.pac == 10);
}

TEST_CASE("ctgan: a model document of another method or shape is refused", "[ctgan]") {
  for (const char* bad : {"",
                          "[]",
                          "{}",
                          R"({"method": "tvae"})",
                          R"({"method": "ctgan"})",
                          R"({"method": "ctgan", "embeddingDim": "x"})"}) {
    const auto config = ctgan::parse_model_document(bad);
    REQUIRE_FALSE(config);
    CHECK(config.error().code == Errc::kInvalidArgument);
  }
}

TEST_CASE("ctgan: settings that are none are refused", "[ctgan]") {
  CHECK_FALSE(ctgan::settings_of({"ctgan", {R"({"embeddingDim":"wide"})"}}));
}
