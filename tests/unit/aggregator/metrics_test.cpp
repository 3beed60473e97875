#include "aggregator/metrics.hpp"

#include <array>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::aggregator;
using namespace std::chrono_literals;

namespace {

ClientId id(const std::string& name) {
  return *ClientId::parse(name);
}

rounds::State a_round(std::uint32_t round, std::initializer_list<const char*> selected) {
  rounds::State state;
  state.phase = rounds::Phase::kCollecting;
  state.open.id = CollectionId{round + 1};
  state.open.request.round = RoundId{round};
  for (const char* client : selected) {
    state.open.roster.insert(id(client));
  }
  return state;
}

struct Update {
  rounds::Contribution contribution;
  std::uint64_t rows;
};

Update an_update(const std::string& client,
                 std::uint64_t rows,
                 double loss,
                 std::vector<float> delta) {
  Tensors tensors;
  tensors.values = std::move(delta);
  return {{.run = "run",
           .collection = {},
           .client = id(client),
           .body = rounds::Plain{std::move(tensors)},
           .telemetry = {{"generator_loss", loss},
                         {"discriminator_loss", -loss},
                         {"train_seconds", 2.0}}},
          rows};
}

constexpr std::array kTelemetry{method::TelemetryName{"generator_loss", "Loss."},
                                method::TelemetryName{"discriminator_loss", "Loss."}};

// A story of effects, and what the scrape after it says.
class Story {
 public:
  explicit Story(std::size_t max_clients = 100) : metrics(registry, max_clients) {
    metrics.show(kTelemetry);
  }

  Story& open(std::uint32_t round, std::initializer_list<const char*> selected) {
    state_ = a_round(round, selected);
    return perform(rounds::OpenCollection{CollectionId{round + 1}});
  }
  Story& fold(const Update& update) {
    metrics.folded(update.contribution, update.rows);
    return perform(rounds::Fold{}, 0.25);
  }
  Story& close(std::vector<float> step) {
    metrics.stepped(std::move(step));
    return perform(rounds::Advance{}, 0.5);
  }
  Story& perform(const rounds::Effect& effect, double seconds = 0.0) {
    metrics.performed(effect, state_, seconds, now);
    return *this;
  }
  Story& wait(Milliseconds time) {
    now += time;
    return *this;
  }
  Story& answer(const std::string& method,
                const std::string& path,
                std::uint64_t bytes,
                const http::Response& response,
                const http::Headers& headers = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.content_length = bytes;
    request.headers = headers;
    metrics.answered(request, response);
    return *this;
  }
  Story& says(const std::string& line) {
    CHECK_THAT("\n" + registry.text(), ContainsSubstring("\n" + line + "\n"));
    return *this;
  }
  Story& does_not_say(const std::string& part) {
    CHECK(registry.text().find(part) == std::string::npos);
    return *this;
  }

  Instant now{};
  metrics::Registry registry;
  Metrics metrics;

 private:
  rounds::State state_;
};

http::Response status(int code) {
  return http::json_response(code, "{}");
}

}  // namespace

TEST_CASE("aggregator: what can happen is scraped as 0 before it has", "[aggregator]") {
  Story story;
  story.says("genesis_round 0")
      .says("genesis_rounds_total{result=\"completed\"} 0")
      .says("genesis_rounds_total{result=\"retried\"} 0")
      .says("genesis_rounds_total{result=\"failed\"} 0")
      .says("genesis_round_clients{state=\"selected\"} 0")
      .says("genesis_round_clients{state=\"dropped\"} 0")
      .says("genesis_update_bytes_total{direction=\"received\",encoding=\"none\"} 0")
      .says("genesis_refused_requests_total{reason=\"handshake\"} 0")
      .says("genesis_joins_total{result=\"accepted\"} 0");
}

TEST_CASE("aggregator: a round's clients, losses and times are measured", "[aggregator]") {
  Story story;
  story.open(1, {"a", "b", "c"})
      .says("genesis_round 1")
      .says("genesis_round_clients{state=\"selected\"} 3")
      .fold(an_update("a", 300, 1.0, {3, 4}))
      .says("genesis_round_clients{state=\"reported\"} 1")
      .wait(1500ms)
      .fold(an_update("b", 100, 5.0, {0, 1}))
      .close({1, 0})
      .says("genesis_rounds_total{result=\"completed\"} 1")
      .says("genesis_round_duration_seconds_count 1")
      .says("genesis_round_duration_seconds_sum 1.5")
      .says("genesis_round_clients{state=\"dropped\"} 1")
      .says("genesis_client_missed_rounds_total{client=\"c\"} 1")
      .does_not_say("genesis_client_missed_rounds_total{client=\"a\"}")
      .says("genesis_generator_loss 2")
      .says("genesis_discriminator_loss -2")
      .says("genesis_update_norm 3")
      .says("genesis_aggregation_seconds 1")
      .says("genesis_client_train_seconds{client=\"a\"} 2")
      .does_not_say("genesis_client_divergence{")
      .open(2, {"a", "b"})
      .says("genesis_round 2")
      .says("genesis_round_clients{state=\"selected\"} 2")
      .says("genesis_round_clients{state=\"reported\"} 0")
      .says("genesis_generator_loss 2");
}

TEST_CASE("aggregator: divergence is the angle to the step before", "[aggregator]") {
  Story story;
  story.open(1, {"a", "b", "c"})
      .fold(an_update("a", 1, 0, {1, 0}))
      .close({2, 0})
      .open(2, {"a", "b", "c"})
      .fold(an_update("a", 1, 0, {5, 0}))
      .fold(an_update("b", 1, 0, {0, 3}))
      .fold(an_update("c", 1, 0, {-1, 0}))
      .says("genesis_client_divergence{client=\"a\"} 0")
      .says("genesis_client_divergence{client=\"b\"} 1")
      .says("genesis_client_divergence{client=\"c\"} 2");
}

TEST_CASE("aggregator: retried rounds and a failed training are counted", "[aggregator]") {
  Story story;
  story.open(1, {"a"})
      .perform(rounds::ExtendCollection{CollectionId{2}, 1})
      .perform(rounds::ExtendCollection{CollectionId{2}, 2})
      .perform(rounds::FailTraining{"no quorum"})
      .says("genesis_rounds_total{result=\"retried\"} 2")
      .says("genesis_rounds_total{result=\"failed\"} 1")
      .says("genesis_rounds_total{result=\"completed\"} 0");
}

TEST_CASE("aggregator: a resumed training shows its open round", "[aggregator]") {
  Story story;
  story.metrics.take_up(a_round(7, {"a", "b"}), story.now);
  story.says("genesis_round 7");
}

TEST_CASE("aggregator: clients beyond maxClients share one series", "[aggregator]") {
  Story story(2);
  story.open(1, {"a"});
  for (int i = 0; i < 50; ++i) {
    story.fold(an_update("client-" + std::to_string(i), 1, 0, {1}));
  }
  story.says("genesis_client_train_seconds{client=\"client-1\"} 2")
      .says("genesis_client_train_seconds{client=\"other\"} 2")
      .does_not_say("client=\"client-2\"");
}

TEST_CASE("aggregator: update bytes are counted by direction and encoding", "[aggregator]") {
  Story story;
  const http::Headers gzip{{"Content-Encoding", "gzip"}};
  story.answer("PUT", "/v1/collections/2/contributions/a", 1000, status(200))
      .answer("PUT", "/v1/collections/2/contributions/b", 500, status(200), gzip)
      .answer("GET",
              "/v1/collections/2/documents/parameters",
              0,
              http::make_response(200, "x", "12345"))
      .answer("GET", "/v1/status", 0, http::make_response(200, "x", "12345"))
      .says("genesis_update_bytes_total{direction=\"received\",encoding=\"none\"} 1000")
      .says("genesis_update_bytes_total{direction=\"received\",encoding=\"gzip\"} 500")
      .says("genesis_update_bytes_total{direction=\"sent\",encoding=\"none\"} 5");
}

TEST_CASE("aggregator: joins and refusals are counted by result and reason", "[aggregator]") {
  Story story;
  story.open(1, {"a"})
      .answer("POST", "/v1/join", 10, status(200))
      .answer("POST", "/v1/join", 10, status(403))
      .answer("PUT", "/v1/collections/2/contributions/a", 10, status(409))
      .answer("PUT", "/v1/collections/2/contributions/a", 10, status(416))
      .answer("GET", "/v1/task", 0, status(500))
      .says("genesis_joins_total{result=\"accepted\"} 1")
      .says("genesis_joins_total{result=\"refused\"} 1")
      .says("genesis_refused_requests_total{reason=\"forbidden\"} 1")
      .says("genesis_refused_requests_total{reason=\"conflict\"} 1")
      .says("genesis_refused_requests_total{reason=\"range\"} 1")
      .says("genesis_refused_requests_total{reason=\"internal\"} 1")
      .says("genesis_round_clients{state=\"rejected\"} 1");
}

TEST_CASE("aggregator: the measured handler answers as the one inside", "[aggregator]") {
  Story story;
  http::Handler inside;
  inside.admit = [](const http::Request& request) -> std::variant<http::Admission, http::Response> {
    if (request.path == "/secret") {
      return status(401);
    }
    return http::Admission{77};
  };
  inside.respond = [](http::Request request) -> boost::asio::awaitable<http::Response> {
    co_return http::make_response(200, "text/plain", std::move(request.body));
  };
  const auto handler = story.metrics.measured(std::move(inside));
  http::Request request;
  request.method = "PUT";
  request.path = "/v1/collections/2/contributions/a";
  request.body = "the body";
  CHECK(std::get<http::Admission>(handler.admit(request)).max_body == 77);
  boost::asio::io_context io;
  auto answer = boost::asio::co_spawn(io, handler.respond(request), boost::asio::use_future);
  io.run();
  CHECK(*answer.get().body == "the body");
  request.path = "/secret";
  CHECK(std::get<http::Response>(handler.admit(request)).status == 401);
  story.says("genesis_update_bytes_total{direction=\"received\",encoding=\"none\"} 8")
      .says("genesis_refused_requests_total{reason=\"unauthenticated\"} 1");
}

TEST_CASE("aggregator: the server's own totals are in each scrape", "[aggregator]") {
  Story story;
  http::Counters counters;
  story.metrics.watch(counters);
  counters.requests = 12;
  counters.bytes_in = 3456;
  counters.handshake_failures = 2;
  counters.open = 3;
  story.says("genesis_http_requests_total 12")
      .says("genesis_http_bytes_total{direction=\"received\"} 3456")
      .says("genesis_http_connections 3")
      .says("genesis_refused_requests_total{reason=\"handshake\"} 2");
  counters.requests = 13;
  story.says("genesis_http_requests_total 13");
}
