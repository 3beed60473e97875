// Who may ask a service for what: the table of routes, and that it is decided without a body.
#include <filesystem>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <nlohmann/json.hpp>

#include "aggregator/service.hpp"
#include "common/base/file.hpp"
#include "tests/support/source_file.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/aggregator/training.hpp"

namespace genesis::aggregator {
namespace {

constexpr std::string_view kToken = "a-token-only-for-this-test";

// A small training of the clients a and b behind its HTTP face, which asks for certificates and a
// token.
class Guarded {
 public:
  Guarded() {
    ServiceOptions options;
    options.auth_token = crypto::Secret(kToken);
    options.is_mutual_tls = true;
    options.uploads = folder_ / "uploads";
    options.evict = [this](const ClientId& client) {
      evicted.push_back(client.str());
      return Status();
    };
    options.denied = [this] { return std::set<std::string>(evicted.begin(), evicted.end()); };
    options.checkpoint_of = [this](RoundId round) {
      return kept && kept->round == round ? Result<wire::Checkpoint>(*kept)
                                          : fail(Errc::kNotFound, "no such checkpoint");
    };
    training.coordinator.on_checkpoint([this](const wire::Checkpoint& saved) { kept = saved; });
    options.warnings = {"a warning"};
    service_.emplace(io_.get_executor(), training.coordinator, clock_, std::move(options));
  }

  // As the holder of a certificate with this name.
  static http::Request request(const std::string& name,
                               const std::string& method,
                               const std::string& path) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.is_tls = true;
    request.peer_name = name;
    request.headers = {{"Authorization", "Bearer " + std::string(kToken)}};
    return request;
  }

  // The status that admission refuses with; 0 where it admits.
  int refusal(const http::Request& request) {
    const auto decided = service_->handler().admit(request);
    const auto* refused = std::get_if<http::Response>(&decided);
    return refused == nullptr ? 0 : refused->status;
  }
  int refusal(const std::string& name, const std::string& method, const std::string& path) {
    return refusal(request(name, method, path));
  }

  http::Response answer(const std::string& name,
                        const std::string& method,
                        const std::string& path,
                        const std::string& body = "",
                        const std::string& flag = "") {
    auto asked = request(name, method, path);
    asked.body = body;
    if (!flag.empty()) {
      asked.query[flag] = "true";
    }
    REQUIRE(refusal(asked) == 0);
    io_.restart();
    const auto handler = service_->handler();
    auto done =
        boost::asio::co_spawn(io_, handler.respond(std::move(asked)), boost::asio::use_future);
    io_.run_for(std::chrono::seconds(10));
    return done.get();
  }
  [[nodiscard]] http::Handler handler() { return service_->handler(); }

  Training training;
  std::vector<std::string> evicted;
  std::optional<wire::Checkpoint> kept;  // the newest

 private:
  const TemporaryFolder folder_;
  boost::asio::io_context io_;
  SteadyClock clock_;
  std::optional<Service> service_;
};

}  // namespace

TEST_CASE("aggregator: the table of routes is the one that the documentation has", "[aggregator]") {
  const auto text = read_file(source_file("docs/protocol.md"), 1U << 20U);
  REQUIRE(text);
  std::string table;
  for (const auto& route : routes().routes()) {
    table += "| `" + std::string(route.method) + " " + std::string(route.path) + "` | " +
             to_string(route.roles) + " | " + std::to_string(route.max_body / 1024) + " |\n";
  }
  INFO("expected in docs/protocol.md:\n" << table);
  CHECK(text->find(table) != std::string::npos);
}

TEST_CASE("aggregator: a role may take its routes and no other", "[aggregator]") {
  Guarded served;
  struct Case {
    const char* method;
    const char* path;
    int member;
    int observer;
    int admin;
  };
  for (const auto& [method, path, member, observer, admin] : {
           Case{"GET", "/healthz", 0, 0, 0},
           Case{"GET", "/readyz", 0, 0, 0},
           Case{"GET", "/v1/training", 0, 403, 403},
           Case{"POST", "/v1/join", 0, 403, 403},
           Case{"GET", "/v1/collections/2/documents/parameters", 0, 403, 403},
           Case{"GET", "/v1/collections/2/contributions/a", 0, 403, 403},
           Case{"PUT", "/v1/collections/2/contributions/a", 0, 403, 403},
           Case{"GET", "/v1/status", 0, 0, 0},
           Case{"GET", "/v1/page", 0, 0, 0},
           Case{"GET", "/v1/rounds", 0, 0, 0},
           Case{"DELETE", "/v1/clients/a", 403, 403, 0},
           Case{"POST", "/v1/rollback", 403, 403, 0},
           Case{"GET", "/v1/elsewhere", 404, 404, 404},
           Case{"POST", "/v1/status", 405, 405, 405},
           Case{"POST", "/v1/page", 405, 405, 405},
       }) {
    CAPTURE(method, path);
    CHECK(served.refusal("a", method, path) == member);
    CHECK(served.refusal("genesis-observer", method, path) == observer);
    CHECK(served.refusal("genesis-admin", method, path) == admin);
    const bool is_open = std::string(path).ends_with("z");
    CHECK(served.refusal("stranger", method, path) == (is_open ? 0 : 403));
    CHECK(served.refusal("../a", method, path) == (is_open ? 0 : 403));
  }
}

TEST_CASE("aggregator: without the token nothing is learnt, not even which routes there are",
          "[aggregator]") {
  Guarded served;
  for (const char* path : {"/v1/training", "/v1/status", "/v1/elsewhere", "/v1/clients/a"}) {
    auto request = Guarded::request("genesis-admin", "GET", path);
    request.headers.clear();
    CHECK(served.refusal(request) == 401);
    request.headers = {{"Authorization", "Bearer another-token-of-this-length"}};
    CHECK(served.refusal(request) == 401);
  }
  auto plain = Guarded::request("a", "GET", "/v1/status");
  plain.is_tls = false;
  CHECK(served.refusal(plain) == 403);  // the token must not have travelled
}

TEST_CASE("aggregator: a join is refused before its body where its certificate says enough",
          "[aggregator]") {
  Guarded served;
  auto join = Guarded::request("a", "POST", "/v1/join");
  CHECK(served.refusal(join) == 0);
  join.headers.push_back({"Genesis-Instance", "another process"});
  CHECK(served.refusal(join) == 409);  // takes part under this name already
  join.headers.back().value = std::string(65, 'x');
  CHECK(served.refusal(join) == 400);
}

TEST_CASE("aggregator: a client asks for its own tasks only", "[aggregator]") {
  Guarded served;
  auto task = Guarded::request("a", "GET", "/v1/task");
  task.query["client"] = "b";
  CHECK(served.refusal(task) == 403);
  task.query["client"] = "a";
  CHECK(served.refusal(task) == 0);
}

TEST_CASE("aggregator: a member reads its own rows and losses and nobody else's", "[aggregator]") {
  Guarded served;
  auto contribution = served.training.update("b", 1, 1.0F);
  contribution.telemetry = {{"generator_loss", 0.5}};
  REQUIRE(served.training.send(std::move(contribution)));
  const auto report = [&](const std::string& name) {
    return *wire::decode_status_report(served.answer(name, "GET", "/v1/status").bytes());
  };
  const auto whole = report("genesis-observer");
  REQUIRE(whole.clients.size() == 2);
  CHECK(whole.clients[1].rows == 2U);
  CHECK_FALSE(whole.clients[1].telemetry.empty());
  CHECK(whole.warnings == std::vector<std::string>{"a warning"});

  const auto of_a = report("a");
  CHECK(of_a.clients[0].rows == whole.clients[0].rows);
  CHECK(of_a.clients[1].id == "b");
  CHECK(of_a.clients[1].state == whole.clients[1].state);
  const auto text = served.answer("a", "GET", "/v1/status");
  const auto other = nlohmann::json::parse(text.bytes())["clients"][1];
  CHECK(other == nlohmann::json{{"id", "b"}, {"state", "reported"}, {"last_round", 1}});
  CHECK(report("b").clients[1] == whole.clients[1]);
}

TEST_CASE(
    "aggregator: the page shows each round's losses to who sees all clients, and to a member "
    "its own row",
    "[aggregator]") {
  Guarded served;
  for (const char* client : {"a", "b"}) {
    auto contribution = served.training.update(client, 1, 0.01F);
    contribution.telemetry = {{"generator_loss", client[0] == 'a' ? 0.25 : 0.75}};
    REQUIRE(served.training.send(std::move(contribution)));
  }
  const auto ask = [&](const std::string& name) {
    return nlohmann::json::parse(served.answer(name, "GET", "/v1/rounds").bytes());
  };
  ask("genesis-observer");  // a round that has closed is noticed with the next request or tick
  for (const char* name : {"genesis-observer", "genesis-admin"}) {
    const auto all = ask(name);
    REQUIRE(all.at("rounds").size() == 1);
    CHECK(all.at("rounds")[0].at("round") == 1);
    CHECK(all.at("status").at("clients")[1].contains("telemetry"));
  }
  const auto own = ask("a");
  CHECK(own.at("rounds").empty());
  CHECK(own.at("status").at("clients")[0].contains("telemetry"));
  CHECK_FALSE(own.at("status").at("clients")[1].contains("telemetry"));

  const auto page = [&] { return std::string(served.answer("a", "GET", "/v1/page").bytes()); };
  CHECK_THAT(page(), ContainsSubstring("<!DOCTYPE html>"));
  CHECK(page() != page());  // each with a nonce of its own
}

TEST_CASE("aggregator: a summary of the status is short", "[aggregator]") {
  Guarded served;
  auto contribution = served.training.update("b", 1, 1.0F);
  contribution.telemetry = {{"generator_loss", 0.5}};
  REQUIRE(served.training.send(std::move(contribution)));
  auto whole =
      wire::decode_status_report(served.answer("genesis-observer", "GET", "/v1/status").bytes());
  auto summary = wire::decode_status_report(
      served.answer("genesis-observer", "GET", "/v1/status", "", "summary").bytes());
  REQUIRE(whole);
  REQUIRE(summary);
  whole->elapsed_seconds = summary->elapsed_seconds;  // a moment later
  CHECK(summary->joined == 2);
  CHECK(*summary == wire::summary_of(*whole));
  CHECK_FALSE(*summary == *whole);
}

TEST_CASE("aggregator: warnings about the sites are not for members", "[aggregator]") {
  Guarded served;
  for (const char* client : {"a", "b"}) {
    REQUIRE(served.training.send(served.training.update(client, 1, 30000.0F)));
  }
  const auto warnings = [&](const std::string& name) {
    return wire::decode_status_report(served.answer(name, "GET", "/v1/status").bytes())->warnings;
  };
  for (const char* name : {"genesis-observer", "genesis-admin"}) {
    REQUIRE(warnings(name).size() == 2);
    CHECK_THAT(warnings(name)[0], ContainsSubstring("diverge"));
    CHECK(warnings(name)[1] == "a warning");
  }
  CHECK(warnings("a") == std::vector<std::string>{"a warning"});
}

TEST_CASE("aggregator: an admin rolls a training back to a round that is kept", "[aggregator]") {
  Guarded served;
  const auto roll_back = [&](const std::string& body) {
    return served.answer("genesis-admin", "POST", "/v1/rollback", body).status;
  };
  for (const char* client : {"a", "b"}) {
    REQUIRE(served.training.send(served.training.update(client, 1, 0.01F)));
  }
  const auto open = served.training.coordinator.state().open.id;
  for (const char* body : {"", "{}", "[]", R"({"round":-1})", R"({"round":"1"})"}) {
    CHECK(roll_back(body) == 400);
  }
  CHECK(roll_back(R"({"round":7})") == 404);
  CHECK(served.training.coordinator.state().open.id == open);
  CHECK(roll_back(R"({"round":1})") == 200);
  CHECK(served.training.coordinator.state().open.id > open);
  CHECK(round_of(served.training.coordinator) == RoundId{2});
}

TEST_CASE("aggregator: an admin evicts a client, and nobody who is none", "[aggregator]") {
  Guarded served;
  CHECK(served.answer("genesis-admin", "DELETE", "/v1/clients/nobody").status == 404);
  CHECK(served.evicted.empty());
  CHECK(served.answer("genesis-admin", "DELETE", "/v1/clients/b").status == 200);
  CHECK(served.evicted == std::vector<std::string>{"b"});
  const auto& state = served.training.coordinator.state();
  CHECK_FALSE(state.members.contains(id("b")));
  CHECK(state.open.roster == std::set<ClientId>{id("a")});
}

TEST_CASE("aggregator: places are kept for those whom the training is for", "[aggregator]") {
  Guarded served;
  const auto is_member = served.handler().is_member;
  CHECK(is_member("a"));
  CHECK(is_member("genesis-observer"));
  CHECK_FALSE(is_member("stranger"));
  CHECK_FALSE(is_member(""));
}

}  // namespace genesis::aggregator
