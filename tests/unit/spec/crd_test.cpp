// The CRD itself: what an API server would refuse, and that it and the C++ type say the same.
#include "common/spec/crd.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "common/base/file.hpp"
#include "common/spec/fields.hpp"
#include "common/spec/validate.hpp"
#include "common/spec/yaml.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"
#include "tests/unit/spec/documents.hpp"

namespace genesis::spec {
namespace {

const Json& whole_schema() {
  static const Json kSchema = read_yaml(crd_text(), "crd")
                                  .value()
                                  .at("spec")
                                  .at("versions")
                                  .at(0)
                                  .at("schema")
                                  .at("openAPIV3Schema");
  return kSchema;
}

using Visit = std::function<void(const std::string& path, const Json& schema)>;

void walk(const std::string& path, const Json& schema, const Visit& visit) {
  visit(path, schema);
  if (schema.contains("properties")) {
    for (const auto& [name, property] : schema.at("properties").items()) {
      walk(path + "." + name, property, visit);
    }
  }
  if (schema.contains("items")) {
    walk(path + "[]", schema.at("items"), visit);
  }
}

// Every field once, none with its default; of the model those of one method, see kMixture.
constexpr const char* kFull = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: full}
spec:
  seed: 7
  suspend: true
  activeDeadlineSeconds: 3600
  ttlSecondsAfterFinished: 60
  managedBy: federated.genesis.dev/genesis-operator
  retry: 1
  backoffLimit: 2
  model: {method: ctgan, embeddingDim: 64, generatorDims: [32], discriminatorDims: [16, 8], pac: 5}
  table:
    discreteColumns: [sex]
    csv: {delimiter: ";", decimal: ",", thousands: ".", quote: "'", encoding: windows-1252, skipRows: 2, comment: "%"}
    missingValues: [unknown]
    ignoreColumns: [row]
    lenient: true
    columns:
      - {name: age, kind: integer, minimum: 0.0, maximum: 120.0}
      - {name: price, kind: decimal, precision: 2}
      - {name: day, kind: datetime, format: "%Y-%m-%d", earliest: "2000-01-01", latest: "2020-12-31"}
      - {name: sex, kind: category, categories: [f, m], nullable: false, aliases: [{value: f, from: [F, w]}],
         missingValues: [u]}
      - {name: crp, kind: decimal, censored: true}
      - {name: case, kind: identifier, pattern: "C-####"}
      - {name: ward, kind: category, other: another}
  rounds: {count: 3, minClients: 2, maxClients: 9, clientFraction: 0.5, overSelection: 0.25, deadlineSeconds: 30, startDeadlineSeconds: 60,
    retries: 1, maxFailures: 2}
  local: {epochs: 2, batchSize: 50, learningRate: 0.001, lrSchedule: cosine}
  aggregation: {strategy: trimmed-mean, proximalMu: 0.0, trimmedShare: 0.3, maxShare: 0.75, maxUpdateNorm: 12.5}
  privacy: {maxGradNorm: 1.5, clipPerLayer: true}
  communication: {compression: gzip, quantization: int8, retryAttempts: 1, timeoutSeconds: 20}
  participants:
    - name: a
      data: {path: /data/a.csv, volume: {persistentVolumeClaim: {claimName: a}}}
      csv: {delimiter: tab, decimal: ".", thousands: none, quote: none, encoding: utf-16, skipRows: 1, comment: "!"}
      external: false
      policyRef: {name: policy-of-a}
      maxRows: 1000
      publicKeySha256: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
      ledger: {claimName: a-ledger, dataSet: patients}
      storage: {size: 100Mi, storageClassName: fast}
      image: a/worker:1
      resources: {requests: {cpu: 500m, memory: 512Mi}, limits: {cpu: 1, memory: 1Gi}}
      nodeSelector: {zone: a}
      tolerations: [{key: k, operator: Equal, value: v, effect: NoExecute, tolerationSeconds: 5}]
      affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
      priorityClassName: low
      imagePullSecrets: [{name: registry}]
      runtimeClassName: kata
      schedulerName: own
    - {name: b, external: true}
  aggregator:
    storage: {size: 2Gi, storageClassName: fast}
    service: {type: NodePort, address: "fed.example.org:443"}
    image: a/aggregator:1
    resources: {requests: {cpu: 500m}, limits: {memory: 1Gi}}
    nodeSelector: {zone: a}
    tolerations: [{key: k, operator: Equal, value: v, effect: NoExecute, tolerationSeconds: 5}]
    affinity: {podAffinity: {}}
    priorityClassName: low
    imagePullSecrets: [{name: registry}]
    runtimeClassName: kata
    schedulerName: own
  security: {authTokenSecretRef: {name: t, key: token}, tls: {secretName: ca},
    deny: [site-9]}
  output:
    rows: 5
    retainPolicy: Delete
    existingClaim: replace
    image: a/worker:1
    resources: {requests: {cpu: 500m}, limits: {memory: 1Gi}}
    nodeSelector: {zone: a}
    tolerations: [{key: k, operator: Equal, value: v, effect: NoExecute, tolerationSeconds: 5}]
    affinity: {podAffinity: {}}
    priorityClassName: low
    imagePullSecrets: [{name: registry}]
    runtimeClassName: kata
    schedulerName: own
)";

// What does not go with a field of the full document.
constexpr const char* kSecure = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: secure}
spec:
  rounds: {minClients: 5}
  privacy: {secureAggregation: {encryption: paillier, minSurvivors: 5, maxColluding: 2, keyBits: 2048, clip: 8.0, valueBits: 24}}
)";

// The fields of differential privacy, which no method of kFull has.
constexpr const char* kPrivate = R"(
spec:
  privacy:
    differentialPrivacy: {epsilon: 3.0, delta: 0.000001, maxGradNorm: 2.0}
    unitColumn: patient
    maxRowsPerUnit: 4
)";

constexpr std::string_view kCtganModel =
    "{method: ctgan, embeddingDim: 64, generatorDims: [32], discriminatorDims: [16, 8], pac: 5}";
constexpr std::string_view kMixtureModel =
    "{method: mixture, target: sex, components: 50, bins: 8, shares: {fine: 0.1, zoom: 0.05}}";

constexpr std::string_view kAutoregressiveModel =
    "{method: autoregressive, target: sex, bins: 20, embeddingDim: 8, hidden: 32, ordered: 0.5}";

// The same with the fields of another method.
std::string document_with(std::string_view model) {
  std::string text = kFull;
  return text.replace(text.find(kCtganModel), kCtganModel.size(), model);
}

// The same for method autoregressive, which alone takes a stop condition.
std::string autoregressive_document() {
  std::string text = document_with(kAutoregressiveModel);
  constexpr std::string_view kLast = "maxFailures: 2";
  return text.replace(text.find(kLast),
                      kLast.size(),
                      "maxFailures: 2, stopCondition: {patience: 4, minImprovement: 0.01, "
                      "holdoutShare: 0.25}");
}

// The paths of the fields that a document gives, as walk() names them.
void paths_of(const std::string& path, const Json& value, std::set<std::string>& paths) {
  paths.insert(path);
  if (value.is_object()) {
    for (const auto& [name, field] : value.items()) {
      paths_of(path + "." + name, field, paths);
    }
  } else if (value.is_array()) {
    for (const auto& entry : value) {
      paths_of(path + "[]", entry, paths);
    }
  }
}

}  // namespace

TEST_CASE("spec: the compiled-in text is the CRD's file", "[spec]") {
  const auto file = read_file(source_file("crds/federatedtrainings.yaml"), 1U << 20U);
  REQUIRE(file);
  CHECK(crd_text() == *file);
}

TEST_CASE("spec: the CRD is named as clients of the API expect", "[spec]") {
  const Json crd = read_yaml(crd_text(), "crd").value();
  CHECK(crd.at("apiVersion") == "apiextensions.k8s.io/v1");
  CHECK(crd.at("kind") == "CustomResourceDefinition");
  const Json& spec = crd.at("spec");
  CHECK(crd.at("metadata").at("name") == spec.at("names").at("plural").get<std::string>() + "." +
                                             spec.at("group").get<std::string>());
  CHECK(spec.at("scope") == "Namespaced");
  CHECK(spec.at("names").at("shortNames") == Json({"ft"}));
  CHECK(spec.at("names").at("categories") == Json({"genesis"}));
  const Json& version = spec.at("versions").at(0);
  CHECK(version.at("subresources") == Json::parse(R"({"status": {}})"));
  std::string columns;
  for (const auto& column : version.at("additionalPrinterColumns")) {
    columns += column.at("name").get<std::string>() + " ";
  }
  CHECK(columns == "Phase Round Clients Reason Remaining Model Message Age ");
  CHECK(api_version() == "federated.genesis.dev/v1alpha1");
}

TEST_CASE("spec: each field of the CRD has a type, a description and what its type needs",
          "[spec]") {
  walk("", whole_schema(), [](const std::string& path, const Json& schema) {
    CAPTURE(path);
    REQUIRE(schema.contains("type"));
    // What only Kubernetes can check, and does when the pod is made.
    CHECK(schema.contains("x-kubernetes-preserve-unknown-fields") ==
          (path.ends_with(".volume") || path.ends_with(".affinity")));
    if (!path.ends_with("[]") && path != ".metadata") {
      CHECK(schema.value("description", "").ends_with("."));
    }
    const auto type = schema.at("type").get<std::string>();
    if (type == "array") {
      CHECK(schema.contains("maxItems"));
      CHECK(schema.contains("items"));
    }
    const bool bounded = schema.contains("maxLength") || schema.contains("enum") ||
                         schema.value("format", "") == "date-time";
    if (type == "string" && path != ".apiVersion" && path != ".kind") {
      CHECK(bounded);
    }
  });
}

TEST_CASE("spec: the whole CRD, status too, is within what is implemented", "[spec]") {
  const auto schema = make_schema(whole_schema());
  CAPTURE(schema ? "" : schema.error().message);
  CHECK(schema);
}

TEST_CASE("spec: each default of the CRD is valid by itself", "[spec]") {
  // An API server tries a default without filling in what is below it.
  int defaults = 0;
  walk("", whole_schema(), [&](const std::string& path, const Json& json) {
    if (!json.contains("default")) {
      return;
    }
    CAPTURE(path);
    const auto schema = make_schema(json);
    REQUIRE(schema);
    Json value = json.at("default");
    Findings findings;
    validate(*schema, value, path, findings);
    CHECK(to_text(findings) == "");
    ++defaults;
  });
  CHECK(defaults > 20);
}

TEST_CASE("spec: each rule points at a field that exists, and all can be evaluated", "[spec]") {
  const Json full = read_yaml(kFull, "full").value();
  const auto check_rules = [](const Schema& schema, const Json& value) {
    for (const auto& rule : schema.rules) {
      CAPTURE(rule.text);
      const auto holds = cel::evaluate(rule.condition, value);
      REQUIRE(holds);
      CHECK(*holds == Json(true));
      const Schema* target = &schema;
      for (std::size_t at = 0; at < rule.field_path.size();) {
        REQUIRE(rule.field_path[at] == '.');
        const std::size_t end = std::min(rule.field_path.find('.', at + 1), rule.field_path.size());
        target = target->property(rule.field_path.substr(at + 1, end - at - 1));
        REQUIRE(target != nullptr);
        at = end;
      }
    }
  };
  const Schema& spec = *document_schema().property("spec");
  REQUIRE(spec.rules.size() == 38);
  check_rules(spec, full.at("spec"));
  const Schema& columns = *spec.property("table")->property("columns")->items;
  REQUIRE(columns.rules.size() == 12);
  for (const auto& column : full.at("spec").at("table").at("columns")) {
    check_rules(columns, column);
  }
  const Schema& participants = *spec.property("participants")->items;
  REQUIRE(participants.rules.size() == 4);
  for (const auto& participant : full.at("spec").at("participants")) {
    check_rules(participants, participant);
  }
}

TEST_CASE("spec: each field of the CRD is read by the C++ type and written back", "[spec]") {
  Json full = read_yaml(kFull, "full").value();
  std::set<std::string> given;
  paths_of("", full, given);
  const Json secure = read_yaml(kSecure, "secure").value();
  paths_of("", secure, given);
  paths_of("", read_yaml(kPrivate, "private").value(), given);
  paths_of("", read_yaml(document_with(kMixtureModel), "mixture").value(), given);
  paths_of("", read_yaml(autoregressive_document(), "autoregressive").value(), given);
  walk(".spec",
       whole_schema().at("properties").at("spec"),
       [&](const std::string& path, const Json&) {
         CAPTURE(path);
         CHECK(given.count(path) == 1);  // so that the documents below are full ones
       });

  for (const auto& text :
       {std::string(kFull), document_with(kMixtureModel), autoregressive_document()}) {
    const auto parsed = parse(text, "full");
    CAPTURE(parsed ? "" : parsed.error().message);
    REQUIRE(parsed);
    full = read_yaml(text, "full").value();
    for (auto& participant : full["spec"]["participants"]) {
      participant["external"] = participant.value("external", false);
    }
    CHECK(to_json(*parsed).dump() == full.dump());
  }
  const auto parsed_secure = parse(kSecure, "secure");
  REQUIRE(parsed_secure);
  CHECK(to_json(*parsed_secure).at("spec").at("privacy").at("secureAggregation") ==
        secure.at("spec").at("privacy").at("secureAggregation"));
}

TEST_CASE("spec: the fields of differential privacy are read and written back", "[spec]") {
  Json full = read_yaml(kFull, "full").value();
  const Json privacy = read_yaml(kPrivate, "private").value().at("spec").at("privacy");
  full["spec"]["privacy"].update(privacy);
  const auto training = from_json(full);
  REQUIRE(training.privacy.differential_privacy);
  CHECK(training.privacy.differential_privacy->epsilon == 3.0);
  CHECK(training.privacy.unit_column == "patient");
  CHECK(to_json(training)["spec"]["privacy"] == full["spec"]["privacy"]);
}

TEST_CASE("spec: the defaults of the CRD are those of the C++ type", "[spec]") {
  const auto parsed = parse(a_training(), "x.yaml");
  REQUIRE(parsed);
  FederatedTraining defaults;
  defaults.name = "x";
  defaults.model.settings = parsed->model.settings;  // those are the method's own
  CHECK(*parsed == defaults);
}

}  // namespace genesis::spec
