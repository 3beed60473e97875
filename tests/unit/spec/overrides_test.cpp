#include "common/spec/overrides.hpp"

#include <string>

#include "tests/support/catch.hpp"
#include "tests/unit/spec/documents.hpp"

namespace genesis::spec {
namespace {

const std::string kSites =
    "{rounds: {count: 5}, participants: [{name: a, data: {path: a.csv}}, {name: b, external: "
    "true}]}";

FederatedTraining with(const std::vector<Override>& overrides) {
  auto parsed = parse(a_training(kSites), "x.yaml", overrides);
  CAPTURE(parsed ? "" : parsed.error().message);
  REQUIRE(parsed);
  return std::move(parsed).value();
}

}  // namespace

TEST_CASE("spec: an override beats the document, the document the default", "[spec]") {
  CHECK(with({}).rounds.count == 5);
  CHECK(min_clients_of(with({})) == 2);
  CHECK(with({{"rounds.count", "7"}}).rounds.count == 7);
  CHECK(with({{"rounds.minClients", "2"}}).rounds.min_clients == 2);
  SECTION("the last of several wins") {
    CHECK(with({{"rounds.count", "7"}, {"seed", "1"}, {"rounds.count", "8"}}).rounds.count == 8);
  }
  SECTION("null is the default again") {
    CHECK(with({{"rounds.count", "null"}}).rounds.count == 10);
    CHECK(with({{"rounds", ""}}).rounds.count == 10);
  }
}

TEST_CASE("spec: override values are YAML", "[spec]") {
  CHECK_THAT(with({{"model.generatorDims", "[64, 32]"}}).model.settings.json,
             ContainsSubstring("\"generatorDims\":[64,32]"));
  CHECK(with({{"local.learningRate", "1e-3"}}).local.learning_rate == 1e-3);
  CHECK(with({{"aggregation", "{strategy: fedprox, proximalMu: 1}"}}).aggregation ==
        Aggregation{Strategy::kFedprox, 1.0});
  CHECK(with({{"table.discreteColumns", "[\"a, b\", c]"}}).table.discrete_columns ==
        std::vector<std::string>{"a, b", "c"});
  CHECK_THAT(complaint(a_training(), {{"model.generatorDims", "[64"}}),
             ContainsSubstring("override \"model.generatorDims\": value:1:"));
}

TEST_CASE("spec: where a string is wanted, an override is taken as it is", "[spec]") {
  const auto path = GENERATE(as<std::string>{}, "10", "true", "a: b", "[x", "'", "*.csv", "x.csv");
  CHECK(with({{"participants.0.data.path", path}}).participants[0].data_path == path);
  CHECK(with({{"metadata.name", "123"}}).name == "123");
  CHECK(with({{"participants.0.data.path", "'quoted'"}}).participants[0].data_path == "quoted");
}

TEST_CASE("spec: override paths start below spec, at spec or at metadata", "[spec]") {
  CHECK(with({{"spec.rounds.count", "7"}}).rounds.count == 7);
  CHECK(with({{"metadata.name", "other"}}).name == "other");
  CHECK(with({{"privacy.maxGradNorm", "1.5"}}).privacy.max_grad_norm ==
        1.5);  // makes no such object
  CHECK(with({{"participants.1.external", "true"}}).participants[1].external);
  CHECK(with({{"participants.a.data.path", "z.csv"}}).participants[0].data_path == "z.csv");
}

TEST_CASE("spec: an override of nothing names what was meant", "[spec]") {
  const auto [path, expected] = GENERATE(table<std::string, std::string>({
      {"rounds.cuont", "\"cuont\" is an unknown field; did you mean count?"},
      {"round.count", "\"round\" is an unknown field; did you mean rounds?"},
      {"epochs", "did you mean local.epochs?"},
      {"metadata.nmae", "did you mean name?"},
      {"", "is an unknown field"},
      {"rounds..count", "\"\" is an unknown field"},
      {"rounds.count.x", "cannot be inside a plain value"},
      {"participants.2.name", "no entry \"2\" in this list of 2"},
      {"participants.-1.name", "no entry \"-1\""},
      {"participants.0x.name", "no entry \"0x\""},
      {"participants.zoe.name", "no entry \"zoe\""},
      {"model.generatorDims.0", "no entry \"0\" in this list of 0"},
      {"kind", "is an unknown field"},
  }));
  const std::string message = complaint(a_training(kSites), {{path, "1"}});
  CHECK_THAT(message, ContainsSubstring("override \"" + path + "\": "));
  CHECK_THAT(message, ContainsSubstring(expected));
}

TEST_CASE("spec: overrides are checked as the document is", "[spec]") {
  CHECK(complaint(a_training(), {{"rounds.count", "ten"}}) ==
        "spec.rounds.count: expected integer, got string \"ten\"");
  CHECK(complaint(a_training(kSites), {{"rounds.minClients", "3"}}) ==
        "spec.rounds.minClients: 3 exceeds the 2 participants; lower it or add participants");
  SECTION("and a refused one leaves the document as it was") {
    CHECK_THAT(complaint(a_training("{}"), {{"privacy.cilp", "1"}}),
               !ContainsSubstring("spec.privacy"));
  }
}

}  // namespace genesis::spec
