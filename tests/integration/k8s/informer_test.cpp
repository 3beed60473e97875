// Informers against a real API server that restarts, forgets and is read slowly.
#include "common/k8s/informer.hpp"

#include <atomic>
#include <map>
#include <thread>

#include "common/k8s/event_recorder.hpp"
#include "common/k8s/watch_parser.hpp"
#include "tests/integration/k8s/cluster.hpp"

using namespace genesis;
using namespace genesis::k8s;
using namespace genesis::k8s::test;

namespace {

// The real API, but that watches can be kept from it.
class Gate final : public Api {
 public:
  explicit Gate(Api& api) : api_(api) {}
  bool is_open = true;

  asio::awaitable<Result<Json>> get(Resource resource, ObjectKey key, Milliseconds time) override {
    return api_.get(resource, std::move(key), time);
  }
  asio::awaitable<Result<ListPage>> list(Resource resource, ListOptions options) override {
    return api_.list(resource, std::move(options));
  }
  asio::awaitable<Status> watch(Resource resource,
                                WatchOptions options,
                                WatchHandler handler) override {
    if (!is_open) {
      return refuse();
    }
    return api_.watch(resource, std::move(options), std::move(handler));
  }
  asio::awaitable<Result<Json>> create(Resource resource,
                                       Json object,
                                       WriteOptions options) override {
    return api_.create(resource, std::move(object), std::move(options));
  }
  asio::awaitable<Result<Json>> replace(Resource resource,
                                        Json object,
                                        WriteOptions options) override {
    return api_.replace(resource, std::move(object), std::move(options));
  }
  asio::awaitable<Result<Json>> patch(Resource resource,
                                      ObjectKey key,
                                      Json body,
                                      PatchOptions options) override {
    return api_.patch(resource, std::move(key), std::move(body), std::move(options));
  }
  asio::awaitable<Status> remove(Resource resource, ObjectKey key, DeleteOptions options) override {
    return api_.remove(resource, std::move(key), std::move(options));
  }

 private:
  static asio::awaitable<Status> refuse() {
    co_return fail(Errc::kUnavailable, "the gate is shut");
  }
  Api& api_;
};

// An informer of ConfigMaps in one namespace, with a copy of what its handlers were told.
struct Watched {
  Watched(Cluster& with, Api& api, const std::string& ns, std::function<void(Json&)> transform = {})
      : cluster(with) {
    InformerOptions options;
    options.ns = ns;
    options.label_selector = "app=test";
    options.page_size = 3;
    options.backoff = http::BackoffPolicy{50ms, 200ms};
    options.transform = std::move(transform);
    informer.emplace(cluster.io.get_executor(), api, kConfigMaps, std::move(options));
    informer->on_change([this](const Change& change) {
      ++changes;
      if (change.kind == ChangeKind::kDeleted) {
        mirror.erase(change.key.name);
      } else {
        mirror[change.key.name] = change.object["data"]["text"];
      }
    });
    informer->on_error([this](const Resource&, const Error& error) { ++errors[error.code]; });
  }
  ~Watched() {
    informer->stop();
    CHECK(cluster.until([this] { return *has_ended; }));
  }
  void run() {
    has_ended = cluster.spawn(informer->run());
    REQUIRE(cluster.until([this] { return informer->has_synced(); }));
  }
  bool sees(const std::map<std::string, std::string>& expected) {
    return cluster.until([&] { return mirror == expected && stored() == expected; });
  }
  std::map<std::string, std::string> stored() const {
    std::map<std::string, std::string> texts;
    for (const ObjectKey& key : informer->store().keys()) {
      texts[key.name] = (*informer->store().get(key))["data"]["text"];
    }
    return texts;
  }

  Cluster& cluster;
  std::optional<Informer> informer;
  std::map<std::string, std::string> mirror;
  std::map<Errc, int> errors;
  int changes = 0;
  std::shared_ptr<bool> has_ended = std::make_shared<bool>(true);
};

void set_text(Cluster& cluster, const ObjectKey& key, const std::string& text) {
  PatchOptions merge;
  merge.kind = PatchKind::kMerge;
  const Json body = {{"data", {{"text", text}}}};
  REQUIRE(cluster.await(cluster.api->patch(kConfigMaps, key, body, merge)));
}

void remove(Cluster& cluster, const ObjectKey& key) {
  REQUIRE(cluster.await(cluster.api->remove(kConfigMaps, key, DeleteOptions())));
}

}  // namespace

TEST_CASE("k8s: an informer follows what happens in its namespace", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("informed");
  const std::string elsewhere = cluster.a_namespace("elsewhere");
  for (int i = 0; i < 7; ++i) {
    cluster.create(kConfigMaps, a_config_map(ns, "m" + std::to_string(i), "0"));
  }
  Watched watched(cluster, *cluster.api, ns);
  watched.run();
  CHECK(watched.mirror.size() == 7);  // three pages
  cluster.create(kConfigMaps, a_config_map(elsewhere, "foreign", "0"));
  Json unlabelled = a_config_map(ns, "unlabelled", "0");
  unlabelled["metadata"].erase("labels");
  cluster.create(kConfigMaps, unlabelled);
  set_text(cluster, ObjectKey(ns, "m1"), "1");
  for (int i = 2; i < 7; ++i) {
    remove(cluster, ObjectKey(ns, "m" + std::to_string(i)));
  }
  CHECK(watched.sees({{"m0", "0"}, {"m1", "1"}}));
  CHECK(watched.errors.empty());
  CHECK(watched.informer->counters().lists == 1);
  const auto held = watched.informer->store().get(ObjectKey(ns, "m0"));
  CHECK_FALSE((*held)["metadata"].contains("managedFields"));
}

TEST_CASE("k8s: an informer survives restarts of the API server", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("restarts");
  cluster.create(kConfigMaps, a_config_map(ns, "a", "0"));
  Watched watched(cluster, *cluster.api, ns);
  watched.run();
  std::map<std::string, std::string> expected{{"a", "0"}};
  for (int turn = 1; turn <= 2; ++turn) {
    cluster.stop_server();
    CHECK(cluster.until([&] { return watched.errors[Errc::kUnavailable] > turn; }));
    cluster.start_server();
    expected["a"] = std::to_string(turn);
    set_text(cluster, ObjectKey(ns, "a"), expected["a"]);
    expected["b" + std::to_string(turn)] = "0";
    cluster.create(kConfigMaps, a_config_map(ns, "b" + std::to_string(turn), "0"));
    CHECK(watched.sees(expected));
  }
}

TEST_CASE("k8s: what happened while the history was lost is found by a new list", "[integration]") {
  Cluster cluster;
  Gate gate(*cluster.api);
  const std::string ns = cluster.a_namespace("gone");
  cluster.create(kConfigMaps, a_config_map(ns, "stays", "0"));
  cluster.create(kConfigMaps, a_config_map(ns, "goes", "0"));
  Watched watched(cluster, gate, ns);
  watched.run();
  REQUIRE(cluster.until([&] { return watched.informer->counters().watches == 1; }));
  gate.is_open = false;
  cluster.stop_server();
  REQUIRE(cluster.until([&] { return watched.errors[Errc::kUnavailable] >= 2; }));
  cluster.start_server();
  remove(cluster, ObjectKey(ns, "goes"));
  cluster.create(kConfigMaps, a_config_map(ns, "comes", "0"));
  set_text(cluster, ObjectKey(ns, "stays"), "1");
  cluster.restart_server();  // its watch cache begins after these
  const int before = watched.changes;
  gate.is_open = true;
  CHECK(watched.sees({{"stays", "1"}, {"comes", "0"}}));
  CHECK(watched.changes == before + 3);
  CHECK(watched.errors[Errc::kDataLoss] == 1);
  CHECK(watched.informer->counters().lists == 2);
}

TEST_CASE("k8s: a watch that is read slowly misses nothing", "[integration][slow]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("slow");
  std::atomic<bool> is_done{false};
  Watched watched(cluster, *cluster.api, ns, [&](Json& object) {
    object["data"]["text"] = object["data"]["text"].get<std::string>().substr(0, 4);
  });
  watched.informer->on_change([&](const Change&) {
    // Holds the strand, so that nothing is read while the server has megabytes to say.
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!is_done && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(1ms);
    }
  });
  watched.run();
  std::map<std::string, std::string> expected;
  std::thread writer([&] {
    Cluster other;
    for (int i = 0; i < 120; ++i) {
      const std::string name = "m" + std::to_string(i % 40);
      const std::string text = std::to_string(1000 + i);
      const ObjectKey key(ns, name);
      PatchOptions apply;
      apply.field_manager = "writer";
      const Json map = a_config_map(ns, name, text + std::string(100'000, 'x'));
      if (other.await(other.api->patch(kConfigMaps, key, map, apply))) {
        expected[name] = text;
      }
    }
    is_done = true;
  });
  cluster.until([&] { return is_done.load(); });
  writer.join();
  REQUIRE(expected.size() == 40);
  CHECK(watched.sees(expected));
}

TEST_CASE("k8s: events are accepted, counted and seen", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("events");
  const Json map = cluster.create(kConfigMaps, a_config_map(ns, "a", "0"));
  EventRecorder recorder(cluster.io.get_executor(), *cluster.api, "genesis-test", "one");
  std::vector<std::string> errors;
  recorder.on_error([&](const Error& error) { errors.push_back(error.message); });
  Event event;
  event.about = {kConfigMaps, ObjectKey(ns, "a"), std::string(uid_of(map)), ""};
  event.type = EventType::kWarning;
  event.reason = "WorkerLost";
  event.message = "worker b has not been heard of for 30 s";
  const auto has_ended = cluster.spawn(recorder.run());
  recorder.record(event);
  recorder.record(event);
  recorder.stop(20s);
  REQUIRE(cluster.until([&] { return *has_ended; }));
  CHECK(errors == std::vector<std::string>());
  ListOptions options;
  options.ns = ns;
  options.field_selector = "involvedObject.name=a,reason=WorkerLost,type=Warning";
  const auto page = cluster.await(cluster.api->list(kEvents, options));
  REQUIRE(page);
  REQUIRE(page->items.size() == 1);
  CHECK(page->items[0]["count"] == 2);
}
