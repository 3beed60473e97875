#pragma once
// A real API server, started by tests/cluster/api-exec, as these tests use it: one strand, driven
// by the test's own thread, and no wait without an end.
#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "common/k8s/config.hpp"
#include "common/k8s/rest_api.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"

namespace genesis::k8s::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kPatience{60};

inline Config admin() {
  auto config = load_config();
  REQUIRE(config);
  return std::move(*config);
}

inline void component(const std::string& verb) {
  const std::string command = source_file("tests/cluster/component ") + verb + " kube-apiserver";
  REQUIRE(std::system(command.c_str()) == 0);
}

class Cluster {
 public:
  explicit Cluster(Config config = admin()) {
    auto made = RestApi::create(io.get_executor(), std::move(config));
    REQUIRE(made);
    api = std::move(*made);
  }
  ~Cluster() {
    api->cancel();
    io.restart();
    io.run_for(5s);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// The operation's value.
  template <typename T>
  T await(asio::awaitable<T> operation) {
    std::optional<T> result;
    start(std::move(operation), [&result](T value) { result = std::move(value); });
    REQUIRE(until([&] { return result.has_value(); }));
    return std::move(*result);
  }

  template <typename T, typename Take>
  void start(asio::awaitable<T> operation, Take take) {
    asio::co_spawn(io, std::move(operation), [take](const std::exception_ptr& failure, T value) {
      REQUIRE(failure == nullptr);
      take(std::move(value));
    });
  }

  /// Spawns a task that ends when told to; `*has_ended` then.
  std::shared_ptr<bool> spawn(asio::awaitable<void> task) {
    auto has_ended = std::make_shared<bool>(false);
    asio::co_spawn(io, std::move(task), [has_ended](const std::exception_ptr& failure) {
      CHECK(failure == nullptr);
      *has_ended = true;
    });
    return has_ended;
  }

  bool until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    io.restart();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      io.restart();
      io.run_one_for(50ms);
    }
    return true;
  }

  Json create(const Resource& resource, Json object) {
    auto made = await(api->create(resource, std::move(object), WriteOptions()));
    if (!made) {
      FAIL(made.error().message);
    }
    return *made;
  }

  /// A namespace of this test's own; an API server alone never ends one that is deleted.
  std::string a_namespace(const std::string& name) {
    create(kNamespaces, {{"metadata", {{"name", name}}}});
    return name;
  }

  [[nodiscard]] bool is_served() { return await(api->server_version(5s)).has_value(); }

  /// tests/cluster/component stop or start, and waits until that shows.
  void stop_server() {
    component("stop");
    REQUIRE(until([this] { return !is_served(); }));
  }
  void start_server() {
    component("start");
    ListOptions options;
    REQUIRE(until([&] { return is_served() && await(api->list(kNamespaces, options)); }));
  }
  void restart_server() {
    stop_server();
    start_server();
  }

  asio::io_context io{1};
  std::unique_ptr<RestApi> api;
};

inline Json a_config_map(const std::string& ns, const std::string& name, const std::string& text) {
  return {{"metadata", {{"namespace", ns}, {"name", name}, {"labels", {{"app", "test"}}}}},
          {"data", {{"text", text}}}};
}

}  // namespace genesis::k8s::test
