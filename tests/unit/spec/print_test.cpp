#include <algorithm>
#include <set>
#include <string>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "common/base/file.hpp"
#include "common/spec/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"
#include "tests/unit/spec/documents.hpp"

namespace genesis::spec {
namespace {

using rc::gen::arbitrary;
using rc::gen::element;
using rc::gen::inRange;

// Text of any characters but NUL, and words that YAML could take for something else.
std::string any_text() {
  if (*arbitrary<bool>()) {
    return *element<std::string>("yes",
                                 "null",
                                 "~",
                                 "10",
                                 "1.5",
                                 "true",
                                 "- a",
                                 "a: b",
                                 "#",
                                 "'",
                                 "\"",
                                 " a ",
                                 "[",
                                 "{",
                                 "a\nb",
                                 "%",
                                 "@",
                                 "...",
                                 "---",
                                 "\t",
                                 "für",
                                 "\x7f",
                                 "\xC2\x85",
                                 "\xE2\x80\xA8",
                                 "\xF0\x9F\x8C\xB2",
                                 "\x1b[0m",
                                 "a\\b");
  }
  auto text = *rc::gen::container<std::string>(inRange<char>(1, 127));
  text.resize(std::min<std::size_t>(text.size(), 64));
  return text.empty() ? "x" : text;
}

double any_positive() {
  return *element(1e-9, 1e-5, 0.0002, 0.1, 1.0 / 3.0, 0.5, 1.0);
}

std::vector<std::int64_t> any_dims() {
  auto dims = *rc::gen::container<std::vector<std::int64_t>>(inRange<std::int64_t>(1, 8193));
  dims.resize(std::clamp<std::size_t>(dims.size(), 1, 8), 1);
  return dims;
}

std::vector<std::string> any_distinct_texts(std::size_t most) {
  std::set<std::string> texts;
  const auto count = *inRange<std::size_t>(0, most + 1);
  while (texts.size() < count) {
    texts.insert(any_text());
  }
  return {texts.begin(), texts.end()};
}

DeclaredColumn any_column(std::string name) {
  DeclaredColumn column;
  column.name = std::move(name);
  switch (*inRange(0, 5)) {
    case 0:
      column.kind = "integer";
      column.minimum = -1e20 * any_positive();
      column.maximum = any_positive();
      break;
    case 1:
      column.kind = "decimal";
      column.precision = *inRange<std::int64_t>(0, 16);
      break;
    case 2:
      column.kind = "datetime";
      column.format = any_text();
      break;
    case 3:
      column.kind = "category";
      column.categories = any_distinct_texts(3);
      column.nullable = *arbitrary<bool>();
      if (column.categories.empty()) {
        column.other = any_text();
      }
      column.missing_values = any_distinct_texts(2);
      for (const auto& value : any_distinct_texts(2)) {
        column.aliases.push_back({value, {any_text()}});
      }
      break;
    default:
      break;
  }
  return column;
}

FederatedTraining any_training() {
  FederatedTraining training;
  training.name = *element<std::string>("x", "1", "null", "a.b-c", "1e3", "0x1");
  training.seed = *inRange<std::uint64_t>(0, 1ULL << 63U);
  training.model.settings.json = nlohmann::json{{"embeddingDim", *inRange<std::int64_t>(1, 4097)},
                                                {"generatorDims", any_dims()},
                                                {"discriminatorDims", any_dims()},
                                                {"pac", *element<std::int64_t>(1, 2, 5, 10)}}
                                     .dump();
  training.table.discrete_columns = any_distinct_texts(4);
  if (*arbitrary<bool>()) {
    training.table.csv = CsvSpec{.delimiter = *element<std::string>(";", "tab", "|", "\\"),
                                 .decimal = ",",
                                 .quote = *element<std::string>("'", "none"),
                                 .skip_rows = *inRange<std::int64_t>(0, 1001),
                                 .comment = "#"};
    training.table.missing_values = any_distinct_texts(3);
  }
  training.table.ignore_columns = any_distinct_texts(2);
  training.table.lenient = *arbitrary<bool>();
  for (const auto& name : any_distinct_texts(4)) {
    const auto& discrete = training.table.discrete_columns;
    if (std::find(discrete.begin(), discrete.end(), name) == discrete.end()) {
      training.table.columns.push_back(any_column(name));
    }
  }
  training.rounds.client_fraction = any_positive();
  if (training.rounds.client_fraction < 1.0) {
    training.rounds.over_selection = any_positive();
  }
  training.rounds.retries = *inRange<std::int64_t>(0, 1001);
  training.rounds.max_failures = *inRange<std::int64_t>(1, 1001);
  training.rounds.count = *inRange<std::int64_t>(1, 100001);
  training.local.learning_rate = any_positive();
  training.local.lr_schedule = *element(LrSchedule::kConstant, LrSchedule::kCosine);
  training.aggregation.strategy = *element(Strategy::kFedavg,
                                           Strategy::kWeighted,
                                           Strategy::kFedprox,
                                           Strategy::kMedian,
                                           Strategy::kTrimmedMean);
  if (training.aggregation.strategy == Strategy::kFedprox) {
    training.aggregation.proximal_mu = any_positive();
  }
  if (training.aggregation.strategy == Strategy::kTrimmedMean) {
    training.aggregation.trimmed_share = any_positive() * 0.499;
  }
  training.aggregation.max_share = any_positive();
  if (*arbitrary<bool>()) {
    training.privacy.max_grad_norm = any_positive();
    training.privacy.clip_per_layer = *arbitrary<bool>();
  }
  training.communication.compression = *element(Compression::kNone, Compression::kGzip);
  const auto sites = *inRange(0, 4);
  for (int i = 0; i < sites; ++i) {
    Participant participant;
    participant.name = "site-" + std::to_string(i);
    participant.external = *arbitrary<bool>();
    if (!participant.external) {
      participant.data_path = any_text();
      participant.pod.resources = Verbatim{R"({"limits":{"cpu":1,"memory":"1Gi"}})"};
      participant.pod.affinity = Verbatim{R"({"podAffinity":{"yes":"no"}})"};
    }
    training.participants.push_back(participant);
  }
  training.output.rows = *inRange<std::int64_t>(0, 1000000001);
  return training;
}

}  // namespace

TEST_CASE("spec: what is printed reads back as the same training", "[spec][property]") {
  REQUIRE(rc::check("as YAML and as JSON", [] {
    const FederatedTraining training = any_training();
    for (const auto& text : {print_yaml(training), print_json(training)}) {
      const auto parsed = parse(text, "printed");
      if (!parsed) {
        RC_FAIL(parsed.error().message + "\n" + text);
      }
      RC_ASSERT(*parsed == training);
    }
  }));
}

TEST_CASE("spec: a minimal spec prints as the golden file, all defaults filled in",
          "[spec][golden]") {
  const auto golden = read_file(source_file("tests/golden/spec/minimal.yaml"), 65536);
  REQUIRE(golden);
  const auto parsed = parse(*golden, "minimal.yaml");
  REQUIRE(parsed);
  const std::string body = golden->substr(golden->find("\napiVersion:") + 1);
  CHECK(print_yaml(parse(a_training(), "x.yaml").value()) == body);
  CHECK(print_yaml(*parsed) == body);
}

TEST_CASE("spec: JSON is printed on one line", "[spec]") {
  const auto parsed =
      parse(a_training("{participants: [{name: a, data: {path: \"a\\nb\"}}]}"), "x.yaml");
  REQUIRE(parsed);
  const std::string json = print_json(*parsed);
  CHECK(json.find('\n') == std::string::npos);
  CHECK(json.starts_with(
      R"({"apiVersion":"federated.genesis.dev/v1alpha1","kind":"FederatedTraining",)"
      R"("metadata":{"name":"x"},"spec":{"seed":0,)"));
}

TEST_CASE("spec: YAML is printed in the order of the CRD, strings quoted where they must be",
          "[spec]") {
  const auto parsed = parse(
      a_training(
          "{table: {columns: [{categories: ['no', '1', a b, ok], kind: category, name: c}, "
          "{minimum: 0, maximum: 1.5, name: d, kind: decimal}]}, participants: [{data: {path: "
          "../x.csv}, name: a}]}"),
      "x.yaml");
  REQUIRE(parsed);
  const std::string text = print_yaml(*parsed);
  CHECK_THAT(text, ContainsSubstring(R"(  table:
    discreteColumns: []
    lenient: false
    columns:
      - name: c
        kind: category
        categories: ["no", "1", "a b", ok]
      - name: d
        kind: decimal
        minimum: 0.0
        maximum: 1.5
  rounds:
)"));
  CHECK_THAT(text, ContainsSubstring(R"(  participants:
    - name: a
      data:
        path: ../x.csv
      external: false
  aggregator:
)"));
}

TEST_CASE("spec: enumerators go by the names of the CRD", "[spec]") {
  CHECK(to_string(LrSchedule::kCosine) == "cosine");
  CHECK(to_string(Strategy::kFedprox) == "fedprox");
  CHECK(to_string(Compression::kGzip) == "gzip");
  CHECK(to_string(Quantization::kInt8) == "int8");
}

}  // namespace genesis::spec
