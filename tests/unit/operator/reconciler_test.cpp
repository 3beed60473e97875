// Whole passes against an API server that refuses, fails, and holds objects of others.
#include "operator/reconciler.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "operator/children.hpp"
#include "operator/reasons.hpp"
#include "tests/unit/k8s/fake_api.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

namespace asio = boost::asio;
using k8s::test::FakeApi;
using k8s::test::run_until;

// An API server that holds one training, and an operator whose caches hold what was there when it
// started: the API server tells of no changes.
class Rig {
 public:
  explicit Rig(std::string_view flow) : training_(a_training(flow)) {}

  FakeApi& api() { return api_; }
  const Training& training() const { return training_; }

  // What the API server holds.
  void put_training(Json spec, Json status = Json::object()) {
    Json object{{"metadata",
                 {{"name", training_.name},
                  {"namespace", training_.ns},
                  {"uid", training_.uid},
                  {"generation", training_.generation}}},
                {"spec", std::move(spec)},
                {"status", std::move(status)}};
    api_.put(k8s::kFederatedTrainings, std::move(object));
  }
  void put_child(const Desired& desired) {
    Json object = desired.object;
    object["metadata"]["uid"] = "uid-of-" + desired.name();
    api_.put(desired.resource, std::move(object));
  }
  void put_foreign(const k8s::Resource& resource, const std::string& name) {
    Json object{{"metadata", {{"name", name}, {"namespace", training_.ns}, {"uid", "foreign"}}}};
    api_.put(resource, std::move(object));
  }

  Json& object(const k8s::Resource& resource, const std::string& name) {
    return api_.objects.at(k8s::object_path(resource, training_.ns, name));
  }
  bool has(const k8s::Resource& resource, const std::string& name) const {
    return api_.objects.contains(k8s::object_path(resource, training_.ns, name));
  }
  TrainingStatus status() {
    return status_from_json(object(k8s::kFederatedTrainings, training_.name).at("status"));
  }

  void remove(const k8s::Resource& resource, const std::string& name) {
    api_.objects.erase(k8s::object_path(resource, training_.ns, name));
  }
  /// A create as api().calls has it.
  std::string create(const k8s::Resource& resource, const std::string& name) const {
    return "POST " + k8s::object_path(resource, training_.ns, name);
  }
  /// All calls so far that were to change something.
  auto writes() const {
    return std::ranges::count_if(api_.calls,
                                 [](const std::string& call) { return !call.starts_with("GET"); });
  }
  /// How often the API server was asked to do that.
  auto count(const std::string& call) const { return std::ranges::count(api_.calls, call); }
  /// The reasons of the Events that were written, once all of them are.
  std::vector<std::string> written_events() {
    bool has_ended = false;
    events_.stop();
    asio::co_spawn(io_, events_.run(), [&](const std::exception_ptr&) { has_ended = true; });
    REQUIRE(run_until(io_, [&] { return has_ended; }));
    std::vector<std::string> reasons;
    for (const auto& [path, object] : api_.objects) {
      if (path.find("/events/") != std::string::npos) {
        reasons.push_back(object.at("reason").get<std::string>());
      }
    }
    return reasons;
  }

  /// Starts an operator.
  void start() {
    api_.lists_objects = true;
    world_ = std::make_unique<World>(io_.get_executor(), api_, "");
    reconciler_ =
        std::make_unique<Reconciler>(*world_, api_, entropy_, reports_, events_, settings());
    world_->start();
    REQUIRE(run_until(io_, [this] { return world_->has_synced(); }));
  }

  /// One pass.
  Result<k8s::Reconciled> reconcile() {
    if (!world_) {
      start();
    }
    std::optional<Result<k8s::Reconciled>> done;
    k8s::ObjectKey key(training_.ns, training_.name);
    asio::co_spawn(io_,
                   reconciler_->reconcile(std::move(key)),
                   [&done](const std::exception_ptr& failure, Result<k8s::Reconciled> result) {
                     REQUIRE(failure == nullptr);
                     done = std::move(result);
                   });
    REQUIRE(run_until(io_, [&done] { return done.has_value(); }));
    return *done;
  }

 private:
  Training training_;
  asio::io_context io_{1};
  FakeApi api_{io_};
  crypto::SystemEntropy entropy_;
  Reports reports_{io_.get_executor(), api_};
  k8s::EventRecorder events_{io_.get_executor(), api_, "genesis-operator", "test"};
  std::unique_ptr<World> world_;
  std::unique_ptr<Reconciler> reconciler_;
};

Json spec_of(std::string_view flow, bool suspend) {
  auto training = a_training(flow);
  training.spec.suspend = suspend;
  return Json::parse(spec::print_json(training.spec)).at("spec");
}

}  // namespace

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
