// The pump over real sockets: what an exchange says goes out, and what comes back goes in. The
// rules themselves are in exchange_test.cpp.
#include "worker/session.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

#include "common/crypto/digest.hpp"
#include "common/wire/compression.hpp"
#include "tests/unit/http/harness.hpp"
#include "worker/metrics.hpp"

using namespace genesis;
using namespace genesis::worker;
using namespace std::chrono_literals;

namespace {

// Answers each request with the next of the given responses, the last of them for ever.
class Scripted {
 public:
  explicit Scripted(std::vector<http::Response> responses)
      : responses_(std::move(responses)),
        server_(http::Handler{.admit = nullptr, .respond = [this](http::Request request) {
                                return respond(std::move(request));
                              }}) {}

  [[nodiscard]] std::string url() { return server_->url(); }
  [[nodiscard]] std::vector<http::Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  boost::asio::awaitable<http::Response> respond(http::Request request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    co_return responses_[std::min(requests_.size(), responses_.size()) - 1];
  }

  std::vector<http::Response> responses_;
  std::mutex mutex_;  // guards requests_
  std::vector<http::Request> requests_;
  http::test::TestServer server_;  // last: its thread reads the others
};

http::Response answer(int status, std::string body, http::Headers headers = {}) {
  auto response = http::make_response(status, "application/json", std::move(body));
  response.headers = std::move(headers);
  return response;
}

// One site's session with the server at `url`, and what it is measured by.
struct Site {
  explicit Site(const std::string& url)
      : options{.server_url = url,
                .client = *ClientId::parse("site-1"),
                .data = {},
                .discrete_columns = {},
                .state = {},
                .tls = {},
                .auth_token = crypto::Secret(std::string_view("token")),
                .overrides = {},
                .metrics = &metrics,
                .stop = stop.get_token()},
        session(http::Client::create(url).value(), options) {}

  [[nodiscard]] std::string measured() { return registry.text(); }

  metrics::Registry registry;
  Metrics metrics{registry};
  std::stop_source stop;
  ClientOptions options;
  Session session;
};

}  // namespace

TEST_CASE("worker: a session asks with its token and tries again", "[worker]") {
  Scripted server({answer(503, "busy"), answer(200, "spec")});
  Site site(server.url());
  const auto body = site.session.ask("POST", "/v1/join", "sketch");
  REQUIRE(body);
  CHECK(*body == "spec");
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  for (const auto& request : requests) {
    CHECK(request.method == "POST");
    CHECK(request.path == "/v1/join");
    CHECK(request.body == "sketch");
    CHECK(request.bearer_token() == "token");
  }
  CHECK_THAT(site.measured(), ContainsSubstring("genesis_retried_requests_total 1\n"));
}

TEST_CASE("worker: a session says why it gave up", "[worker]") {
  Scripted server({answer(409, R"({"code": "Conflict", "message": "round 3 is not open"})")});
  Site site(server.url());
  const auto body = site.session.ask("GET", "/v1/task", "");
  REQUIRE_FALSE(body);
  CHECK(body.error().code == Errc::kConflict);
  CHECK(body.error().message == "round 3 is not open");
}

TEST_CASE("worker: a client whose name a server has taken waits for it from then on", "[worker]") {
  const std::string taken = R"({"code": "AlreadyExists", "message": "another process"})";
  Scripted server({answer(409, taken), answer(409, taken), answer(200, "{}")});
  Site site(server.url());
  site.options.takes_free_name = true;  // nobody has taken it yet: another name will do
  const auto refused = site.session.ask("POST", "/v1/join", "");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kAlreadyExists);
  site.options.takes_free_name = false;
  CHECK(site.session.ask("POST", "/v1/join", ""));
  CHECK(server.requests().size() == 3);
}

TEST_CASE("worker: what a session downloads is decompressed and counted", "[worker]") {
  const auto zipped = wire::gzip_compress("the parameters").value();
  Scripted server({answer(200, zipped, {{"ETag", "\"v1\""}, {"Content-Encoding", "gzip"}})});
  Site site(server.url());
  const auto got = site.session.download("/v1/rounds/1/parameters", "gzip");
  REQUIRE(got);
  CHECK(got->bytes == "the parameters");
  CHECK(got->encoding == "gzip");
  CHECK(got->travelled == zipped.size());
  CHECK(server.requests().front().header("accept-encoding") == "gzip");
}

TEST_CASE("worker: a session uploads in chunks and counts what it sent", "[worker]") {
  const std::string update(300'000, 'u');
  const auto progress = [&](std::uint64_t offset) {
    return wire::encode(wire::UploadProgress{crypto::sha256_hex(update), update.size(), offset});
  };
  Scripted server(
      {answer(200, progress(0)), answer(202, progress(wire::kMaxChunkBytes)), answer(200, "{}")});
  Site site(server.url());
  CHECK(site.session.upload("/v1/rounds/1/updates/site-1", update, "zstd"));
  const auto requests = server.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].method == "GET");
  CHECK(requests[1].body + requests[2].body == update);
  CHECK(requests[2].header("content-range") == "bytes 262144-299999/300000");
  CHECK(requests[2].header("content-encoding") == "zstd");
  CHECK_THAT(site.measured(),
             ContainsSubstring(
                 "genesis_update_bytes_total{direction=\"sent\",encoding=\"zstd\"} 300000\n"));
}

TEST_CASE("worker: a session that is stopped ends its pause at once", "[worker]") {
  Scripted server({answer(503, "busy")});
  Site site(server.url());
  std::jthread stopper([&] {
    (void)http::test::eventually([&] { return server.requests().size() >= 2; });
    site.stop.request_stop();
  });
  const auto body = site.session.ask("GET", "/v1/training", "");
  REQUIRE_FALSE(body);
  CHECK(body.error().code == Errc::kUnavailable);
  const auto tried = server.requests().size();
  CHECK(tried >= 2);
  CHECK(tried < 10);
}

TEST_CASE("worker: a session that is cancelled asks no more", "[worker]") {
  Scripted server({answer(200, "spec")});
  Site site(server.url());
  site.session.cancel();
  const auto body = site.session.ask("GET", "/v1/training", "");
  REQUIRE_FALSE(body);
  CHECK(body.error().code == Errc::kFailedPrecondition);
  CHECK(server.requests().empty());
}
