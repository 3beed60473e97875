#include "common/http/health.hpp"

#include "tests/unit/http/harness.hpp"

using namespace genesis;
using namespace genesis::http;
using namespace genesis::http::test;

namespace {

std::unique_ptr<HealthServer> a_health_server(metrics::Registry& registry, HealthChecks checks) {
  return HealthServer::start(ListenAddress{}, registry, std::move(checks)).value();
}

std::unique_ptr<HealthServer> a_health_server(metrics::Registry& registry) {
  return a_health_server(registry, HealthChecks{});
}

ClientResponse ask(const HealthServer& server, const std::string& path) {
  Client client = Client::create(server.url()).value();
  return get(client, path).value();
}

}  // namespace

TEST_CASE("http: the health listener serves the registry's text", "[http]") {
  metrics::Registry registry;
  auto round = registry.gauge({"genesis_round", "The open round."});
  round.set(3);
  const auto server = a_health_server(registry);
  const auto response = ask(*server, "/metrics");
  CHECK(response.status == 200);
  CHECK(response.header("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(response.body == registry.text());
  round.set(4);
  CHECK_THAT(ask(*server, "/metrics").body, ContainsSubstring("genesis_round 4\n"));
}

TEST_CASE("http: without checks a process lives and is ready", "[http]") {
  metrics::Registry registry;
  const auto server = a_health_server(registry);
  CHECK(ask(*server, "/healthz").status == 200);
  CHECK(ask(*server, "/readyz").status == 200);
  CHECK(ask(*server, "/readyz").body == "ok\n");
}

TEST_CASE("http: readiness follows its value, with the reason", "[http]") {
  metrics::Registry registry;
  Readiness readiness("has not joined yet");
  HealthChecks checks;
  checks.why_not_ready = [&] { return readiness.why_not(); };
  const auto server = a_health_server(registry, std::move(checks));
  CHECK(ask(*server, "/readyz").status == 503);
  CHECK(ask(*server, "/readyz").body == "has not joined yet\n");
  CHECK(ask(*server, "/healthz").status == 200);
  readiness.set_ready();
  CHECK(ask(*server, "/readyz").status == 200);
  readiness.set_not_ready("the server is gone");
  CHECK(ask(*server, "/readyz").body == "the server is gone\n");
}

TEST_CASE("http: a process that does not live says why", "[http]") {
  metrics::Registry registry;
  HealthChecks checks;
  checks.why_not_alive = [] { return std::optional<std::string>("the main loop hangs"); };
  const auto server = a_health_server(registry, std::move(checks));
  CHECK(ask(*server, "/healthz").status == 503);
  CHECK(ask(*server, "/healthz").body == "the main loop hangs\n");
}

TEST_CASE("http: a loop that has stopped beating is named, one that beats is alive", "[http]") {
  Heartbeat silent("the training's loop", 0ms);
  REQUIRE(eventually([&] { return silent.why_not().has_value(); }));
  CHECK_THAT(*silent.why_not(), ContainsSubstring("the training's loop has been blocked for"));
  Heartbeat beating("the training's loop", kPatience);
  CHECK(beating.why_not() == std::nullopt);
  beating.beat();
  CHECK(beating.why_not() == std::nullopt);
}

TEST_CASE("http: the health listener offers nothing else and takes nothing in", "[http]") {
  metrics::Registry registry;
  const auto server = a_health_server(registry);
  CHECK(ask(*server, "/v1/status").status == 404);
  CHECK(ask(*server, "/").status == 404);
  Client client = Client::create(server->url()).value();
  CHECK(put(client, "/metrics", "x")->status == 405);
}

TEST_CASE("http: the health listener ends with connections open", "[http]") {
  metrics::Registry registry;
  auto server = a_health_server(registry);
  RawSocket idle(server->port());
  RawSocket half(server->port());
  half.send("GET /metr");
  CHECK(ask(*server, "/healthz").status == 200);
  server.reset();
  idle.read_all();
  CHECK(idle.was_closed());
  half.read_all();
  CHECK(half.was_closed());
}

TEST_CASE("http: errors of the metrics listener name its own settings", "[http]") {
  metrics::Registry registry;
  const auto server = a_health_server(registry);
  const ListenAddress taken{"127.0.0.1", server->port()};
  const auto second = HealthServer::start(taken, registry, HealthChecks{});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::kAlreadyExists);
  CHECK_THAT(second.error().message, ContainsSubstring("is in use; choose another port"));
  CHECK(second.error().setting == Setting::kMetricsPort);
  const ListenAddress foreign{"192.0.2.1", 0};
  const auto third = HealthServer::start(foreign, registry, HealthChecks{});
  REQUIRE_FALSE(third);
  CHECK(third.error().setting == Setting::kMetricsHost);
}
