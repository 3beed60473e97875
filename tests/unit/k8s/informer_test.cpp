#include "common/k8s/informer.hpp"

#include "tests/unit/k8s/fake_api.hpp"

using namespace genesis;
using namespace genesis::k8s;
using namespace genesis::k8s::test;

namespace {

Json a_job(const std::string& name, int version, int state = 0) {
  return {{"metadata",
           {{"namespace", "ns"},
            {"name", name},
            {"resourceVersion", std::to_string(version)},
            {"managedFields", Json::array({{{"manager", "m" + std::to_string(version)}}})}}},
          {"spec", {{"state", state}}}};
}

auto page(std::vector<Json> items, int version, std::string next = "") {
  return [=](const ListOptions&) -> Result<ListPage> {
    return ListPage{items, std::to_string(version), next};
  };
}

auto events(std::vector<WatchEvent> list, Status end = {}) {
  return [=](const WatchOptions&, const WatchHandler& handler) -> Status {
    for (const WatchEvent& event : list) {
      handler(event);
    }
    return end;
  };
}

WatchEvent bookmark(int version) {
  return {WatchEventType::kBookmark,
          {{"metadata", {{"resourceVersion", std::to_string(version)}}}}};
}

const Status kGone = fail(Errc::kDataLoss, "too old");
const Status kRefused = fail(Errc::kUnavailable, "refused");

// An informer on its fake, and what it told.
struct Rig {
  explicit Rig(InformerOptions options = {}) {
    options.backoff = http::BackoffPolicy{1ms, 2ms};
    options.page_size = 2;
    informer.emplace(io.get_executor(), api, kJobs, std::move(options));
    informer->on_change([this](const Change& change) {
      const char* kind = change.kind == ChangeKind::kAdded     ? "+"
                         : change.kind == ChangeKind::kUpdated ? "~"
                                                               : "-";
      told.push_back(kind + change.key.name);
      CHECK(informer->store().contains(change.key) == (change.kind != ChangeKind::kDeleted));
      CHECK_FALSE(change.object["metadata"].contains("managedFields"));
    });
    informer->on_error([this](const Resource&, const Error& error) { errors.push_back(error); });
  }
  ~Rig() {
    informer->stop();
    io.run_for(5s);
    CHECK(has_ended);
  }

  // Runs until both scripts are played.
  void play() {
    if (!has_begun) {
      has_begun = true;
      asio::co_spawn(io, informer->run(), [this](const std::exception_ptr& failure) {
        CHECK(failure == nullptr);
        has_ended = true;
      });
    }
    REQUIRE(run_until(io, [this] { return api.lists.empty() && api.watches.empty(); }));
    io.poll();
  }

  asio::io_context io{1};
  FakeApi api{io};
  std::optional<Informer> informer;
  std::vector<std::string> told;
  std::vector<Error> errors;
  bool has_begun = false;
  bool has_ended = false;
};

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("k8s: an informer lists in pages, then watches from where the list ended", "[k8s]") {
  Rig rig;
  rig.api.lists.push_back([](const ListOptions& options) -> Result<ListPage> {
    CHECK(options.limit == 2);
    CHECK(options.continue_token.empty());
    return ListPage{{a_job("a", 1), a_job("b", 2)}, "7", "more"};
  });
  rig.api.lists.push_back([&rig](const ListOptions& options) -> Result<ListPage> {
    CHECK(options.continue_token == "more");
    CHECK_FALSE(rig.informer->has_synced());
    return ListPage{{a_job("c", 3)}, "7", ""};
  });
  rig.api.watches.push_back([&rig](const WatchOptions& options, const WatchHandler& handler) {
    CHECK(options.resource_version == "7");
    CHECK(options.timeout >= 300s);
    CHECK(options.timeout <= 600s);
    CHECK(rig.informer->has_synced());
    handler({WatchEventType::kModified, a_job("a", 8, 1)});
    handler({WatchEventType::kDeleted, a_job("b", 9)});
    handler({WatchEventType::kAdded, a_job("d", 10)});
    handler(bookmark(12));
    return Status{};
  });
  rig.api.watches.push_back([](const WatchOptions& options, const WatchHandler&) {
    CHECK(options.resource_version == "12");
    return Status{};
  });
  rig.play();
  CHECK(rig.told == Told{"+a", "+b", "+c", "~a", "-b", "+d"});
  CHECK(rig.informer->store().size() == 3);
  CHECK(rig.informer->counters().lists == 1);
  CHECK(rig.errors.empty());
}

TEST_CASE("k8s: a change of bookkeeping alone is not told", "[k8s]") {
  InformerOptions options;
  options.transform = [](Json& job) { job.erase("status"); };
  Rig rig(std::move(options));
  Json busy = a_job("a", 2);
  busy["status"] = {{"active", 1}};
  rig.api.lists.push_back(page({a_job("a", 1)}, 1));
  rig.api.watches.push_back(events({{WatchEventType::kModified, busy}}));
  rig.play();
  CHECK(rig.told == Told{"+a"});
  const auto held = rig.informer->store().get(ObjectKey("ns", "a"));
  CHECK(resource_version_of(*held) == "2");
  CHECK_FALSE(held->contains("status"));
}

TEST_CASE("k8s: a lost watch goes on where it was, without a list", "[k8s]") {
  Rig rig;
  rig.api.lists.push_back(page({a_job("a", 1)}, 5));
  rig.api.watches.push_back(events({{WatchEventType::kAdded, a_job("b", 6)}}, kRefused));
  rig.api.watches.push_back(events({}, kRefused));
  rig.api.watches.push_back([](const WatchOptions& options, const WatchHandler&) {
    CHECK(options.resource_version == "6");
    return Status{};
  });
  rig.play();
  CHECK(rig.informer->counters().lists == 1);
  CHECK(rig.errors.size() == 2);
}

TEST_CASE("k8s: after 410 the difference of a new list is told, and nothing else", "[k8s]") {
  Rig rig;
  rig.api.lists.push_back(page({a_job("a", 1), a_job("b", 2), a_job("c", 3)}, 5));
  rig.api.watches.push_back(events({}, kGone));
  rig.api.lists.push_back(page({a_job("a", 1), a_job("c", 8, 1), a_job("d", 9)}, 20));
  rig.api.watches.push_back([](const WatchOptions& options, const WatchHandler&) {
    CHECK(options.resource_version == "20");
    return Status{};
  });
  rig.play();
  CHECK(rig.told == Told{"+a", "+b", "+c", "~c", "+d", "-b"});
}

TEST_CASE("k8s: 410 again and again is asked less and less often", "[k8s]") {
  Rig rig;
  for (int i = 0; i < 6; ++i) {
    rig.api.lists.push_back(page({}, 5));
    rig.api.watches.push_back(events({}, kGone));
  }
  rig.play();
  CHECK(rig.informer->counters().failures == 6);
}

TEST_CASE("k8s: pages that outlive their history are listed in one piece", "[k8s]") {
  Rig rig;
  rig.api.lists.push_back(page({a_job("a", 1), a_job("b", 2)}, 5, "more"));
  rig.api.lists.push_back([](const ListOptions&) -> Result<ListPage> {
    return fail(Errc::kDataLoss, "the continue token has expired");
  });
  rig.api.lists.push_back([](const ListOptions& options) -> Result<ListPage> {
    CHECK(options.limit == 0);
    CHECK(options.continue_token.empty());
    return ListPage{{a_job("b", 2), a_job("c", 3)}, "9", ""};
  });
  rig.play();
  CHECK(rig.told == Told{"+a", "+b", "+c", "-a"});
}

TEST_CASE("k8s: an informer waits for a server that is not there yet", "[k8s]") {
  Rig rig;
  for (int i = 0; i < 4; ++i) {
    rig.api.lists.push_back(
        [](const ListOptions&) -> Result<ListPage> { return fail(Errc::kUnavailable, "refused"); });
  }
  rig.api.lists.push_back(page({a_job("a", 1)}, 5));
  bool is_synced = false;
  asio::co_spawn(rig.io, rig.informer->wait_for_sync(15s), [&](std::exception_ptr, bool synced) {
    is_synced = synced;
  });
  rig.play();
  CHECK(run_until(rig.io, [&] { return is_synced; }));
  CHECK(rig.errors.size() == 4);
}

TEST_CASE("k8s: waiting for a sync ends at its deadline and at a stop", "[k8s]") {
  Rig rig;
  int not_synced = 0;
  const auto count = [&](std::exception_ptr, bool synced) { not_synced += synced ? 0 : 1; };
  asio::co_spawn(rig.io, rig.informer->wait_for_sync(1ms), count);
  CHECK(run_until(rig.io, [&] { return not_synced == 1; }));
  rig.io.restart();
  rig.play();  // the list hangs
  asio::co_spawn(rig.io, rig.informer->wait_for_sync(20s), count);
  rig.io.poll();
  rig.informer->stop();
  CHECK(run_until(rig.io, [&] { return not_synced == 2; }));
}

TEST_CASE("k8s: an object without a name is said and passed over", "[k8s]") {
  Rig rig;
  rig.api.lists.push_back(page({Json::parse(R"({"metadata":{"namespace":"ns"}})"), Json(3)}, 1));
  rig.api.watches.push_back(events({{WatchEventType::kDeleted, Json::object()},
                                    {WatchEventType::kDeleted, a_job("unknown", 2)}}));
  rig.play();
  CHECK(rig.told.empty());
  CHECK(rig.errors.size() == 2);
}
