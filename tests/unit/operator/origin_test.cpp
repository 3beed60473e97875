// Which children are the operator's own: by the uid on record, else by the code that they carry.
#include "operator/origin.hpp"

#include "operator/shapes.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

Origin an_origin() {
  return Origin(crypto::Secret(std::string_view("the key of these tests, 32 bytes")));
}

Child a_child(std::string uid, std::string code) {
  Child child;
  child.uid = std::move(uid);
  child.origin = std::move(code);
  return child;
}

}  // namespace

TEST_CASE("operator: a code is good for one child of one training alone", "[operator]") {
  const auto origin = an_origin();
  const Training training = a_training(kThreeSites);
  const auto code = origin.code(training, "Secret", "hospitals-operator");
  CHECK(code.size() == 64);
  CHECK(code != origin.code(training, "ConfigMap", "hospitals-operator"));
  CHECK(code != origin.code(training, "Secret", "hospitals-aggregator"));
  Training again = training;
  again.uid = "another";
  CHECK(code != origin.code(again, "Secret", "hospitals-operator"));
  again = training;
  again.ns = "another";
  CHECK(code != origin.code(again, "Secret", "hospitals-operator"));
  CHECK(
      code !=
      Origin(crypto::Secret(std::string(32, 'k'))).code(training, "Secret", "hospitals-operator"));
}

TEST_CASE("operator: an owner reference alone makes no child", "[operator]") {
  const auto origin = an_origin();
  Training training = a_training(kThreeSites);
  const std::string name = "hospitals-operator";
  const auto code = origin.code(training, "Secret", name);
  CHECK_FALSE(origin.is_ours(training, "Secret", name, a_child("planted", "")));
  CHECK_FALSE(origin.is_ours(training, "Secret", name, a_child("planted", code.substr(1))));
  CHECK(origin.is_ours(training, "Secret", name, a_child("made", code)));

  // Once its uid is on record, a copy of the code is of no use.
  training.recorded["Secret/" + name] = "made";
  CHECK(origin.is_ours(training, "Secret", name, a_child("made", "")));
  CHECK_FALSE(origin.is_ours(training, "Secret", name, a_child("planted", code)));
}

TEST_CASE(
    "operator: a child that was made again and not recorded is the operator's, and no copy is",
    "[operator]") {
  const auto origin = an_origin();
  Cluster cluster(kThreeSites);
  auto& training = *cluster.seen.training;
  const std::string name = "hospitals-aggregator";
  const auto first = origin.code(training, "Job", name);
  training.status.children.emplace();
  training.recorded["Job/" + name] = "first";
  const auto second = origin.code(training, "Job", name);
  CHECK(second != first);
  CHECK_FALSE(origin.is_ours(training, "Job", name, a_child("copy", first)));
  CHECK(origin.is_ours(training, "Job", name, a_child("second", second)));
  cluster.seen.children.of(k8s::kJobs)[name] = a_child("second", second);
  settle(origin, training, cluster.seen.children);
  CHECK(cluster.seen.children.find(k8s::kJobs, name)->is_ours);
  CHECK(training.recorded["Job/" + name] == "second");
  CHECK_FALSE(origin.is_ours(training, "Job", name, a_child("copy", second)));
}

TEST_CASE("operator: children from before there were records are taken as they are", "[operator]") {
  const auto origin = an_origin();
  Training training = a_training(kThreeSites);
  training.status.start_time = kStart;
  CHECK(origin.is_ours(training, "Secret", "hospitals-operator", a_child("old", "")));
  training.status.children.emplace();
  CHECK_FALSE(origin.is_ours(training, "Secret", "hospitals-operator", a_child("old", "")));
}

TEST_CASE("operator: impostors are told from children and from strangers", "[operator]") {
  const auto origin = an_origin();
  Cluster cluster(kThreeSites);
  auto& training = *cluster.seen.training;
  auto& jobs = cluster.seen.children.of(k8s::kJobs);
  jobs["hospitals-aggregator"] =
      a_child("made", origin.code(training, "Job", "hospitals-aggregator"));
  jobs["hospitals-worker-a"] = a_child("planted", "");
  jobs["hospitals-worker-b"].is_ours = false;
  settle(origin, training, cluster.seen.children);
  CHECK(jobs["hospitals-aggregator"].is_ours);
  CHECK(training.recorded == Record{{"Job/hospitals-aggregator", "made"}});
  CHECK_FALSE(jobs["hospitals-worker-a"].is_ours);
  CHECK(jobs["hospitals-worker-a"].is_impostor);
  CHECK_FALSE(jobs["hospitals-worker-b"].is_impostor);

  CHECK(cluster.reconcile() == std::vector<std::string>{"status Pending", "event ForeignObject"});
  CHECK(cluster.status().children == training.recorded);
  CHECK(cluster.condition(kDegraded).message.find(
            "Job hospitals-worker-a names this training as its owner, but the "
            "operator did not create it") != std::string::npos);
}

TEST_CASE("operator: a Job that is not on record is of old once Jobs have been replaced",
          "[operator]") {
  const auto origin = an_origin();
  Cluster cluster(kThreeSites);
  auto& training = *cluster.seen.training;
  auto& jobs = cluster.seen.children.of(k8s::kJobs);
  const auto code = [&](const char* name) { return origin.code(training, "Job", name); };
  training.status.children.emplace();
  training.status.retry_time = kStart;
  training.recorded["Job/hospitals-worker-a"] = "new";
  jobs["hospitals-aggregator"] = a_child("old", code("hospitals-aggregator"));
  jobs["hospitals-worker-a"] = a_child("new", code("hospitals-worker-a"));
  settle(origin, training, cluster.seen.children);
  CHECK(jobs["hospitals-aggregator"].is_outdated);
  CHECK_FALSE(jobs["hospitals-worker-a"].is_outdated);
  CHECK_FALSE(training.recorded.contains("Job/hospitals-aggregator"));
}

TEST_CASE("operator: the code survives what the informers drop", "[operator]") {
  Json object{{"metadata",
               {{"name", "j"}, {"annotations", {{std::string(kOrigin), "code"}, {"other", "x"}}}}}};
  for (int pass = 0; pass < 2; ++pass) {
    CHECK(child_from(k8s::kConfigMaps, object, "u").origin == "code");
    selection_of(k8s::kConfigMaps).keep(object);
  }
  CHECK_FALSE(object.at("metadata").at("annotations").contains("other"));
}

TEST_CASE("operator: the record of children goes through the status and back", "[operator]") {
  TrainingStatus status;
  CHECK_FALSE(status_from_json(to_json(status)).children);
  status.children.emplace();
  CHECK(status_from_json(to_json(status)) == status);
  (*status.children)[record_key("Secret", "a")] = "1";
  CHECK(status_from_json(to_json(status)) == status);
  CHECK(to_json(status).at("children") == Json{{"Secret/a", "1"}});
  CHECK_FALSE(status_from_json(Json{{"children", "x"}}).children);
  CHECK(status_from_json(Json{{"children", {{"a", 1}}}}).children == Record());
}

}  // namespace genesis::control
