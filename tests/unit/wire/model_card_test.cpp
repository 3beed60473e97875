#include "common/wire/model_card.hpp"

#include <nlohmann/json.hpp>

#include "common/crypto/digest.hpp"
#include "common/wire/model_file.hpp"
#include "tests/support/catch.hpp"

namespace genesis::wire {
namespace {

std::string a_model(const std::string& provenance) {
  ModelFile file;
  file.generator.specs = {{"w", {1}}};
  file.generator.values = {0.5F};
  file.encoder_json = R"({"columns":[{"name":"a|b","kind":"integer"}]})";
  file.model_json = R"({"method":"mixture"})";
  file.provenance_json = provenance;
  return encode_model(file);
}

constexpr const char* kPrivate =
    R"({"training":"heart","rounds":1,"clients":{"a":{},"b":{}},)"
    R"("privacy":{"epsilon":3.0,"worstEpsilon":4.5,"delta":1e-5,"unit":"one row","against":"everyone else together"}})";

}  // namespace

TEST_CASE("wire: a model card tells how the model was made and what its guarantee covers",
          "[wire]") {
  const auto bytes = a_model(kPrivate);
  const auto text =
      model_card_json(bytes, {"2026-03-01T12:00:00Z", "0.1.0", R"({"overall":0.98})"});
  REQUIRE(text);
  const auto card = nlohmann::json::parse(*text);
  CHECK(card["modelSha256"] == crypto::sha256_hex(bytes));
  CHECK(card["method"] == "mixture");
  CHECK(card["sites"] == 2);
  CHECK(card["privacy"]["epsilon"] == 3.0);
  CHECK(card["quality"]["overall"] == 0.98);
  const auto page = model_card_markdown(*text);
  REQUIRE(page);
  CHECK_THAT(
      *page,
      ContainsSubstring("epsilon 3.0 (4.5 if all others collude) and delta 1e-05, for one row"));
  CHECK_THAT(*page, ContainsSubstring("| overall | 0.98 |"));
  CHECK_THAT(*page, ContainsSubstring("| a\\|b | integer |"));
}

TEST_CASE("wire: a model card has the ledger heads that the sites have told", "[wire]") {
  const std::string head = "0a:3:0b";
  const auto text = model_card_json(
      a_model(R"({"clients":{"a":{"ledgerHead":")" + head + R"("},"b":{"rows":3}}})"), {});
  REQUIRE(text);
  CHECK(nlohmann::json::parse(*text)["ledgerHeads"] == nlohmann::json{{"a", head}});
  CHECK(ledger_heads(*text) == std::vector{head});
  CHECK(ledger_heads(model_card_json(a_model("{}"), {}).value())->empty());
  CHECK_FALSE(ledger_heads("{}"));
  CHECK_FALSE(ledger_heads("["));
}

TEST_CASE("wire: the card of a model without protection says so", "[wire]") {
  const auto text = model_card_json(a_model("{}"), {"2026-03-01T12:00:00Z", "0.1.0"});
  REQUIRE(text);
  CHECK(nlohmann::json::parse(*text)["privacy"].is_null());
  CHECK_THAT(model_card_markdown(*text).value(), ContainsSubstring("may reveal"));
  CHECK_FALSE(model_card_json("no model", {}));
  CHECK_FALSE(model_card_markdown("["));
}

}  // namespace genesis::wire
