#pragma once
// Whole passes of an operator against an API server of this process.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "operator/children.hpp"
#include "operator/reasons.hpp"
#include "operator/reconciler.hpp"
#include "tests/unit/k8s/fake_api.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {

namespace asio = boost::asio;
using k8s::test::FakeApi;
using k8s::test::run_until;

// An API server that holds one training, and an operator whose caches hold what was there when it
// started: the API server tells of no changes.
class Rig {
 public:
  explicit Rig(std::string_view flow, PaillierKeys::Generate generate = {})
      : training_(a_training(flow)), generate_(std::move(generate)) {}

  FakeApi& api() { return api_; }
  const Training& training() const { return training_; }

  // What the API server holds.
  void put_training(Json spec, Json status = Json::object()) {
    put_training(training_.name, std::move(spec), std::move(status));
  }
  void put_training(const std::string& name, Json spec, Json status) {
    Json object{{"metadata",
                 {{"name", name},
                  {"namespace", training_.ns},
                  {"uid", "uid-of-" + name},
                  {"generation", training_.generation}}},
                {"spec", std::move(spec)},
                {"status", std::move(status)}};
    api_.put(k8s::kFederatedTrainings, std::move(object));
  }
  void put_child(const Desired& desired) {
    Json object = desired.object;
    object["metadata"]["uid"] = "uid-of-" + desired.name();
    object["metadata"]["annotations"][std::string(kOrigin)] =
        origin_.code(training_, desired.resource.kind, desired.name());
    api_.put(desired.resource, std::move(object));
  }
  // A child as somebody else writes it: with the owner reference, without the code of its origin.
  void put_planted(const Desired& desired) {
    Json object = desired.object;
    object["metadata"]["uid"] = "planted";
    api_.put(desired.resource, std::move(object));
  }
  void put_foreign(const k8s::Resource& resource, const std::string& name) {
    Json object{{"metadata", {{"name", name}, {"namespace", training_.ns}, {"uid", "foreign"}}}};
    api_.put(resource, std::move(object));
  }

  /// A running pod of that Job, which does not answer: it has no address.
  void put_pod(const std::string& job, const std::string& image_id = "") {
    Json owner{{"kind", "Job"}, {"name", job}, {"controller", true}};
    owner["uid"] = k8s::uid_of(object(k8s::kJobs, job));
    Json pod{{"metadata",
              {{"name", job + "-1"},
               {"namespace", training_.ns},
               {"uid", "uid-of-" + job + "-1"},
               {"creationTimestamp", to_rfc3339(now() + later_)},
               {"ownerReferences", Json::array({owner})}}}};
    Json status{{"state", {{"running", Json::object()}}}, {"imageID", image_id}};
    pod["spec"]["containers"] = object(k8s::kJobs, job)["spec"]["template"]["spec"]["containers"];
    pod["status"] = {{"phase", "Running"}, {"containerStatuses", Json::array({status})}};
    api_.put(k8s::kPods, std::move(pod));
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

  void change_spec(const std::string& field, Json value) {
    object(k8s::kFederatedTrainings, training_.name)["spec"][field] = std::move(value);
  }
  void change_status(const std::string& field, Json value) {
    object(k8s::kFederatedTrainings, training_.name)["status"][field] = std::move(value);
  }
  void fail_training() {
    Json& status = object(k8s::kFederatedTrainings, training_.name)["status"];
    for (Json& condition : status.at("conditions")) {
      if (condition.at("type") == kFailed) {
        condition["status"] = "True";
        condition["reason"] = reason::kTrainingFailed;
      }
    }
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

  /// Moves the operator's clock.
  void after(std::chrono::seconds time) { later_ += time; }
  [[nodiscard]] std::chrono::seconds later() const { return later_; }

  /// Starts an operator.
  void start() {
    api_.lists_objects = true;
    if (world_) {
      retired_.push_back(std::move(world_));  // its coroutines wait as long as the event loop lives
    }
    world_ = std::make_unique<World>(
        io_.get_executor(), api_, std::vector<std::string>{""}, [this] { return now() + later_; });
    keys_ = std::make_unique<PaillierKeys>(io_.get_executor(), generate_);
    keys_->on_done([this](const k8s::ObjectKey& key) { keys_done_.push_back(key.name); });
    reconciler_ = std::make_unique<Reconciler>(
        *world_, api_, entropy_, reports_, events_, origin_, *keys_, settings());
    world_->start();
    REQUIRE(run_until(io_, [this] { return world_->has_synced(); }));
  }

  /// One pass.
  Result<k8s::Reconciled> reconcile() { return reconcile(training_.name); }
  Result<k8s::Reconciled> reconcile(const std::string& name) {
    if (!world_) {
      start();
    }
    std::optional<Result<k8s::Reconciled>> done;
    k8s::ObjectKey key(training_.ns, name);
    asio::co_spawn(io_,
                   reconciler_->reconcile(std::move(key)),
                   [&done](const std::exception_ptr& failure, Result<k8s::Reconciled> result) {
                     REQUIRE(failure == nullptr);
                     done = std::move(result);
                   });
    REQUIRE(run_until(io_, [&done] { return done.has_value(); }));
    return *done;
  }

  /// Waits for the work on keys that is under way, and passes then, as the operator does.
  void reconcile_once_key_is_done() {
    REQUIRE(run_until(io_, [this] { return !keys_done_.empty(); }));
    CHECK(keys_done_ == std::vector<std::string>{training_.name});
    keys_done_.clear();
    REQUIRE(reconcile());
  }
  bool is_at_work_on_keys() const { return keys_->is_busy(); }

 private:
  Training training_;
  PaillierKeys::Generate generate_;
  std::chrono::seconds later_{0};
  asio::io_context io_{1};
  FakeApi api_{io_};
  crypto::SystemEntropy entropy_;
  Origin origin_{crypto::Secret(std::string_view("the key of these tests, 32 bytes"))};
  Reports reports_{io_.get_executor(), api_, origin_};
  k8s::EventRecorder events_{io_.get_executor(), api_, "genesis-operator", "test"};
  std::vector<std::unique_ptr<World>> retired_;
  std::unique_ptr<World> world_;
  std::vector<std::string> keys_done_;  // trainings
  std::unique_ptr<PaillierKeys> keys_;
  std::unique_ptr<Reconciler> reconciler_;
};

inline Json spec_of(std::string_view flow, bool suspend) {
  auto training = a_training(flow);
  training.spec.suspend = suspend;
  return Json::parse(spec::print_json(training.spec)).at("spec");
}

}  // namespace genesis::control
