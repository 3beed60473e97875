// The objects themselves: golden files for review and dry runs, and what must hold of every pod.
#include "operator/children.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "common/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

// Every knob once: what the golden file shows.
constexpr std::string_view kKnobs = R"({
  seed: 7, backoffLimit: 2, rounds: {count: 5, minClients: 2},
  participants: [
    {name: a, data: {path: /data/a.csv, volume: {persistentVolumeClaim: {claimName: a}}},
     policyRef: {name: policy-of-a}, storage: {size: 100Mi, storageClassName: fast},
     image: own/worker:1,
     resources: {limits: {cpu: 1, memory: 1Gi}}, nodeSelector: {zone: a},
     tolerations: [{key: k, operator: Exists}], affinity: {nodeAffinity: {}},
     priorityClassName: low, imagePullSecrets: [{name: registry}], runtimeClassName: kata,
     schedulerName: own},
    {name: b, data: {path: /rows.csv, volume: {configMap: {name: b}}}},
    {name: far, external: true}],
  aggregator: {storage: {size: 2Gi}, service: {type: LoadBalancer}, nodeSelector: {zone: b}},
  security: {authTokenSecretRef: {name: own, key: bearer}, tls: {secretName: own-ca},
             deny: [far, stranger]},
  output: {rows: 20, resources: {limits: {memory: 2Gi}}}})";

std::vector<Desired> all_children(const Training& training) {
  auto children = children_of(training, settings());
  for (auto& desired : generate_children(training, settings())) {
    children.push_back(std::move(desired));
  }
  for (const auto& participant : training.spec.participants) {
    if (participant.external) {
      children.push_back(join_secret(training, participant.name, "https://fed.example.org:443"));
    }
  }
  return children;
}

std::string golden(const Training& training) {
  Json list = Json::array();
  for (auto& desired : all_children(training)) {
    list.push_back(std::move(desired.object));
  }
  return Json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", list}}.dump(2) + "\n";
}

void check_golden(const std::string& name, const Training& training) {
  const std::string path = source_file("tests/golden/operator/" + name);
  if (std::getenv("GENESIS_WRITE_GOLDEN") != nullptr) {
    REQUIRE(write_file_atomic(path, golden(training)));
  }
  const auto expected = read_file(path, 1U << 20U);
  REQUIRE(expected);
  CHECK(golden(training) == *expected);
}

std::vector<Json> pod_templates(const Training& training) {
  std::vector<Json> templates;
  for (const auto& desired : all_children(training)) {
    if (desired.resource == k8s::kJobs) {
      templates.push_back(desired.object.at("spec").at("template"));
    }
  }
  return templates;
}

}  // namespace

TEST_CASE("operator: the children of a plain training are the golden ones", "[operator][golden]") {
  check_golden("plain.json", a_training(kThreeSites));
}

TEST_CASE("operator: the children of a training with encrypted sums are the golden ones",
          "[operator][golden]") {
  check_golden("encrypted.json", a_training(kEncrypted));
}

TEST_CASE("operator: the children of a training with every knob are the golden ones",
          "[operator][golden]") {
  check_golden("knobs.json", a_training(kKnobs));
}

TEST_CASE("operator: each pod is what PodSecurity restricted asks for", "[operator]") {
  for (const auto& pod : pod_templates(a_training(kKnobs))) {
    const Json& spec = pod.at("spec");
    CHECK(spec.at("automountServiceAccountToken") == false);
    CHECK(spec.at("securityContext").at("runAsNonRoot") == true);
    CHECK(spec.at("securityContext").at("seccompProfile").at("type") == "RuntimeDefault");
    for (const Json& container : spec.at("containers")) {
      const Json& security = container.at("securityContext");
      CHECK(security.at("allowPrivilegeEscalation") == false);
      CHECK(security.at("readOnlyRootFilesystem") == true);
      CHECK(security.at("capabilities").at("drop") == Json::array({"ALL"}));
    }
  }
}

TEST_CASE("operator: the pods of a training are replaced, watched and forgiven as they should be",
          "[operator]") {
  const auto training = a_training(kThreeSites);
  for (const auto& job : {aggregator_job(training, settings()),
                          worker_job(training, training.spec.participants.front(), settings())}) {
    const Json& rules = job.at("spec").at("podFailurePolicy").at("rules");
    CHECK(rules.at(0).at("action") == "FailJob");
    CHECK(rules.at(0).at("onExitCodes").at("values") ==
          Json::array({kExitUsageError, kExitPermanentError}));
    CHECK(rules.at(1).at("action") == "Ignore");
    CHECK(rules.at(1).at("onExitCodes").at("values") == Json::array({kExitUnavailable}));
    CHECK(rules.at(2).at("onPodConditions").at(0).at("type") == "DisruptionTarget");
    const Json& pod = job.at("spec").at("template").at("spec");
    CHECK(pod.at("restartPolicy") == "Never");
    const Json& main = pod.at("containers").at(0);
    CHECK(main.at("livenessProbe").at("httpGet").at("path") == "/healthz");
    CHECK(main.at("startupProbe").at("httpGet").at("path") == "/healthz");
  }
}

TEST_CASE("operator: where there is a default StorageClass, a worker's state outlives its pod",
          "[operator]") {
  auto training = a_training(kThreeSites);
  const auto& a = training.spec.participants.front();
  const auto claims = [&] {
    std::string names;
    for (const auto& child : children_of(training, settings())) {
      names += child.resource == k8s::kPersistentVolumeClaims ? child.name() + " " : "";
    }
    return names;
  };
  const auto volume = [&] {
    const Json job = worker_job(training, a, settings());
    for (const Json& one : job.at("spec").at("template").at("spec").at("volumes")) {
      if (one.at("name") == "state") {
        return one.contains("emptyDir") ? "emptyDir" : "claim";
      }
    }
    return "none";
  };
  CHECK(claims() == "hospitals-model hospitals-worker-b ");
  CHECK(volume() == std::string("emptyDir"));
  training.has_default_storage = true;
  CHECK(claims() == "hospitals-model hospitals-worker-a hospitals-worker-b hospitals-worker-c ");
  CHECK(volume() == std::string("claim"));
  // What was decided at the start stays, whatever becomes of the StorageClass.
  training.recorded["PersistentVolumeClaim/hospitals-worker-a"] = "u";
  training.recorded["Job/hospitals-worker-c"] = "u";
  CHECK(claims() == "hospitals-model hospitals-worker-a hospitals-worker-b ");
  training.has_default_storage = false;
  CHECK(claims() == "hospitals-model hospitals-worker-a hospitals-worker-b ");
  CHECK(volume() == std::string("claim"));
}

TEST_CASE("operator: no pod gets the authority's key, and each its own Secret alone",
          "[operator]") {
  const auto training = a_training(kKnobs);
  std::set<std::string> mounted;
  for (const auto& pod : pod_templates(training)) {
    for (const Json& volume : pod.at("spec").at("volumes")) {
      if (!volume.contains("projected")) {
        continue;
      }
      for (const Json& source : volume.at("projected").at("sources")) {
        const Json& secret = source.at("secret");
        const auto name = secret.at("name").get<std::string>();
        if (name != "own") {  // the user's token
          CHECK(mounted.insert(name).second);
        }
        for (const Json& item : secret.at("items")) {
          CHECK(item.at("key") != "ca.key");
        }
      }
    }
  }
  CHECK(mounted ==
        std::set<std::string>{"hospitals-aggregator", "hospitals-worker-a", "hospitals-worker-b"});
}

TEST_CASE("operator: workers mount the key of encrypted sums, and the aggregator does not",
          "[operator]") {
  const auto training = a_training(kEncrypted);
  for (const auto& desired : all_children(training)) {
    CAPTURE(desired.name());
    const std::string text = desired.object.dump();
    const bool is_worker =
        desired.name() == "hospitals-worker-a" || desired.name() == "hospitals-worker-b";
    if (desired.resource != k8s::kJobs) {
      continue;
    }
    CHECK((text.find("hospitals-paillier") != std::string::npos) == is_worker);
    CHECK((text.find("paillier.key") != std::string::npos) == is_worker);
    const Json& pod = desired.object.at("spec").at("template").at("spec");
    const Json& main = pod.at("containers").at(0);
    CHECK(main.at("env").dump().find("paillier") == std::string::npos);
    if (is_worker) {
      const auto arguments = main.at("args").get<std::vector<std::string>>();
      const auto flag = std::ranges::find(arguments, "--paillier-key");
      REQUIRE(flag != arguments.end());
      CHECK(*std::next(flag) == "/keys/paillier.key");
      const auto keys = std::ranges::find_if(
          pod.at("volumes"), [](const Json& volume) { return volume.at("name") == "keys"; });
      CHECK(
          keys->at("projected").at("sources").back() ==
          Json{{"secret",
                {{"name", "hospitals-paillier"},
                 {"items", Json::array({{{"key", "paillier.key"}, {"path", "paillier.key"}}})}}}});
    }
  }
}

TEST_CASE(
    "operator: the Secret with the key is made once, before all Jobs, where sums are encrypted",
    "[operator]") {
  const auto place = [](const Training& training) {
    const auto children = children_of(training, settings());
    const auto key = std::ranges::find_if(
        children, [](const Desired& desired) { return desired.name() == "hospitals-paillier"; });
    const auto job = std::ranges::find_if(
        children, [](const Desired& desired) { return desired.resource == k8s::kJobs; });
    return key == children.end() ? std::string("none") : key < job ? "before" : "after";
  };
  auto training = a_training(kEncrypted);
  CHECK(place(training) == "before");
  for (const auto& desired : children_of(training, settings())) {
    if (desired.name() == "hospitals-paillier") {
      CHECK(desired.object.at("immutable") == true);
      CHECK_FALSE(desired.object.contains("data"));
    }
  }
  training.spec.privacy.secure_aggregation->encryption = spec::Encryption::kMasking;
  CHECK(place(training) == "none");
  CHECK(place(a_training(kThreeSites)) == "none");
}

TEST_CASE("operator: a key has the size that the spec names, or 3072 bits", "[operator]") {
  auto spec = a_training(kEncrypted).spec;
  CHECK(key_bits(spec) == 2048);
  CHECK(least_key_bits(spec) == 2048);
  spec.privacy.secure_aggregation->key_bits = 2049;
  CHECK(key_bits(spec) == 2050);
  CHECK(least_key_bits(spec) == 2049);
  spec.privacy.secure_aggregation->key_bits.reset();
  CHECK(key_bits(spec) == 3072);
  CHECK(least_key_bits(spec) == 2048);
}

TEST_CASE("operator: each child is of a kind that is watched, deleted and checked for conflicts",
          "[operator]") {
  for (const auto& desired : all_children(a_training(kKnobs))) {
    CAPTURE(desired.name());
    CHECK(std::ranges::find(kChildKinds, desired.resource) != kChildKinds.end());
  }
}

TEST_CASE("operator: each child has its owner and its labels", "[operator]") {
  for (const auto& desired : all_children(a_training(kKnobs))) {
    CAPTURE(desired.name());
    const Json& metadata = desired.object.at("metadata");
    if (desired.name() == "hospitals-model") {  // it outlives the training
      CHECK_FALSE(metadata.contains("ownerReferences"));
      CHECK(metadata.at("annotations").at(std::string(kRetainedFor)) ==
            "hospitals/uid-of-hospitals");
    } else {
      CHECK(metadata.at("ownerReferences").at(0).at("uid") == "uid-of-hospitals");
      CHECK(metadata.at("ownerReferences").at(0).at("controller") == true);
    }
    CHECK(metadata.at("labels").at("app.kubernetes.io/managed-by") == "genesis-operator");
    CHECK(metadata.at("namespace") == "demo");
  }
}

TEST_CASE("operator: what the programs read of the spec has nothing of pods and life cycle",
          "[operator]") {
  auto training = a_training(kKnobs);
  const auto before = spec::print_json(training_part(training.spec));
  CHECK(before.find("registry") == std::string::npos);
  CHECK(before.find("claimName") == std::string::npos);
  CHECK(before.find("policy-of-a") == std::string::npos);
  CHECK(before.find("stranger") == std::string::npos);
  training.spec.suspend = true;
  training.spec.active_deadline_seconds = 5;
  CHECK(spec::print_json(training_part(training.spec)) == before);
  CHECK(spec::parse(before, "training.json"));
}

TEST_CASE("operator: names are labels, deterministic, and different for different children",
          "[operator]") {
  CHECK(child_name("hospitals", "model") == "hospitals-model");
  const std::string longest(253, 'a');
  for (const std::string& training : {longest, std::string("a.b"), std::string("7up")}) {
    const auto name = child_name(training, "aggregator");
    CAPTURE(name);
    CHECK(name.size() <= 63);
    CHECK(name.find('.') == std::string::npos);
    CHECK(name.front() >= 'a');
    CHECK(name == child_name(training, "aggregator"));
    CHECK(name != child_name(training, "model"));
  }
  CHECK(child_name("a.b", "model") != child_name("a-b", "model"));
  CHECK(training_label(longest).size() == 63);
}

}  // namespace genesis::control
