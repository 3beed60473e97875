#include "common/k8s/timed_api.hpp"

#include <ctime>
#include <stdexcept>

#include "tests/unit/k8s/fake_api.hpp"

using namespace genesis;
using namespace genesis::k8s;
using namespace genesis::k8s::test;

namespace {

constexpr std::chrono::milliseconds kWork{20};
const ObjectKey kKey("ns", "a");

std::chrono::nanoseconds thread_time() {
  std::timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Uses that much of the thread's processor time, however busy the machine is.
void work() {
  const auto end = thread_time() + kWork;
  while (thread_time() < end) {
  }
}

Json an_object() {
  return Json{{"metadata", {{"namespace", "ns"}, {"name", "a"}, {"resourceVersion", "1"}}}};
}

// An API whose every call takes kWork of processor time, behind the decorator.
struct Rig {
  Rig() {
    inner.fault = [this](const std::string&) -> std::optional<Error> {
      work();
      return error;
    };
    inner.lists.push_back([this](const ListOptions& options) -> Result<ListPage> {
      work();
      listed = options.ns;
      return ListPage{{}, "7", ""};
    });
    inner.watches.push_back([this](const WatchOptions& options, const WatchHandler& handler) {
      work();
      watched = options.resource_version;
      handler(WatchEvent{WatchEventType::kBookmark, an_object()});
      return Status();
    });
  }

  // Runs one call and returns its result.
  template <typename T>
  T run(asio::awaitable<T> call) {
    std::optional<T> done;
    asio::co_spawn(io, std::move(call), [&done](const std::exception_ptr& failure, T result) {
      REQUIRE(failure == nullptr);
      done = std::move(result);
    });
    REQUIRE(run_until(io, [&done] { return done.has_value(); }));
    io.restart();
    return std::move(*done);
  }

  asio::io_context io{1};
  FakeApi inner{io};
  Stopwatch watch;
  TimedApi api{inner, watch};
  std::optional<Error> error;
  std::string listed;
  std::string watched;
};

}  // namespace

TEST_CASE("k8s: a timed API passes each call and its answer on", "[k8s]") {
  Rig rig;
  CHECK(rig.run(rig.api.create(kJobs, an_object(), {})));
  CHECK(rig.run(rig.api.get(kJobs, kKey)));
  CHECK(rig.run(rig.api.patch(kJobs, kKey, Json{{"spec", 1}}, {})));
  CHECK(rig.run(rig.api.replace(kJobs, rig.inner.objects.begin()->second, {})));
  CHECK(rig.run(rig.api.remove(kJobs, kKey, {})));
  CHECK(rig.inner.calls == std::vector<std::string>{"POST /apis/batch/v1/namespaces/ns/jobs/a",
                                                    "GET /apis/batch/v1/namespaces/ns/jobs/a",
                                                    "PATCH /apis/batch/v1/namespaces/ns/jobs/a",
                                                    "PUT /apis/batch/v1/namespaces/ns/jobs/a",
                                                    "DELETE /apis/batch/v1/namespaces/ns/jobs/a"});
  ListOptions list;
  list.ns = "ns";
  CHECK(rig.run(rig.api.list(kJobs, list))->resource_version == "7");
  CHECK(rig.listed == "ns");
  int events = 0;
  WatchOptions watch;
  watch.resource_version = "7";
  CHECK(rig.run(rig.api.watch(kJobs, watch, [&events](WatchEvent) { ++events; })));
  CHECK(rig.watched == "7");
  CHECK(events == 1);
  rig.error = Error{Errc::kPermissionDenied, "no"};
  CHECK(rig.run(rig.api.get(kJobs, kKey)).error().code == Errc::kPermissionDenied);
}

TEST_CASE(
    "k8s: the stopwatch of a timed API shows the caller's time without "
    "that of calls",
    "[k8s]") {
  Rig rig;
  rig.inner.objects[object_path(kJobs, "ns", "a")] = an_object();
  const auto begin = thread_time();
  const auto shown = rig.watch.elapsed();
  (void)rig.run(rig.api.get(kJobs, kKey));
  (void)rig.run(rig.api.list(kJobs, {}));
  (void)rig.run(rig.api.watch(kJobs, {}, [](WatchEvent) {}));
  (void)rig.run(rig.api.patch(kJobs, kKey, Json::object(), {}));
  (void)rig.run(rig.api.replace(kJobs, an_object(), {}));
  (void)rig.run(rig.api.remove(kJobs, kKey, {}));
  (void)rig.run(rig.api.create(kJobs, an_object(), {}));
  const auto calls = 7 * kWork;
  CHECK(rig.watch.elapsed() - shown <= thread_time() - begin - calls);
  const auto before = rig.watch.elapsed();
  work();
  CHECK(rig.watch.elapsed() - before >= kWork);
}

TEST_CASE("k8s: a stopwatch goes on after a call that throws", "[k8s]") {
  asio::io_context io(1);
  Stopwatch watch;
  const auto failing = []() -> asio::awaitable<int> {
    work();
    throw std::runtime_error("broken");
    co_return 0;
  };
  bool has_thrown = false;
  const auto begin = thread_time();
  const auto shown = watch.elapsed();
  auto call = failing();
  asio::co_spawn(io, watch.excluding(std::move(call)), [&](const std::exception_ptr& failure, int) {
    has_thrown = failure != nullptr;
  });
  io.run();
  CHECK(has_thrown);
  CHECK(watch.elapsed() - shown <= thread_time() - begin - kWork);
  const auto before = watch.elapsed();
  work();
  CHECK(watch.elapsed() - before >= kWork);
}
