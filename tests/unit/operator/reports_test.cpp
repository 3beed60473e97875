// What the operator reads of an aggregator that answers as it likes.
#include "operator/reports.hpp"

#include <map>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "common/http/server.hpp"
#include "operator/children.hpp"
#include "operator/credentials.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/k8s/fake_api.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

namespace asio = boost::asio;
using k8s::test::FakeApi;
using k8s::test::run_until;

// An aggregator that answers each request with `answer`, and an operator that reads its status.
class Aggregator {
 public:
  explicit Aggregator(std::string answer) : answer_(std::move(answer)) {
    crypto::SystemEntropy entropy;
    const auto authority = make_authority("ns/hospitals", {}, entropy, now()).value();
    Desired secret = children_of(training_, settings()).front();
    secret.object["data"] = secret_data(*secret.secret, authority, {}, Issue{.now = now()}).value();
    secret.object["metadata"]["uid"] = "uid-of-" + secret.name();
    secret.object["metadata"]["annotations"][std::string(kOrigin)] =
        origin_.code(training_, secret.resource.kind, secret.name());
    api_.put(secret.resource, std::move(secret.object));

    const auto pair =
        tls::issue_server(authority.pair, service_names(training_), tls::Validity()).value();
    tls::ServerTls files;
    files.certificate = {"tls.crt", pair.certificate_pem};
    files.key = {"tls.key", pair.key_pem};
    files.client_authority = tls::NamedPem{"ca.crt", authority.pair.certificate_pem};
    http::Handler handler;
    handler.respond = [this](http::Request request) { return respond(std::move(request)); };
    server_ = http::Server::start(io_.get_executor(),
                                  http::ListenAddress{},
                                  tls::ServerContext::create(files).value(),
                                  {},
                                  std::move(handler))
                  .value();
  }

  ~Aggregator() {
    bool has_stopped = false;
    asio::co_spawn(io_, server_->stop(Milliseconds(0)), [&](const std::exception_ptr&) {
      has_stopped = true;
    });
    run_until(io_, [&] { return has_stopped; });
  }
  Aggregator(const Aggregator&) = delete;
  Aggregator& operator=(const Aggregator&) = delete;

  Result<wire::StatusReport> ask() {
    Reports reports(io_.get_executor(), api_, origin_, server_->port());
    std::optional<Result<wire::StatusReport>> done;
    asio::co_spawn(io_,
                   reports.ask(training_, "127.0.0.1"),
                   [&](const std::exception_ptr& failure, Result<wire::StatusReport> report) {
                     REQUIRE(failure == nullptr);
                     done = std::move(report);
                   });
    REQUIRE(run_until(io_, [&] { return done.has_value(); }));
    return std::move(*done);
  }

  http::Request asked;  // the last request

 private:
  asio::awaitable<http::Response> respond(http::Request request) {
    asked = std::move(request);
    co_return http::json_response(200, answer_);
  }

  std::string answer_;
  Training training_ = a_training(kThreeSites);
  asio::io_context io_{1};
  FakeApi api_{io_};
  const Origin origin_{crypto::Secret(std::string_view("the key of these tests, 32 bytes"))};
  std::unique_ptr<http::Server> server_;
};

wire::StatusReport a_report(std::size_t clients) {
  wire::StatusReport report;
  for (std::size_t i = 0; i < clients; ++i) {
    report.clients.push_back({.id = "site-" + std::to_string(i), .state = "training"});
  }
  return report;
}

}  // namespace

TEST_CASE("operator: it asks an aggregator for a summary, as the observer", "[operator]") {
  Aggregator aggregator(wire::encode(a_report(3)));
  const auto report = aggregator.ask();
  REQUIRE(report);
  CHECK(report->clients.size() == 3);
  CHECK(aggregator.asked.path == "/v1/status");
  CHECK(aggregator.asked.query ==
        std::map<std::string, std::string, std::less<>>{{"summary", "true"}});
  CHECK(aggregator.asked.peer_name == kObserver);
}

TEST_CASE("operator: it reads at most 256 KiB of what an aggregator answers", "[operator]") {
  const auto padded = [](std::size_t size) {
    std::string text = wire::encode(a_report(3));
    return text + std::string(size - text.size(), ' ');
  };
  CHECK(Aggregator(padded(wire::kMaxSummaryBytes)).ask());
  const auto refused = Aggregator(padded(wire::kMaxSummaryBytes + 1)).ask();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("is larger than 262144 bytes"));
  // Within the bytes, but with more values than a summary can have, or nested too deep.
  std::string many(wire::kMaxSummaryBytes, ' ');
  for (std::size_t i = 0; i < many.size(); i += 2) {
    many[i] = i == 0 ? '[' : ',';
    many[i + 1] = '1';
  }
  many.back() = ']';
  CHECK_FALSE(Aggregator(many).ask());
  CHECK_FALSE(Aggregator(std::string(100'000, '[')).ask());
  CHECK_FALSE(Aggregator("").ask());
}

}  // namespace genesis::control
