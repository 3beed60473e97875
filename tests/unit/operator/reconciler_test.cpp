// Whole passes against an API server that refuses, fails, and holds objects of others.
#include "operator/reconciler.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/base/base64.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/spec/yaml.hpp"
#include "operator/allowed.hpp"
#include "tests/unit/operator/a_rig.hpp"

namespace genesis::control {
namespace {

// Makes keys of 2048 bits, and counts them.
struct KeyMaker {
  std::atomic<int> made = 0;
  std::atomic<bool> may_end = true;
  crypto::Secret text{std::string_view("what nobody reads here")};

  PaillierKeys::Generate generate() {
    return [this](unsigned bits) -> Result<crypto::Secret> {
      ++made;
      may_end.wait(false);
      return bits == 2048 ? Result<crypto::Secret>(text) : fail(Errc::kInvalidArgument, "bits");
    };
  }
  // However long it takes, no test waits for it.
  void use_real_key() {
    static const crypto::Secret kText = secure::PaillierKey::generate(2048)->text();
    text = kText;
  }
  void end() {
    may_end = true;
    may_end.notify_all();
  }
};

const std::string kKeySecret = "hospitals-paillier";

std::string key_in(const Json& secret) {
  return secret_text(secret, "paillier.key").value_or("");
}

// What ends the wait of a maker, whatever a test comes to.
struct Release {
  KeyMaker& maker;
  explicit Release(KeyMaker& one) : maker(one) {}
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;
  ~Release() { maker.end(); }
};

}  // namespace

TEST_CASE("operator: a training that another controller manages is left alone, valid or not",
          "[operator]") {
  Json spec = spec_of(kThreeSites, false);
  spec["managedBy"] = "kueue.x-k8s.io/multikueue";
  SECTION("valid") {}
  SECTION("not valid") {
    spec["rounds"]["count"] = "many";
  }
  Rig rig(kThreeSites);
  rig.put_training(spec);
  const auto done = rig.reconcile();
  REQUIRE(done);
  CHECK_FALSE(done->requeue_after);
  CHECK(rig.writes() == 0);
  CHECK(rig.written_events().empty());
}

TEST_CASE("operator: a training whose managedBy names this operator is its own", "[operator]") {
  Json spec = spec_of(kThreeSites, false);
  spec["managedBy"] = "federated.genesis.dev/genesis-operator";
  Rig rig(kThreeSites);
  rig.put_training(spec);
  REQUIRE(rig.reconcile());
  CHECK(rig.has(k8s::kJobs, "hospitals-aggregator"));
}

TEST_CASE("operator: a key of encrypted sums is made beside the reconciles, and then stored once",
          "[operator]") {
  KeyMaker maker;
  maker.use_real_key();
  maker.may_end = false;
  Rig rig(kEncrypted, maker.generate());
  const Release release(maker);
  rig.put_training(spec_of(kEncrypted, false));
  rig.put_training("clinics", spec_of(kThreeSites, false), Json::object());
  REQUIRE(rig.reconcile());
  REQUIRE(rig.reconcile());
  CHECK(rig.has(k8s::kSecrets, "hospitals-worker-a"));
  CHECK_FALSE(rig.has(k8s::kSecrets, kKeySecret));
  CHECK_FALSE(rig.has(k8s::kJobs, "hospitals-aggregator"));
  // Others do not wait for it.
  REQUIRE(rig.reconcile("clinics"));
  CHECK(rig.has(k8s::kJobs, "clinics-worker-c"));
  CHECK(rig.is_at_work_on_keys());

  maker.end();
  rig.reconcile_once_key_is_done();
  CHECK(key_in(rig.object(k8s::kSecrets, kKeySecret)) == maker.text.reveal());
  CHECK(rig.has(k8s::kJobs, "hospitals-worker-b"));
  const auto bundle = spec::read_yaml(
      *secret_text(rig.object(k8s::kSecrets, "hospitals-join-far"), "bundle.yaml"), "bundle");
  CHECK(bundle->at("paillierKey") == std::string(maker.text.reveal()));
  REQUIRE(rig.reconcile());  // reads it back
  rig.reconcile_once_key_is_done();
  CHECK_FALSE(rig.status().holds(kDegraded));
  REQUIRE(rig.reconcile());
  CHECK_FALSE(rig.is_at_work_on_keys());
  CHECK(rig.count(rig.create(k8s::kSecrets, kKeySecret)) == 1);
  CHECK(maker.made == 1);
}

TEST_CASE("operator: a restart makes no second key, whether or not the first is on record",
          "[operator]") {
  KeyMaker maker;
  maker.use_real_key();
  Rig rig(kEncrypted, maker.generate());
  rig.put_training(spec_of(kEncrypted, false));
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  const Json before = rig.object(k8s::kSecrets, kKeySecret);
  if (GENERATE(false, true)) {
    rig.object(k8s::kFederatedTrainings, "hospitals")["status"]["children"] = Json::object();
  }
  rig.remove(k8s::kJobs, "hospitals-worker-b");  // as if the operator had died before
  rig.start();
  REQUIRE(rig.reconcile());
  CHECK_FALSE(rig.has(k8s::kJobs, "hospitals-worker-b"));  // before the key is known to be whole
  rig.reconcile_once_key_is_done();
  CHECK(rig.has(k8s::kJobs, "hospitals-worker-b"));
  CHECK(rig.object(k8s::kSecrets, kKeySecret) == before);
  CHECK(rig.status().children->contains("Secret/" + kKeySecret));
  CHECK_FALSE(rig.status().holds(kDegraded));
  CHECK(maker.made == 1);
}

TEST_CASE("operator: a failed training is retried with the key that it has", "[operator]") {
  KeyMaker maker;
  maker.use_real_key();
  Rig rig(kEncrypted, maker.generate());
  rig.put_training(spec_of(kEncrypted, false));
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  const Json key = rig.object(k8s::kSecrets, kKeySecret);
  const bool has_ttl = GENERATE(false, true);
  rig.fail_training();
  if (has_ttl) {
    rig.change_spec("ttlSecondsAfterFinished", 3600);
  }
  rig.change_spec("retry", 1);
  rig.start();
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  CHECK_FALSE(rig.status().holds(kFailed));
  CHECK_FALSE(rig.status().holds(kDegraded));
  CHECK(rig.object(k8s::kSecrets, kKeySecret) == key);
  CHECK(maker.made == 1);
}

TEST_CASE("operator: after its clean-up, a training that is retried gets no second key",
          "[operator]") {
  KeyMaker maker;
  maker.use_real_key();
  Rig rig(kEncrypted, maker.generate());
  rig.put_training(spec_of(kEncrypted, false));
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  rig.fail_training();
  rig.change_status("completionTime", "2026-01-01T00:00:00Z");
  rig.change_spec("ttlSecondsAfterFinished", 60);
  for (int pass = 0; pass < 2; ++pass) {  // deletes, and sees then that all has gone
    rig.start();
    REQUIRE(rig.reconcile());
  }
  CHECK_FALSE(rig.has(k8s::kSecrets, kKeySecret));
  CHECK_FALSE(rig.has(k8s::kSecrets, "hospitals-operator"));
  rig.change_spec("retry", 1);
  for (int pass = 0; pass < 2; ++pass) {
    rig.start();
    REQUIRE(rig.reconcile());
    CHECK_FALSE(rig.is_at_work_on_keys());
  }
  CHECK(rig.status().condition(kDegraded)->reason == reason::kPaillierKeyUnusable);
  CHECK_FALSE(rig.has(k8s::kSecrets, kKeySecret));
  CHECK_FALSE(rig.has(k8s::kJobs, "hospitals-aggregator"));
  CHECK(maker.made == 1);
}

TEST_CASE("operator: a training that failed before it had a key gets one when it is retried",
          "[operator]") {
  KeyMaker maker;
  maker.use_real_key();
  Rig rig(kEncrypted, maker.generate());
  rig.put_training(spec_of(kEncrypted, true));
  REQUIRE(rig.reconcile());
  rig.change_status("startTime", "2026-01-01T00:00:00Z");
  rig.fail_training();
  rig.change_spec("suspend", false);
  rig.change_spec("retry", 1);
  rig.start();
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  CHECK(rig.has(k8s::kSecrets, kKeySecret));
  CHECK(rig.has(k8s::kJobs, "hospitals-worker-a"));
  CHECK_FALSE(rig.status().holds(kDegraded));
}

TEST_CASE("operator: a stored key that cannot be used is told of and left as it is", "[operator]") {
  KeyMaker maker;
  maker.use_real_key();
  Rig rig(kEncrypted, maker.generate());
  rig.put_training(spec_of(kEncrypted, false));
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  Json& secret = rig.object(k8s::kSecrets, kKeySecret);
  std::string why;
  SECTION("it is missing in the Secret") {
    secret["data"] = Json::object();
    why = "Secret hospitals-paillier: has no key paillier.key; ";
  }
  SECTION("it is no key") {
    secret["data"]["paillier.key"] = base64_encode("x");
    why = "Secret hospitals-paillier: Paillier key: not a key file of this version; ";
  }
  SECTION("it is too small") {
    auto larger = spec_of(kEncrypted, false);
    larger["privacy"]["secureAggregation"]["keyBits"] = 2050;
    auto& training = rig.object(k8s::kFederatedTrainings, "hospitals");
    training["spec"] = std::move(larger);
    training["status"].erase("specSha256");  // as if it had been the spec from the start
    why =
        "Secret hospitals-paillier: the modulus has 2048 bits, and "
        "privacy.secureAggregation.keyBits asks for 2050; ";
  }
  SECTION("it was deleted") {
    rig.remove(k8s::kSecrets, kKeySecret);
    why = "Secret hospitals-paillier, which held the key of the encrypted sums, has been deleted; ";
  }
  const Json before = rig.has(k8s::kSecrets, kKeySecret) ? secret : Json();
  rig.start();
  // Where the key is looked at, that is done on another thread: at once, or some passes later.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    REQUIRE(rig.reconcile());
  } while (rig.status().condition(kDegraded)->reason != reason::kPaillierKeyUnusable &&
           std::chrono::steady_clock::now() < deadline);
  CHECK(rig.status().condition(kDegraded)->reason == reason::kPaillierKeyUnusable);
  CHECK_THAT(rig.status().condition(kDegraded)->message, ContainsSubstring(why));
  CHECK_THAT(rig.status().condition(kDegraded)->message,
             ContainsSubstring("elete the training and apply it again"));
  REQUIRE(rig.reconcile());
  CHECK((rig.has(k8s::kSecrets, kKeySecret) ? rig.object(k8s::kSecrets, kKeySecret) : Json()) ==
        before);
  CHECK(maker.made == 1);
  CHECK(std::ranges::count(rig.written_events(), "PaillierKeyUnusable") == 1);
}

TEST_CASE("operator: a planted key of encrypted sums is not used", "[operator]") {
  KeyMaker maker;
  Rig rig(kEncrypted, maker.generate());
  rig.put_training(spec_of(kEncrypted, false));
  for (const auto& desired : children_of(rig.training(), settings())) {
    if (desired.name() == kKeySecret) {
      rig.put_planted(desired);
    }
  }
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  CHECK(rig.status().condition(kDegraded)->reason == reason::kForeignObject);
  CHECK_FALSE(rig.has(k8s::kJobs, "hospitals-worker-a"));
}

TEST_CASE("operator: a key that cannot be made is told of", "[operator]") {
  Rig rig(kEncrypted,
          [](unsigned) -> Result<crypto::Secret> { return fail(Errc::kInternal, "no entropy"); });
  rig.put_training(spec_of(kEncrypted, false));
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  CHECK(rig.status().condition(kDegraded)->message ==
        "the key of the encrypted sums cannot be made: no entropy");
}

TEST_CASE("operator: a key that is made after the start deadline does not fail its training",
          "[operator]") {
  KeyMaker maker;
  maker.use_real_key();
  Rig rig(kEncrypted, maker.generate());
  rig.put_training(spec_of(kEncrypted, false), {{"startTime", "2026-01-01T00:00:00Z"}});
  const std::string refused = rig.create(k8s::kJobs, "hospitals-aggregator");
  rig.api().fault = [&](const std::string& call) -> std::optional<Error> {
    if (call == refused) {
      return Error{Errc::kPermissionDenied, "exceeded quota"};
    }
    return std::nullopt;
  };
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  CHECK(rig.has(k8s::kSecrets, kKeySecret));
  rig.start();  // a new operator has to look at the stored key first
  REQUIRE(rig.reconcile());
  rig.reconcile_once_key_is_done();
  CHECK_FALSE(rig.status().holds(kFailed));
  CHECK(rig.status().condition(kDegraded)->reason == reason::kApplyFailed);
}

TEST_CASE("operator: namespaces take turns in having keys made", "[operator]") {
  KeyMaker maker;
  maker.may_end = false;
  asio::io_context io(1);
  auto work = asio::make_work_guard(io);
  PaillierKeys keys(io.get_executor(), maker.generate());
  const Release release(maker);
  std::vector<std::string> done;
  keys.on_done([&](const k8s::ObjectKey& key) { done.push_back(key.name); });
  const auto make = [&](const std::string& ns, const std::string& name) {
    keys.make(k8s::ObjectKey(ns, name), name, 2048);
  };
  const auto check = [&](const std::string& ns, const std::string& name) {
    keys.check(k8s::ObjectKey(ns, name), name, crypto::Secret(std::string_view("x")), 2048);
  };
  for (const char* const name : {"m1", "m2", "m3", "m4"}) {
    make("many", name);  // the first is begun at once
  }
  make("one", "o1");
  make("few", "f1");
  make("few", "f2");
  check("many", "c1");
  check("many", "c2");
  check("one", "c3");
  maker.end();
  REQUIRE(run_until(io, [&] { return done.size() == 10; }));
  CHECK(done ==
        std::vector<std::string>{"m1", "c1", "c3", "c2", "o1", "f1", "m2", "f2", "m3", "m4"});
}

TEST_CASE("operator: a training that has gone takes its key along before it is made",
          "[operator]") {
  KeyMaker maker;
  maker.may_end = false;
  asio::io_context io(1);
  auto work = asio::make_work_guard(io);
  PaillierKeys keys(io.get_executor(), maker.generate());
  const Release release(maker);
  std::vector<std::string> done;
  keys.on_done([&](const k8s::ObjectKey& key) { done.push_back(key.name); });
  for (const char* const name : {"one", "two", "three"}) {
    keys.make(k8s::ObjectKey("demo", name), name, 2048);
  }
  keys.forget("two");
  keys.make(k8s::ObjectKey("demo", "one"), "one", 2048);  // it is under way
  CHECK(keys.is_making("one"));
  CHECK(keys.made("one") == nullptr);
  CHECK_FALSE(keys.is_making("two"));
  maker.end();
  REQUIRE(run_until(io, [&] { return done.size() == 2; }));
  CHECK(done == std::vector<std::string>{"one", "three"});
  CHECK(maker.made == 2);
  CHECK(keys.made("one") != nullptr);
  CHECK_FALSE(keys.is_busy());
}

TEST_CASE("operator: the changes that a second plan of a pass asks for are carried out too",
          "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, true), {{"startTime", "2026-01-01T00:00:00Z"}});
  for (const auto& desired : children_of(rig.training(), settings())) {
    if (desired.resource != k8s::kConfigMaps) {
      rig.put_child(desired);
    }
  }
  rig.put_foreign(k8s::kConfigMaps, "hospitals-training");
  // The name conflict ends the first plan before the Jobs are suspended.
  REQUIRE(rig.reconcile());
  for (const char* const job : {"aggregator", "worker-a", "worker-b", "worker-c"}) {
    CAPTURE(job);
    CHECK(rig.object(k8s::kJobs, std::string("hospitals-") + job).at("spec").at("suspend") == true);
  }
  CHECK(rig.status().condition(kDegraded)->reason == reason::kForeignObject);
}

TEST_CASE("operator: a name conflict stops a training until somebody resolves it", "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, false));
  rig.put_foreign(k8s::kServices, "hospitals-aggregator");
  const auto done = rig.reconcile();
  REQUIRE(done);
  CHECK(done->requeue_after == std::chrono::seconds(10));
  CHECK(rig.status().condition(kDegraded)->reason == reason::kForeignObject);
  CHECK_FALSE(rig.has(k8s::kJobs, "hospitals-aggregator"));
  const auto writes = rig.writes();
  REQUIRE(rig.reconcile());
  CHECK(rig.writes() == writes);

  rig.remove(k8s::kServices, "hospitals-aggregator");
  REQUIRE(rig.reconcile());
  CHECK(rig.object(k8s::kServices, "hospitals-aggregator").at("metadata").contains("labels"));
  CHECK(rig.has(k8s::kJobs, "hospitals-worker-c"));
}

TEST_CASE("operator: a change that is refused leaves the others, and the same pass reports it",
          "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, false));
  const std::string refused = rig.create(k8s::kJobs, "hospitals-worker-a");
  rig.api().fault = [&](const std::string& call) -> std::optional<Error> {
    if (call == refused) {
      return Error{Errc::kPermissionDenied, "exceeded quota"};
    }
    return std::nullopt;
  };
  const auto done = rig.reconcile();
  REQUIRE(done);
  CHECK(done->requeue_after == std::chrono::seconds(10));
  CHECK(rig.has(k8s::kJobs, "hospitals-worker-c"));
  CHECK(rig.count(refused) == 1);  // the second plan of the pass does not try again
  CHECK(rig.status().condition(kDegraded)->message == "Job hospitals-worker-a: exceeded quota");
  CHECK(rig.written_events() == std::vector<std::string>{"ApplyFailed"});
}

TEST_CASE("operator: a transient error ends the changes of a pass, and the next pass goes on",
          "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, false));
  const std::string failing = rig.create(k8s::kJobs, "hospitals-aggregator");
  bool is_down = true;
  rig.api().fault = [&](const std::string& call) -> std::optional<Error> {
    if (is_down && call == failing) {
      return Error{Errc::kUnavailable, "failed calling webhook"};
    }
    return std::nullopt;
  };
  const auto done = rig.reconcile();
  REQUIRE_FALSE(done);  // it is retried with back-off
  CHECK(done.error().message == "Job hospitals-aggregator: failed calling webhook");
  CHECK(rig.count(failing) == 1);
  CHECK_FALSE(rig.has(k8s::kSecrets, "hospitals-worker-a"));
  CHECK(rig.status().phase == "Pending");  // the status is written all the same
  is_down = false;
  REQUIRE(rig.reconcile());
  CHECK(rig.has(k8s::kJobs, "hospitals-aggregator"));
  CHECK(rig.has(k8s::kJobs, "hospitals-worker-c"));
}

TEST_CASE("operator: Events follow the status that they explain, once", "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, true));
  const std::string path = k8s::object_path(k8s::kFederatedTrainings, "demo", "hospitals");
  bool is_down = true;
  rig.api().fault = [&](const std::string& call) -> std::optional<Error> {
    if (is_down && call == "PATCH " + path) {
      return Error{Errc::kUnavailable, "connection lost"};
    }
    return std::nullopt;
  };
  const auto done = rig.reconcile();
  REQUIRE_FALSE(done);
  CHECK(done.error().message == "status: connection lost");
  is_down = false;
  REQUIRE(rig.reconcile());
  REQUIRE(rig.reconcile());
  CHECK(rig.status().phase == "Suspended");
  CHECK(rig.written_events() == std::vector<std::string>{"SuspendedBySpec"});
}

TEST_CASE("operator: a status that the cache does not show yet is not written again",
          "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, true));
  REQUIRE(rig.reconcile());
  const auto writes = rig.writes();
  REQUIRE(rig.reconcile());
  CHECK(rig.writes() == writes);
}

TEST_CASE("operator: an object of ours that the cache does not show yet is no conflict",
          "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, false));
  rig.start();
  for (const auto& desired : children_of(rig.training(), settings())) {
    if (desired.resource == k8s::kConfigMaps || desired.resource == k8s::kJobs) {
      rig.put_child(desired);
    }
  }
  const auto done = rig.reconcile();
  REQUIRE(done);
  CHECK_FALSE(rig.status().holds(kDegraded));
  CHECK(rig.has(k8s::kSecrets, "hospitals-worker-c"));
}

TEST_CASE("operator: what a pass creates is on record with its uid", "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, false));
  REQUIRE(rig.reconcile());
  const auto status = rig.status();
  REQUIRE(status.children);
  CHECK(status.children->size() == 16);
  for (const auto& desired : children_of(rig.training(), settings())) {
    CAPTURE(desired.name());
    const auto& made = rig.object(desired.resource, desired.name());
    CHECK(status.children->at(record_key(desired.resource.kind, desired.name())) ==
          k8s::uid_of(made));
    CHECK(made.at("metadata").at("annotations").contains(std::string(kOrigin)));
  }
}

TEST_CASE("operator: a planted Secret that names the training as its owner is not used",
          "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, false));
  for (const auto& desired : children_of(rig.training(), settings())) {
    if (desired.name() == "hospitals-operator") {
      rig.put_planted(desired);
    }
  }
  const auto done = rig.reconcile();
  REQUIRE(done);
  CHECK(done->requeue_after == std::chrono::seconds(10));
  CHECK(rig.status().condition(kDegraded)->reason == reason::kForeignObject);
  CHECK_FALSE(rig.has(k8s::kSecrets, "hospitals-aggregator"));
  CHECK_FALSE(rig.has(k8s::kJobs, "hospitals-aggregator"));
  rig.remove(k8s::kSecrets, "hospitals-operator");
  REQUIRE(rig.reconcile());
  CHECK(rig.has(k8s::kJobs, "hospitals-worker-c"));
  CHECK_FALSE(rig.status().holds(kDegraded));
}

TEST_CASE("operator: an aggregator is not asked with an identity that was planted", "[operator]") {
  asio::io_context io(1);
  FakeApi api(io);
  const Origin origin(crypto::Secret(std::string_view("the key of these tests, 32 bytes")));
  const Training training = a_training(kThreeSites);
  Json planted = children_of(training, settings()).front().object;
  planted["data"] = {
      {"ca.crt", "eA=="}, {"tls.crt", "eA=="}, {"tls.key", "eA=="}, {"token", "eA=="}};
  api.put(k8s::kSecrets, std::move(planted));
  Reports reports(io.get_executor(), api, origin);
  std::optional<Error> error;
  asio::co_spawn(io,
                 reports.ask(training, "127.0.0.1"),
                 [&](const std::exception_ptr&, const Result<wire::StatusReport>& report) {
                   REQUIRE_FALSE(report);
                   error = report.error();
                 });
  REQUIRE(run_until(io, [&] { return error.has_value(); }));
  CHECK(error->code == Errc::kPermissionDenied);
  CHECK(error->message.starts_with("Secret hospitals-operator: the operator did not create it"));
}

TEST_CASE("operator: a Secret that was replaced after its creation is not used by a new operator",
          "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, false));
  REQUIRE(rig.reconcile());
  // The copy has all that the original had, its code too.
  rig.object(k8s::kSecrets, "hospitals-operator")["metadata"]["uid"] = "another";
  rig.remove(k8s::kSecrets, "hospitals-worker-c");
  rig.start();
  REQUIRE(rig.reconcile());
  CHECK(rig.status().condition(kDegraded)->reason == reason::kForeignObject);
  CHECK_FALSE(rig.has(k8s::kSecrets, "hospitals-worker-c"));
}

TEST_CASE("operator: a Secret that was deleted is made again by the next operator", "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training(spec_of(kThreeSites, false));
  REQUIRE(rig.reconcile());
  const auto before = rig.status().children->at("Secret/hospitals-worker-c");
  rig.remove(k8s::kSecrets, "hospitals-worker-c");
  rig.start();
  const auto done = rig.reconcile();
  REQUIRE(done);
  CHECK(rig.has(k8s::kSecrets, "hospitals-worker-c"));
  REQUIRE(rig.reconcile());  // puts the new uid on record, if the pass itself had no other news
  CHECK(rig.status().children->at("Secret/hospitals-worker-c") != before);
}

TEST_CASE("operator: a training whose Secret does not allow it creates nothing until it does",
          "[operator]") {
  constexpr std::string_view kOwnCa =
      "{participants: [{name: a, data: {path: a.csv}}], security: {tls: {secretName: own-ca}}}";
  Rig rig(kOwnCa);
  rig.put_training(spec_of(kOwnCa, false));
  auto done = rig.reconcile();
  REQUIRE(done);
  CHECK(done->requeue_after == std::chrono::seconds(10));
  CHECK(rig.status().condition(kDegraded)->reason == reason::kNotAllowed);
  CHECK(rig.status().condition(kDegraded)->message.find("there is no Secret own-ca") !=
        std::string::npos);
  rig.put_foreign(k8s::kSecrets, "own-ca");
  done = rig.reconcile();
  REQUIRE(done);
  CHECK(rig.status().condition(kDegraded)->message.find("does not say") != std::string::npos);
  CHECK_FALSE(rig.has(k8s::kConfigMaps, "hospitals-training"));
  rig.object(k8s::kSecrets, "own-ca")["metadata"]["labels"][std::string(kAllowTraining)] = "ANY";
  REQUIRE(rig.reconcile());
  CHECK(rig.has(k8s::kConfigMaps, "hospitals-training"));
}

TEST_CASE("operator: a Secret whose label goes between start and use is not used", "[operator]") {
  constexpr std::string_view kOwnCa =
      "{participants: [{name: a, data: {path: a.csv}}], security: {tls: {secretName: own-ca}}}";
  Rig rig(kOwnCa);
  rig.put_training(spec_of(kOwnCa, false),
                   {{"startTime", to_rfc3339(now())}, {"children", Json::object()}});
  rig.put_foreign(k8s::kSecrets, "own-ca");
  REQUIRE(rig.reconcile());
  CHECK_FALSE(rig.has(k8s::kSecrets, "hospitals-operator"));
  CHECK(rig.status().condition(kDegraded)->reason == reason::kApplyFailed);
  CHECK(rig.status().condition(kDegraded)->message.find("kubectl label secret own-ca") !=
        std::string::npos);
}

TEST_CASE("operator: the key of origins is created once and read by each replica", "[operator]") {
  asio::io_context io(1);
  FakeApi api(io);
  crypto::SystemEntropy entropy;
  const auto key = [&] {
    std::optional<Result<crypto::Secret>> read;
    asio::co_spawn(io,
                   origin_key(api, entropy, "genesis-system"),
                   [&](const std::exception_ptr&, Result<crypto::Secret> result) {
                     read.emplace(std::move(result));
                   });
    REQUIRE(run_until(io, [&] { return read.has_value(); }));
    io.restart();
    return *read;
  };
  const auto first = key();
  REQUIRE(first);
  CHECK(first->reveal().size() >= 32);
  const auto second = key();
  REQUIRE(second);
  CHECK(*second == *first);
  api.objects.begin()->second["data"] = {{"key", "c2hvcnQ="}};
  CHECK(key().error().code == Errc::kInvalidArgument);
}

TEST_CASE("operator: only the namespaces that are named are watched", "[operator]") {
  asio::io_context io(1);
  FakeApi api(io);
  std::vector<std::string> asked;
  const std::size_t kinds = kWatchedKinds.size() + 2;  // trainings and pods
  for (std::size_t i = 0; i < 2 * kinds; ++i) {
    api.lists.push_back([&](const k8s::ListOptions& options) {
      asked.push_back(options.ns);
      k8s::ListPage page;
      page.resource_version = "1";
      return page;
    });
  }
  World world(io.get_executor(), api, {"one", "two"});
  world.start();
  REQUIRE(run_until(io, [&] { return world.has_synced(); }));
  CHECK(std::ranges::count(asked, "one") == static_cast<std::ptrdiff_t>(kinds));
  CHECK(std::ranges::count(asked, "two") == static_cast<std::ptrdiff_t>(kinds));
  CHECK_FALSE(world.observe(k8s::ObjectKey("three", "x")).training);
  CHECK(world.version_of(k8s::ObjectKey("three", "x")).empty());
}

TEST_CASE("operator: a training that was deleted takes along what was kept of it", "[operator]") {
  Rig rig(kThreeSites);
  rig.put_training({{"rounds", {{"minClients", -1}}}});
  k8s::WatchHandler tell;
  rig.api().watches.push_back([&](const k8s::WatchOptions&, const k8s::WatchHandler& handler) {
    tell = handler;
    return Status();
  });
  REQUIRE(rig.reconcile());
  CHECK(rig.status().condition(kDegraded)->reason == reason::kInvalidSpec);
  tell({k8s::WatchEventType::kDeleted, rig.object(k8s::kFederatedTrainings, "hospitals")});
  rig.put_training(spec_of(kThreeSites, true));
  tell({k8s::WatchEventType::kAdded, rig.object(k8s::kFederatedTrainings, "hospitals")});
  // The new object has the uid and generation of the old one, and yet its own spec is used.
  REQUIRE(rig.reconcile());
  CHECK(rig.status().phase == "Suspended");
}

}  // namespace genesis::control
