// What a whole document may say, field by field and rule by rule.
#include "common/spec/parse.hpp"

#include <string>

#include "common/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"
#include "tests/unit/spec/documents.hpp"

namespace genesis::spec {

TEST_CASE("spec: each field takes the values at its bounds and none beyond", "[spec]") {
  const auto [path, good, bad] = GENERATE(table<std::string, std::string, std::string>({
      {"seed", "0", "-1"},
      {"seed", "9223372036854775807", "9223372036854775808"},
      {"model.method", "ctgan", "tvae"},
      {"model.embeddingDim", "1", "0"},
      {"model.embeddingDim", "4096", "4097"},
      {"model.generatorDims", "[1]", "[]"},
      {"model.generatorDims", "[8192]", "[8193]"},
      {"model.generatorDims", "[1, 2, 3, 4, 5, 6, 7, 8]", "[1, 2, 3, 4, 5, 6, 7, 8, 9]"},
      {"model.generatorDims", "[256, 1]", "[256, 0]"},
      {"model.discriminatorDims", "[1]", "[]"},
      {"model.discriminatorDims", "[8192]", "[8193]"},
      {"model.discriminatorDims", "[1, 2, 3, 4, 5, 6, 7, 8]", "[1, 2, 3, 4, 5, 6, 7, 8, 9]"},
      {"model.pac", "1", "0"},
      {"model.pac", "100", "101"},
      {"table.columns",
       "[{name: a, kind: category, other: z}]",
       "[{name: a, kind: integer, other: z}]"},
      {"table.columns",
       "[{name: a, kind: datetime, format: '%Y', earliest: '1990', latest: '2020'}]",
       "[{name: a, kind: datetime, earliest: '1990'}]"},
      {"table.columns", "[{name: a, nullable: false}]", "[{name: a, nullable: no-one}]"},
      {"table.discreteColumns", "[a, b]", "[a, a]"},
      {"table.discreteColumns", "[a]", "['']"},
      {"table.columns", "[{name: a}]", "[{kind: integer}]"},
      {"table.columns", "[{name: a}, {name: b}]", "[{name: a}, {name: a}]"},
      {"table.columns", "[{name: a, kind: boolean}]", "[{name: a, kind: text}]"},
      {"table.columns", "[{name: a, kind: identifier}]", "[{name: ''}]"},
      {"table.columns",
       "[{name: a, kind: decimal, precision: 0}]",
       "[{name: a, kind: decimal, precision: -1}]"},
      {"table.columns",
       "[{name: a, kind: decimal, precision: 15}]",
       "[{name: a, kind: decimal, precision: 16}]"},
      {"table.columns",
       "[{name: a, kind: datetime, format: '%Y'}]",
       "[{name: a, kind: datetime, format: ''}]"},
      {"table.columns",
       "[{name: a, kind: category, categories: [x]}]",
       "[{name: a, kind: category, categories: []}]"},
      {"table.columns",
       "[{name: a, kind: category, categories: [x, z]}]",
       "[{name: a, kind: category, categories: [x, x]}]"},
      {"table.csv", "{delimiter: tab}", "{delimiter: two}"},
      {"table.csv", "{delimiter: ' '}", "{delimiter: a}"},
      {"table.csv", "{delimiter: ';'}", "{delimiter: ''}"},
      {"table.csv", "{decimal: ','}", "{decimal: ';'}"},
      {"table.csv", "{thousands: none}", "{thousands: '_'}"},
      {"table.csv", "{quote: none}", "{quote: 'no'}"},
      {"table.csv", "{encoding: iso-8859-1}", "{encoding: ebcdic}"},
      {"table.csv", "{skipRows: 1000}", "{skipRows: 1001}"},
      {"table.csv", "{comment: '#'}", "{comment: x}"},
      {"table.missingValues", "[unknown, '-999']", "[unknown, unknown]"},
      {"table.ignoreColumns", "[a, b]", "[a, a]"},
      {"table.columns",
       "[{name: a, kind: identifier, pattern: 'P-###'}]",
       "[{name: a, kind: identifier, pattern: 'P-#-#'}]"},
      {"table.columns",
       "[{name: a, aliases: [{value: x, from: [z]}]}]",
       "[{name: a, aliases: [{value: x, from: []}]}]"},
      {"rounds.count", "1", "0"},
      {"rounds.count", "100000", "100001"},
      {"rounds.minClients", "1", "0"},
      {"rounds.maxClients", "1", "0"},
      {"rounds.maxClients", "10000", "10001"},
      {"rounds.clientFraction", "0.0001", "0"},
      {"rounds.clientFraction", "1", "1.0001"},
      {"rounds.overSelection", "0", "-0.1"},
      {"rounds.retries", "0", "-1"},
      {"rounds.retries", "1000", "1001"},
      {"rounds.maxFailures", "1", "0"},
      {"rounds.maxFailures", "1000", "1001"},
      {"rounds.deadlineSeconds", "1", "0"},
      {"rounds.deadlineSeconds", "86400", "86401"},
      {"rounds.startDeadlineSeconds", "1", "0"},
      {"rounds.startDeadlineSeconds", "604800", "604801"},
      {"local.epochs", "1", "0"},
      {"local.epochs", "10000", "10001"},
      {"local.batchSize", "10", "0"},
      {"local.batchSize", "100000", "100010"},
      {"local.learningRate", "1e-9", "0"},
      {"local.learningRate", "1", "1.1"},
      {"local.lrSchedule", "cosine", "linear"},
      {"aggregation.strategy", "fedavg", "mean"},
      {"aggregation.strategy", "median", "Median"},
      {"privacy.maxGradNorm", "0.1", "0"},
      {"privacy.maxGradNorm", "1000000", "1000001"},
      {"privacy.maxGradNorm", "1", ".inf"},
      {"communication.compression", "zstd", "brotli"},
      {"communication.quantization", "fp16", "int4"},
      {"communication.timeoutSeconds", "1", "0"},
      {"communication.timeoutSeconds", "86400", "86401"},
      {"communication.retryAttempts", "0", "-1"},
      {"communication.retryAttempts", "100", "101"},
      {"participants", "[{name: a, external: true}]", "[{external: true}]"},
      {"participants", "[{name: a-1, external: true}]", "[{name: a_1, external: true}]"},
      {"participants", "[{name: 1a, external: true}]", "[{name: A, external: true}]"},
      {"participants", "[{name: a, data: {path: x}}]", "[{name: a-, data: {path: x}}]"},
      {"participants", "[{name: a, data: {path: x}}]", "[{name: a, data: {path: ''}}]"},
      {"participants", "[{name: a, data: {path: x}}]", "[{name: a, data: {}}]"},
      {"output.rows", "0", "-1"},
      {"output.rows", "1000000000", "1000000001"},
      {"metadata.name", "a.b-c", "a..b"},
      {"metadata.name", "x1", "X1"},
  }));
  CAPTURE(path, good, bad);
  CHECK(complaint(a_training(), {{path, good}}) == "");
  const std::string root = path.starts_with("metadata") ? "" : "spec.";
  CHECK_THAT(complaint(a_training(), {{path, bad}}), ContainsSubstring(root + path));
}

TEST_CASE("spec: without minClients all named participants are needed, and there is room for them",
          "[spec]") {
  const auto numbers = [](const std::string& text) {
    const auto training = parse(a_training(text), "x.yaml").value();
    return std::pair(min_clients_of(training), max_clients_of(training));
  };
  std::string many = "[";
  for (int i = 0; i < 150; ++i) {
    many += "{name: s" + std::to_string(i) + ", external: true},";
  }
  many.back() = ']';
  CHECK(numbers("{participants: []}") == std::pair<std::int64_t, std::int64_t>(1, 100));
  CHECK(numbers("{participants: [{name: a, external: true}, {name: b, external: true}]}") ==
        std::pair<std::int64_t, std::int64_t>(2, 100));
  CHECK(numbers("{participants: " + many + "}") == std::pair<std::int64_t, std::int64_t>(150, 150));
  CHECK(numbers("{rounds: {minClients: 3}, participants: " + many + "}") ==
        std::pair<std::int64_t, std::int64_t>(3, 150));
  CHECK(numbers("{rounds: {minClients: 200}, participants: []}") ==
        std::pair<std::int64_t, std::int64_t>(200, 200));
}

TEST_CASE("spec: names are as long as DNS allows", "[spec]") {
  const auto participant = [](std::size_t length) {
    return a_training("{participants: [{name: " + std::string(length, 'a') + ", external: true}]}");
  };
  CHECK(complaint(participant(63)) == "");
  CHECK_THAT(complaint(participant(64)), ContainsSubstring("64 characters; at most 63"));
  CHECK(complaint(a_training(), {{"metadata.name", std::string(253, 'a')}}) == "");
  CHECK_THAT(complaint(a_training(), {{"metadata.name", std::string(254, 'a')}}),
             ContainsSubstring("metadata.name: has 254 characters"));
}

TEST_CASE("spec: the rules refuse what can't work together, and say what to do", "[spec]") {
  const auto [spec, expected] = GENERATE(table<std::string, std::string>({
      {"{rounds: {minClients: 3, maxClients: 3}}", ""},
      {"{rounds: {minClients: 4, maxClients: 3}}",
       "spec.rounds.minClients: 4 exceeds maxClients, 3; lower it or raise maxClients"},
      {"{rounds: {minClients: 400}}", ""},
      {"{rounds: {maxClients: 2}, participants: [{name: a, external: true}, {name: b, external: "
       "true}]}",
       ""},
      {"{rounds: {maxClients: 1}, participants: [{name: a, external: true}, {name: b, external: "
       "true}]}",
       "spec.rounds.minClients: 2, the number of participants, exceeds maxClients, 1; set it or "
       "raise maxClients"},
      {"{rounds: {clientFraction: 0.5, overSelection: 1}}", ""},
      {"{rounds: {overSelection: 0.1}}",
       "spec.rounds.overSelection: requires clientFraction below 1, since otherwise all clients "
       "are "
       "selected anyway; lower clientFraction or remove overSelection"},
      {"{rounds: {stopCondition: {patience: 3}}, model: {method: autoregressive}}", ""},
      {"{rounds: {stopCondition: {patience: 3}}}",
       "spec.rounds.stopCondition: needs a likelihood of rows, which method ctgan does not have; "
       "use "
       "autoregressive or remove stopCondition"},
      {"{rounds: {stopCondition: {patience: 3}}, model: {method: autoregressive}, participants: "
       "[{name: a, external: true}, {name: b, external: true}, {name: c, external: true}], "
       "privacy: "
       "{secureAggregation: {}}}",
       "spec.rounds.stopCondition: needs a loss of each site, which privacy.secureAggregation "
       "keeps "
       "at the sites; remove one of the two"},
      {"{rounds: {minClients: 5}, participants: []}", ""},
      {"{rounds: {minClients: 1}, participants: [{name: a, external: true}]}", ""},
      {"{rounds: {minClients: 5}, participants: [{name: a, external: true}, {name: b, external: "
       "true}, {name: c, external: true}]}",
       "spec.rounds.minClients: 5 exceeds the 3 participants; lower it or add participants"},
      {"{rounds: {minClients: 2}, participants: [{name: a, external: true}]}",
       "spec.rounds.minClients: 2 exceeds the 1 participant; lower it or add participants"},
      {"{local: {batchSize: 510}}", ""},
      {"{local: {batchSize: 7}, model: {pac: 7}}", ""},
      {"{local: {batchSize: 501}}",
       "spec.local.batchSize: 501 is not a multiple of model.pac, 10; use 510 or change model.pac"},
      {"{local: {batchSize: 501}, model: {method: mixture}}", ""},
      {"{model: {method: mixture, target: z, components: 4096, bins: 2, shares: {fine: 0.1}}}", ""},
      {"{model: {method: mixture, pac: 10}}",
       "spec.model.pac: belongs to method ctgan; remove it or set model.method to ctgan"},
      {"{model: {target: z}}",
       "spec.model.target: belongs to methods mixture and autoregressive; remove it or set "
       "model.method to one of them"},
      {"{local: {batchSize: 501}, model: {method: autoregressive, target: z, embeddingDim: 16, "
       "hidden: 64, bins: 256, ordered: 0.5}}",
       ""},
      {"{model: {method: autoregressive, pac: 1}}",
       "spec.model.pac: belongs to method ctgan; remove it or set model.method to ctgan"},
      {"{model: {hidden: 64}}",
       "spec.model.hidden: belongs to method autoregressive; remove it or set model.method to "
       "autoregressive"},
      {"{model: {method: mixture, ordered: 0.5}}",
       "spec.model.ordered: belongs to method autoregressive; remove it or set model.method to "
       "autoregressive"},
      {"{model: {method: mixture, embeddingDim: 12}}",
       "spec.model.embeddingDim: belongs to methods ctgan and autoregressive; remove it or set "
       "model.method to one of them"},
      {"{model: {method: mixture, bins: 65}}",
       "spec.model.bins: must be at most 64 with method mixture, whose tables grow with the square "
       "of it; lower it"},
      {"{model: {method: autoregressive}, privacy: {differentialPrivacy: {epsilon: 3}}, "
       "participants: [{name: a, external: true, maxRows: 100}]}",
       ""},
      {"{model: {method: autoregressive}, privacy: {differentialPrivacy: {epsilon: 3}}, "
       "participants: [{name: a, external: true, maxRows: 100}, {name: b, external: true}]}",
       "spec.participants: each needs maxRows with differentialPrivacy and method autoregressive, "
       "about as many rows as the site has, a number that everybody may know"},
      {"{model: {method: autoregressive}, privacy: {unitColumn: who, maxRowsPerUnit: 2, "
       "differentialPrivacy: {epsilon: 3}}}",
       "spec.privacy.unitColumn: is not implemented for method autoregressive, whose unit is one "
       "row; remove it or use method mixture"},
      {"{model: {method: autoregressive}, rounds: {minClients: 3}, privacy: {secureAggregation: "
       "{}, "
       "differentialPrivacy: {epsilon: 3}}}",
       "spec.privacy.secureAggregation: is not implemented for method autoregressive with "
       "differentialPrivacy, where each site's own noise protects its updates; remove it or use "
       "method mixture"},
      {"{model: {pac: 7}}",
       "spec.local.batchSize: 500 is not a multiple of model.pac, 7; use 504 or change model.pac"},
      {"{aggregation: {strategy: fedprox, proximalMu: 0.1}}", ""},
      {"{aggregation: {strategy: median, proximalMu: 0}}", ""},
      {"{aggregation: {strategy: median, proximalMu: 0.1}}",
       "spec.aggregation.proximalMu: 0.1 requires strategy fedprox, not median; remove it or set "
       "strategy to fedprox"},
      {"{aggregation: {strategy: fedprox}}",
       "spec.aggregation.proximalMu: must be above 0 with strategy fedprox; set it, such as 0.1, "
       "or "
       "use strategy weighted"},
      {"{privacy: {maxGradNorm: 1, clipPerLayer: true}}", ""},
      {"{privacy: {clipPerLayer: true}}",
       "spec.privacy.clipPerLayer: needs maxGradNorm; set privacy.maxGradNorm, such as 1.0, or "
       "remove clipPerLayer"},
      {"{rounds: {minClients: 3}, privacy: {secureAggregation: {encryption: masking}}}", ""},
      {"{rounds: {minClients: 3}, privacy: {secureAggregation: {}}, aggregation: {strategy: "
       "median}}",
       "spec.aggregation.strategy: median needs the single updates, which "
       "privacy.secureAggregation hides; use fedavg, weighted or fedprox"},
      {"{rounds: {minClients: 3, clientFraction: 0.5}, privacy: {secureAggregation: {}}}",
       "spec.rounds.clientFraction: must be 1 with privacy.secureAggregation; sums over different "
       "clients can be compared, which tells single updates"},
      {"{rounds: {minClients: 3}, privacy: {secureAggregation: {}}, "
       "communication: {quantization: int8}}",
       "spec.communication.quantization: must be none with privacy.secureAggregation, which has a "
       "scale of its own (clip and valueBits) and none for each tensor"},
      {"{rounds: {minClients: 2}, privacy: {secureAggregation: {}}}",
       "spec.rounds.minClients: 2 is below privacy.secureAggregation.minSurvivors, 3; raise it"},
      {"{rounds: {minClients: 3}, privacy: {secureAggregation: {maxColluding: 3}}}",
       "spec.privacy.secureAggregation.maxColluding: must be below minSurvivors; lower it, or "
       "raise "
       "minSurvivors"},
      {"{rounds: {minClients: 3}, privacy: {secureAggregation: {keyBits: 3072}}}",
       "spec.privacy.secureAggregation.keyBits: needs encryption paillier; set it or remove "
       "keyBits"},
      {"{privacy: {secureAggregation: {minSurvivors: 2}}}",
       "spec.privacy.secureAggregation.minSurvivors: 2 is too small; the minimum is 3\n"
       "spec.rounds.minClients: 0, the number of participants, is below "
       "privacy.secureAggregation.minSurvivors, 2; set it"},
      {"{privacy: {differentialPrivacy: {epsilon: 3, delta: 1e-6}}}",
       "spec.model.pac: must be 1 with differentialPrivacy, where each row is judged by itself; "
       "set "
       "model.pac to 1"},
      {"{model: {pac: 1}, privacy: {differentialPrivacy: {epsilon: 3}}, participants: [{name: a, "
       "external: true}]}",
       "spec.participants: each needs maxRows with differentialPrivacy and method ctgan, about as "
       "many rows as the site has, a number that everybody may know"},
      {"{model: {pac: 1}, privacy: {differentialPrivacy: {epsilon: 3}}, participants: [{name: a, "
       "external: true, maxRows: 50}]}",
       ""},
      {"{privacy: {unitColumn: patient}}",
       "spec.privacy.unitColumn: needs differentialPrivacy; set privacy.differentialPrivacy or "
       "remove unitColumn\nspec.privacy.unitColumn: needs maxRowsPerUnit; set "
       "privacy.maxRowsPerUnit, the number of rows of one unit that are used"},
      {"{privacy: {maxRowsPerUnit: 3}}",
       "spec.privacy.maxRowsPerUnit: needs unitColumn; set privacy.unitColumn or remove "
       "maxRowsPerUnit"},
      {"{participants: [{name: a}]}",
       "spec.participants[0]: 'a' has no data; set data.path, or external: true if it joins from "
       "elsewhere"},
      {"{participants: [{name: a, data: {path: x}, external: true}]}",
       "spec.participants[0]: 'a' has both data.path and external: true; remove one"},
      {"{participants: [{name: a, external: true}, {name: a, external: true}]}",
       "spec.participants[1].name: \"a\" occurs twice; remove one or rename it"},
      {"{table: {discreteColumns: [a, b], columns: [{name: a, kind: category}, {name: b}]}}", ""},
      {"{table: {discreteColumns: [a], columns: [{name: c, kind: integer}]}}", ""},
      {"{table: {discreteColumns: [a, b], columns: [{name: b, kind: integer}]}}",
       "spec.table.discreteColumns: lists 'b', which table.columns declares continuous; remove it "
       "here or change its kind there"},
      {"{table: {discreteColumns: [a], columns: [{name: a, kind: decimal}]}}",
       "spec.table.discreteColumns: lists 'a', which table.columns declares continuous; remove it "
       "here or change its kind there"},
      {"{table: {discreteColumns: [a], columns: [{name: a, kind: datetime}]}}",
       "spec.table.discreteColumns: lists 'a', which table.columns declares continuous; remove it "
       "here or change its kind there"},
      {"{table: {columns: [{name: a, kind: integer, minimum: 2, maximum: 2}]}}", ""},
      {"{table: {columns: [{name: a, kind: decimal, minimum: 3.5, maximum: 2}]}}",
       "spec.table.columns[0].minimum: 3.5 exceeds maximum, 2; lower it or raise maximum"},
      {"{table: {columns: [{name: a, kind: datetime, minimum: 1}]}}",
       "spec.table.columns[0].minimum: needs kind integer or decimal; set kind or remove minimum"},
      {"{table: {columns: [{name: a, maximum: 1}]}}",
       "spec.table.columns[0].maximum: needs kind integer or decimal; set kind or remove maximum"},
      {"{table: {columns: [{name: a, kind: integer, precision: 1}]}}",
       "spec.table.columns[0].precision: needs kind decimal; set kind or remove precision"},
      {"{table: {columns: [{name: a, kind: integer, format: '%Y'}]}}",
       "spec.table.columns[0].format: needs kind datetime; set kind or remove format"},
      {"{table: {columns: [{name: a, kind: boolean, categories: [x]}]}}",
       "spec.table.columns[0].categories: needs kind category; set kind or remove categories"},
      {"{table: {columns: [{name: a, kind: category, other: x}]}}", ""},
      {"{table: {columns: [{name: a, other: x}]}}",
       "spec.table.columns[0].other: needs kind category; set kind or remove other"},
      {"{table: {columns: [{name: a, kind: category, other: x, categories: [z]}]}}",
       "spec.table.columns: has an other that has no use where categories lists all values, as "
       "method ctgan wants; remove one of the two"},
      {"{table: {columns: [{name: a, kind: integer, pattern: '#'}]}}",
       "spec.table.columns[0].pattern: needs kind identifier; set kind or remove pattern"},
      {"{table: {columns: [{name: a, kind: category, censored: true}]}}",
       "spec.table.columns[0].censored: needs kind integer or decimal; set kind or remove "
       "censored"},
      {"{table: {columns: [{name: a, kind: integer, aliases: [{value: x, from: [z]}]}]}}",
       "spec.table.columns[0].aliases: needs kind category or boolean; set kind or remove aliases"},
  }));
  CHECK(complaint(a_training(spec)) == expected);
}

TEST_CASE("spec: an epsilon or a delta that promises nothing is refused", "[spec]") {
  const auto privacy = [](const std::string& fields) {
    return complaint(a_training("{privacy: {differentialPrivacy: {" + fields + "}}}"));
  };
  for (const char* epsilon : {"0", "-1", ".nan", ".inf", "-.inf", "2e9", "one"}) {
    CAPTURE(epsilon);
    CHECK_THAT(privacy(std::string("epsilon: ") + epsilon),
               ContainsSubstring("spec.privacy.differentialPrivacy.epsilon"));
  }
  for (const char* delta : {"0", "-1e-5", "1e-11", "1", ".nan", "small"}) {
    CAPTURE(delta);
    CHECK_THAT(privacy(std::string("epsilon: 1, delta: ") + delta),
               ContainsSubstring("spec.privacy.differentialPrivacy.delta"));
  }
  CHECK_THAT(privacy("delta: 1e-5"), ContainsSubstring("epsilon"));
  CHECK_THAT(privacy("epsilon: 1e9"), !ContainsSubstring("epsilon:"));
}

TEST_CASE("spec: all mistakes come at once, a line each, in the order of their paths", "[spec]") {
  CHECK(complaint(a_training("{rounds: {minClient: 2, count: ten, minClients: 5, maxClients: 4}, "
                             "local: {epochs: 0}, participants: [{name: a}]}")) ==
        "spec.local.epochs: 0 is too small; the minimum is 1\n"
        "spec.participants[0]: 'a' has no data; set data.path, or external: true if it joins from "
        "elsewhere\n"
        "spec.rounds.count: expected integer, got string \"ten\"\n"
        "spec.rounds.minClient: unknown field; did you mean minClients?\n"
        "spec.rounds.minClients: 5 exceeds the 1 participant; lower it or add participants\n"
        "spec.rounds.minClients: 5 exceeds maxClients, 4; lower it or raise maxClients");
}

TEST_CASE("spec: a document of another kind is said to be that, and nothing more", "[spec]") {
  CHECK(complaint("apiVersion: batch/v1\nkind: Job\nspec: {template: {}}\n") ==
        "apiVersion: expected federated.genesis.dev/v1alpha1, got \"batch/v1\"\n"
        "kind: expected FederatedTraining, got \"Job\"");
  CHECK(complaint("kind: 3\n") == "kind: expected string, got integer 3; put it in quotes");
  CHECK(complaint("") == "x.yaml: expected a FederatedTraining, got nothing");
  CHECK(complaint("[a]") == "x.yaml: expected a FederatedTraining, got list");
  CHECK(complaint("hello") == "x.yaml: expected a FederatedTraining, got string \"hello\"");
}

TEST_CASE("spec: what every document needs is asked for", "[spec]") {
  CHECK(complaint("{}") ==
        "apiVersion: required field is missing; add it\nkind: required field is missing; add it\n"
        "metadata: required field is missing; add it\nspec: required field is missing; add it");
  CHECK_THAT(complaint(a_training(), {{"metadata.name", "''"}}),
             ContainsSubstring("metadata.name"));
  std::string nameless = a_training();
  nameless.replace(nameless.find("name: x"), 7, "nmae: x");
  CHECK(complaint(nameless) ==
        "metadata.name: required field is missing; add it\n"
        "metadata.nmae: unknown field; did you mean name?");
}

TEST_CASE("spec: a document as a cluster gives it back is taken", "[spec]") {
  const auto parsed = parse(
      "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\n"
      "metadata: {name: x, namespace: default, uid: 1-2, generation: 3, labels: {a: b},\n"
      "  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}}\n"
      "spec: {seed: 3}\nstatus: {phase: Running, anything: 1}\n",
      "x.yaml");
  REQUIRE(parsed);
  CHECK(parsed->seed == 3);
}

TEST_CASE("spec: an error of the syntax names file, line and column", "[spec]") {
  const auto parsed = parse("kind: [\n", "dir/training.yaml");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Errc::kInvalidArgument);
  CHECK_THAT(parsed.error().message, ContainsSubstring("dir/training.yaml:2:1: "));
}

TEST_CASE("spec: the samples are valid and say where their rows are", "[spec]") {
  const std::string name =
      GENERATE(as<std::string>{}, "adult", "adult-autoregressive", "adult-long");
  const auto text = read_file(source_file("manifests/samples/" + name + ".yaml"), 65536);
  REQUIRE(text);
  CHECK(text->starts_with("# "));
  const auto parsed = parse(*text, name);
  CAPTURE(parsed ? "" : parsed.error().message);
  REQUIRE(parsed);
  CHECK(parsed->name == name);
  CHECK(parsed->table.discrete_columns.size() == 9);
  REQUIRE(parsed->participants.size() == 4);
  CHECK(parsed->participants[3].name == "site-4");
  CHECK(parsed->participants[3].data_path == "../../data/adult/site-4.csv.gz");
}

}  // namespace genesis::spec
