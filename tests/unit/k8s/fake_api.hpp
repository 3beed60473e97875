#pragma once
// An API server of one process that does what a script says, and misbehaves on demand. It knows no
// more than versions and names: the judge of all else is a real one (tests/integration/k8s).
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "common/k8s/api.hpp"
#include "common/k8s/watch_parser.hpp"
#include "tests/support/catch.hpp"

namespace genesis::k8s::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class FakeApi final : public Api {
 public:
  explicit FakeApi(asio::io_context& io) : io_(io) {}

  // Lists and watches follow their scripts. After its script a watch waits until it is stopped; so
  // does a list, unless lists_objects says that it answers with `objects`.
  std::deque<std::function<Result<ListPage>(const ListOptions&)>> lists;
  std::deque<std::function<Status(const WatchOptions&, const WatchHandler&)>> watches;
  bool lists_objects = false;
  // Asked before each get, create, replace, patch and remove: an error is the answer.
  std::function<std::optional<Error>(const std::string& call)> fault;
  std::map<std::string, Json> objects;  // path -> object
  std::vector<std::string> calls;
  std::vector<Json> bodies;  // of patches
  int version = 0;

  void put(const Resource& resource, Json object) {
    const ObjectKey key = key_of(object);
    object["metadata"]["resourceVersion"] = std::to_string(++version);
    objects[object_path(resource, key.ns, key.name)] = std::move(object);
  }

  asio::awaitable<Result<Json>> get(Resource resource, ObjectKey key, Milliseconds) override {
    const std::string path = object_path(resource, key.ns, key.name);
    if (auto error = begin("GET " + path)) {
      co_return tl::unexpected(*error);
    }
    co_return found(path);
  }

  asio::awaitable<Result<ListPage>> list(Resource resource, ListOptions options) override {
    if (lists.empty() && lists_objects) {
      co_return page_of(resource);
    }
    if (lists.empty()) {
      co_await until_stopped(options.stop);
      co_return fail(Errc::kFailedPrecondition, "stopped");
    }
    auto answer = std::move(lists.front());
    lists.pop_front();
    co_return answer(options);
  }

  asio::awaitable<Status> watch(Resource, WatchOptions options, WatchHandler handler) override {
    if (watches.empty()) {
      co_await until_stopped(options.stop);
      co_return fail(Errc::kFailedPrecondition, "stopped");
    }
    auto answer = std::move(watches.front());
    watches.pop_front();
    co_return answer(options, handler);
  }

  asio::awaitable<Result<Json>> create(Resource resource,
                                       Json object,
                                       WriteOptions options) override {
    if (options.dry_run == DryRun::kYes) {
      co_return object;
    }
    const ObjectKey key = key_of(object);
    const std::string path = object_path(resource, key.ns, key.name);
    if (auto error = begin("POST " + path)) {
      co_return tl::unexpected(*error);
    }
    if (objects.contains(path)) {
      co_return fail(Errc::kAlreadyExists, path);
    }
    if (uid_of(object).empty()) {
      object["metadata"]["uid"] = "uid-" + std::to_string(version + 1);
    }
    put(resource, std::move(object));
    co_return objects[path];
  }

  asio::awaitable<Result<Json>> replace(Resource resource, Json object, WriteOptions) override {
    const ObjectKey key = key_of(object);
    const std::string path = object_path(resource, key.ns, key.name);
    if (auto error = begin("PUT " + path)) {
      co_return tl::unexpected(*error);
    }
    const auto held = objects.find(path);
    if (held == objects.end()) {
      co_return fail(Errc::kNotFound, path);
    }
    if (resource_version_of(held->second) != resource_version_of(object)) {
      co_return fail(Errc::kConflict, path);
    }
    put(resource, std::move(object));
    co_return objects[path];
  }

  asio::awaitable<Result<Json>> patch(Resource resource,
                                      ObjectKey key,
                                      Json body,
                                      PatchOptions options) override {
    const std::string path = object_path(resource, key.ns, key.name);
    bodies.push_back(body);
    if (auto error = begin("PATCH " + path)) {
      co_return tl::unexpected(*error);
    }
    if (!objects.contains(path)) {
      co_return fail(Errc::kNotFound, path);
    }
    if (options.subresource == Subresource::kStatus) {
      objects[path].erase("status");  // an apply removes the fields that it does not name
    }
    objects[path].merge_patch(body);
    objects[path]["metadata"]["resourceVersion"] = std::to_string(++version);
    co_return objects[path];
  }

  asio::awaitable<Status> remove(Resource resource, ObjectKey key, DeleteOptions) override {
    const std::string path = object_path(resource, key.ns, key.name);
    if (auto error = begin("DELETE " + path)) {
      co_return tl::unexpected(*error);
    }
    objects.erase(path);
    co_return Status{};
  }

 private:
  std::optional<Error> begin(std::string call) {
    calls.push_back(call);
    return fault ? fault(call) : std::nullopt;
  }

  Result<Json> found(const std::string& path) {
    const auto held = objects.find(path);
    if (held == objects.end()) {
      return fail(Errc::kNotFound, path);
    }
    return held->second;
  }

  ListPage page_of(const Resource& resource) {
    ListPage page;
    page.resource_version = std::to_string(++version);
    for (const auto& [path, object] : objects) {
      const ObjectKey key = key_of(object);
      if (path == object_path(resource, key.ns, key.name)) {
        page.items.push_back(object);
      }
    }
    return page;
  }

  asio::awaitable<void> until_stopped(std::stop_token stop) {
    asio::steady_timer never(io_, std::chrono::steady_clock::time_point::max());
    std::function<void()> end = [&never] { never.cancel(); };
    const std::stop_callback<std::function<void()>> on_stop(stop, std::move(end));
    if (!stop.stop_requested()) {
      co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }

  asio::io_context& io_;
};

/// Runs `io` until `condition` holds; false when a generous time is up or nothing is left to do.
inline bool run_until(asio::io_context& io, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end || io.stopped()) {
      return condition();
    }
    io.run_one_for(100ms);
  }
  return true;
}

}  // namespace genesis::k8s::test
