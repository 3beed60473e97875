// What the author of a training may make the operator use, and what is said where they may not.
#include "operator/allowed.hpp"

#include "operator/judge.hpp"
#include "operator/naming.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

using Words = std::vector<std::string>;

Settings strict() {
  Settings settings;
  settings.aggregator_image = "registry.example/genesis-aggregator:1";
  settings.worker_image = "registry.example/genesis-worker:1";
  return settings;
}

spec::FederatedTraining with_volume(const std::string& volume) {
  return a_training("{participants: [{name: a, data: {path: /d/a.csv, volume: " + volume + "}}]}")
      .spec;
}

Json a_secret(Json labels) {
  return Json{{"metadata", {{"name", "own-ca"}, {"labels", std::move(labels)}}}};
}

}  // namespace

TEST_CASE("operator: claims are the only volumes unless the operator allows others", "[operator]") {
  CHECK(not_allowed(with_volume("{persistentVolumeClaim: {claimName: a}}"), strict()).empty());
  for (const char* const kind : {"configMap", "csi", "nfs", "ephemeral"}) {
    CAPTURE(kind);
    const auto spec = with_volume(std::string("{") + kind + ": {}}");
    const auto refused = not_allowed(spec, strict());
    REQUIRE(refused.size() == 1);
    CHECK(refused.front() ==
          std::string("spec.participants[0].data.volume: ") + kind +
              " is not allowed here; use persistentVolumeClaim, or ask who runs the operator to "
              "allow it (allow.volumes of the chart, --allow-volumes)");
    Settings settings = strict();
    settings.allowed_volumes = {kind};
    CHECK(not_allowed(spec, settings).empty());
    CHECK(check_volume_kinds(settings.allowed_volumes));
  }
}

TEST_CASE("operator: no training keeps the operator busy with a key of any size", "[operator]") {
  auto spec = a_training(kEncrypted).spec;
  CHECK(not_allowed(spec, settings()).empty());
  spec.privacy.secure_aggregation->key_bits = 4096;
  CHECK(not_allowed(spec, settings()).empty());
  spec.privacy.secure_aggregation->key_bits = 4097;
  const auto refused = not_allowed(spec, settings());
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().starts_with("spec.privacy.secureAggregation.keyBits: is 4098, and"));
  spec.privacy.secure_aggregation->encryption = spec::Encryption::kMasking;
  CHECK(not_allowed(spec, settings()).empty());
}

TEST_CASE("operator: differential privacy needs a claim for the ledger of each site in the cluster",
          "[operator]") {
  auto spec = with_volume("{persistentVolumeClaim: {claimName: a}}");
  spec.privacy.differential_privacy = spec::DifferentialPrivacy{.epsilon = 3.0};
  const auto refused = not_allowed(spec, strict());
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().starts_with("spec.participants[0].ledger: is missing"));
  spec.participants[0].ledger = spec::LedgerClaim{"a-ledger", {}};
  CHECK(not_allowed(spec, strict()).empty());
  Settings settings = strict();
  settings.allowed_volumes = {"configMap"};
  spec.participants[0].data_volume.reset();
  REQUIRE(not_allowed(spec, settings).size() == 1);
  spec.participants[0].ledger.reset();
  spec.participants[0].external = true;
  CHECK(not_allowed(spec, settings).empty());
}

TEST_CASE("operator: what reaches the node, tokens or any Secret is never allowed as a volume",
          "[operator]") {
  for (const char* const kind :
       {"hostPath", "projected", "secret", "downwardAPI", "emptyDir", "iscsi", "local", "x"}) {
    CAPTURE(kind);
    const Words kinds = {kind};
    CHECK(check_volume_kinds(kinds).error().code == Errc::kInvalidArgument);
    Settings settings = strict();
    settings.allowed_volumes = {"persistentVolumeClaim", "configMap", "csi", "nfs", "ephemeral"};
    const auto refused = not_allowed(with_volume(std::string("{") + kind + ": {}}"), settings);
    REQUIRE(refused.size() == 1);
    CHECK(refused.front().find("never allowed") != std::string::npos);
  }
  // An empty source is an emptyDir to Kubernetes, and a second source does not hide behind the
  // first.
  CHECK(not_allowed(with_volume("{}"), strict()).size() == 1);
  CHECK(not_allowed(with_volume("{persistentVolumeClaim: {claimName: a}, hostPath: {path: /}}"),
                    strict())
            .size() == 1);
}

TEST_CASE("operator: an image is allowed by its repository, not by how its name begins",
          "[operator]") {
  CHECK(repository_of("localhost:5000/a/b:1") == "localhost:5000/a/b");
  CHECK(repository_of("a@sha256:00") == "a");
  CHECK(repository_of("a:1@sha256:00") == "a");
  CHECK(repository_of("localhost:5000/a") == "localhost:5000/a");

  CHECK(is_below("registry.example/team/worker:1", "registry.example/team"));
  CHECK(is_below("registry.example/team:1", "registry.example/team"));
  CHECK(is_below("registry.example/team@sha256:00", "registry.example/team/"));
  CHECK(is_below("registry.example:443/x", "registry.example:443"));
  CHECK_FALSE(is_below("registry.example/teams:1", "registry.example/team"));
  CHECK_FALSE(is_below("registry.example:5000/team:1", "registry.example"));
  CHECK_FALSE(is_below("registry.example.org/team:1", "registry.example"));
  CHECK_FALSE(is_below("team:5000/worker:1", "team"));
  CHECK_FALSE(is_below("registry.example/team", ""));
}

TEST_CASE("operator: by default trainings name only the operator's own repositories",
          "[operator]") {
  const auto with_images = [](const std::string& worker, const std::string& aggregator) {
    return a_training("{participants: [{name: a, data: {path: a.csv}, image: '" + worker +
                      "'}], aggregator: {image: '" + aggregator + "'}}")
        .spec;
  };
  const std::string own = "registry.example/genesis-worker";
  CHECK(not_allowed(with_images(own + ":2", own + "@sha256:00"), strict()).empty());
  const auto refused = not_allowed(with_images(own + "/x:1", "evil.example/a:1"), strict());
  REQUIRE(refused.size() == 2);
  CHECK(refused[0].starts_with("spec.participants[0].image: " + own + "/x:1 is not an image of "));
  CHECK(
      refused[1].starts_with("spec.aggregator.image: evil.example/a:1 is not an image of "
                             "registry.example/genesis-aggregator, " +
                             own + "; "));

  Settings settings = strict();
  settings.allowed_images = {"evil.example"};
  CHECK(not_allowed(with_images("registry.example/genesis-worker:1", "evil.example/a:1"), settings)
            .empty());
  CHECK(not_allowed(with_images(own + ":2", "evil.example/a:1"), settings).size() == 1);

  for (const char* const prefix : {"", "/", "*", "Upper.example", "a b", "x,y", "x@y"}) {
    CAPTURE(prefix);
    const Words prefixes = {prefix};
    CHECK_FALSE(check_image_prefixes(prefixes));
  }
  const Words prefixes = {"registry.example:443/a_b-c"};
  CHECK(check_image_prefixes(prefixes));
}

TEST_CASE("operator: every Secret that a spec names is found", "[operator]") {
  const auto spec = a_training(R"({
    participants: [
      {name: a, data: {path: /d/a.csv, volume: {csi: {driver: d, nodePublishSecretRef: {name: csi}}}},
       imagePullSecrets: [{name: p1}, {name: p2}]}],
    aggregator: {imagePullSecrets: [{name: p3}]},
    output: {imagePullSecrets: [{name: p4}]},
    security: {authTokenSecretRef: {name: token, key: k}, tls: {secretName: ca}}})")
                        .spec;
  CHECK(secret_references(spec) ==
        std::vector<SecretReference>{
            {"spec.security.tls.secretName", "ca"},
            {"spec.security.authTokenSecretRef.name", "token"},
            {"spec.participants[0].imagePullSecrets[0].name", "p1"},
            {"spec.participants[0].imagePullSecrets[1].name", "p2"},
            {"spec.participants[0].data.volume.csi.nodePublishSecretRef", "csi"},
            {"spec.aggregator.imagePullSecrets[0].name", "p3"},
            {"spec.output.imagePullSecrets[0].name", "p4"},
        });
}

TEST_CASE("operator: a policy that is not there is told by its field", "[operator]") {
  const auto spec = a_training(R"({participants: [
      {name: a, data: {path: /d/a.csv}},
      {name: b, data: {path: /d/b.csv}, policyRef: {name: policy-of-b}}]})")
                        .spec;
  const auto references = policy_references(spec);
  REQUIRE(references ==
          std::vector<PolicyReference>{{"spec.participants[1].policyRef.name", "policy-of-b"}});
  const auto why = [&](const Json& config_map) {
    return why_no_policy(config_map, references.front());
  };
  CHECK(why(nullptr) ==
        "spec.participants[1].policyRef.name: there is no ConfigMap policy-of-b; create it, with "
        "the policy of the site under the key policy.yaml");
  for (const char* const without : {R"({"data":{"policy.yml":"x"}})",
                                    R"({"data":{"policy.yaml":7}})",
                                    R"({"metadata":{}})",
                                    "{}"}) {
    CHECK(why(Json::parse(without)) ==
          "spec.participants[1].policyRef.name: ConfigMap policy-of-b has no key policy.yaml; add "
          "the policy of the site under it");
  }
  CHECK(why(Json::parse(R"({"data":{"policy.yaml":"kind: SitePolicy"}})")).empty());
}

TEST_CASE("operator: a Secret is used only by the trainings that its label names", "[operator]") {
  const SecretReference reference{"spec.security.tls.secretName", "own-ca"};
  const std::string label(kAllowTraining);
  const auto why = [&](Json labels, std::string_view training = "hospitals") {
    return why_not_allowed(a_secret(std::move(labels)), reference, training);
  };
  CHECK(why({{label, "hospitals"}}).empty());
  CHECK(why({{label, "ANY"}}).empty());
  CHECK(why(Json::object()) ==
        "spec.security.tls.secretName: Secret own-ca does not say that this training may use it; "
        "its owner allows it with `kubectl label secret own-ca "
        "federated.genesis.dev/allow-training=hospitals`, or =ANY for all trainings of the "
        "namespace");
  CHECK_FALSE(why({{label, "other"}}).empty());
  CHECK_FALSE(why({{label, ""}}).empty());
  CHECK_FALSE(why({{label, "any"}}).empty());
  CHECK_FALSE(why(nullptr).empty());
  const std::string long_name(100, 'x');  // a label is shorter than a name may be
  CHECK(why({{label, training_label(long_name)}}, long_name).empty());

  // One that the operator made for another training, whatever label somebody gave it.
  CHECK_FALSE(why({{label, "ANY"}, {std::string(kManagedBy), kManager}}).empty());
  Json owned = a_secret({{label, "ANY"}});
  owned["metadata"]["ownerReferences"] = Json::array(
      {{{"kind", "FederatedTraining"}, {"name", "x"}, {"uid", "u"}, {"controller", true}}});
  CHECK_FALSE(why_not_allowed(owned, reference, "hospitals").empty());
}

TEST_CASE("operator: a training that asks for too much does not start, and says why once",
          "[operator]") {
  Cluster cluster(
      "{participants: [{name: a, data: {path: /d/a, volume: {hostPath: {path: /etc}}}}]}");
  CHECK(cluster.reconcile() == Words{"status Pending", "event NotAllowed"});
  CHECK(cluster.condition(kDegraded).message ==
        "spec.participants[0].data.volume: hostPath is never allowed in a training; use "
        "persistentVolumeClaim, configMap");
  CHECK_FALSE(cluster.status().start_time);  // so that the spec can still be changed
  CHECK(cluster.after(std::chrono::hours(1)).reconcile().empty());

  cluster.seen.training->spec = with_volume("{configMap: {name: a}}");
  CHECK(cluster.reconcile().front() == "create Secret hospitals-operator");
  CHECK_FALSE(cluster.condition(kDegraded).holds);
  CHECK(cluster.status().start_time);
}

TEST_CASE("operator: a suspended training that asks for too much says so, and does not resume",
          "[operator]") {
  Cluster held("{suspend: true, participants: [{name: a, data: {path: /d/a, volume: {x: {}}}}]}");
  held.reconcile();
  CHECK(held.status().phase == "Suspended");
  CHECK(held.condition(kDegraded).reason == reason::kNotAllowed);
  held.seen.training->spec.suspend = false;
  CHECK(held.reconcile() == Words{"status Pending", "event Resumed"});
  CHECK_FALSE(held.condition(kSuspended).holds);

  // What was allowed when it started, and is not any more.
  Cluster cluster(kThreeSites);
  cluster.reconcile();
  cluster.seen.training->spec.suspend = true;
  cluster.reconcile();
  REQUIRE(cluster.job("aggregator").suspend);
  cluster.seen.not_allowed = {"spec.security.tls.secretName: not any more"};
  cluster.seen.training->spec.suspend = false;
  cluster.reconcile();
  CHECK(cluster.job("aggregator").suspend);
  cluster.seen.not_allowed.clear();
  cluster.reconcile();
  CHECK_FALSE(cluster.job("aggregator").suspend);
}

}  // namespace genesis::control
