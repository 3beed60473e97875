#include "common/http/client.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "tests/unit/http/harness.hpp"

using namespace genesis;
using namespace genesis::http;
using namespace genesis::http::test;

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A peer that answers each connection in turn with the given bytes, whatever is asked, then closes.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers)
      : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        port_(acceptor_.local_endpoint().port()),
        thread_([this, script = std::move(answers)] { play(script); }) {}
  ~ScriptedServer() { thread_.join(); }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void play(const std::vector<std::string>& answers) {
    for (const std::string& answer : answers) {
      boost::system::error_code ignored;
      tcp::socket socket = acceptor_.accept();
      std::string request;
      asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", ignored);
      asio::write(socket, asio::buffer(answer), ignored);
      socket.shutdown(tcp::socket::shutdown_send, ignored);
      asio::read(socket, asio::dynamic_buffer(request), ignored);
    }
  }

  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::uint16_t port_;
  std::thread thread_;
};

Error failure_of(const std::string& answer) {
  ScriptedServer server({answer});
  Client client = Client::create(server.url()).value();
  const auto response = get(client, "/");
  REQUIRE_FALSE(response);
  return response.error();
}

std::uint16_t a_closed_port() {
  asio::io_context io;
  return tcp::acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0))
      .local_endpoint()
      .port();
}

}  // namespace

TEST_CASE("http: certificates and scheme must agree", "[http]") {
  const auto without = Client::create("https://localhost:8443");
  REQUIRE_FALSE(without);
  CHECK_THAT(without.error().message,
             ContainsSubstring("https needs the CA of the server's certificate"));
  CHECK(without.error().setting == Setting::kServerAuthority);
  const auto with = Client::create("http://localhost:8443", client_context(std::nullopt));
  REQUIRE_FALSE(with);
  CHECK_THAT(with.error().message, ContainsSubstring("write https://"));
  CHECK(with.error().setting == Setting::kServerUrl);
}

TEST_CASE("http: a refused connection asks whether the server is running", "[http]") {
  const std::string where = "127.0.0.1:" + std::to_string(a_closed_port());
  Client client = Client::create("http://" + where).value();
  const auto response = get(client, "/");
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::kUnavailable);
  CHECK(response.error().message == where + ": connection refused; is the server running?");
}

TEST_CASE("http: a name that does not exist is said", "[http]") {
  Client client = Client::create("http://no-such-host.invalid:1").value();
  const auto response = get(client, "/");
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::kUnavailable);
  CHECK_THAT(response.error().message, ContainsSubstring("the host name was not found"));
  CHECK(response.error().setting == Setting::kServerUrl);
}

TEST_CASE("http: a request ends at its deadline", "[http]") {
  Handler handler;
  handler.respond = [](Request) -> asio::awaitable<Response> {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer never(executor, std::chrono::steady_clock::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return Response{};
  };
  TestServer server(handler);
  Client client = Client::create(server->url()).value();
  ClientRequest request;
  request.deadline = 50ms;
  const auto response = client.request(request);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::kDeadlineExceeded);
  CHECK_THAT(response.error().message, ContainsSubstring("took longer than 0.05 s"));
}

TEST_CASE("http: a cancelled request ends, and so do later ones", "[http]") {
  std::atomic<bool> is_waiting{false};
  Handler handler;
  handler.respond = [&is_waiting](Request) -> asio::awaitable<Response> {
    is_waiting = true;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer never(executor, std::chrono::steady_clock::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return Response{};
  };
  TestServer server(handler);
  Client client = Client::create(server->url()).value();
  auto running = std::async(std::launch::async, [&] { return get(client, "/"); });
  REQUIRE(eventually([&] { return is_waiting.load(); }));
  client.cancel();
  const auto response = running.get();
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::kFailedPrecondition);
  CHECK(get(client, "/").error().message == "the request was cancelled");
}

TEST_CASE("http: a response above its bound is not read", "[http]") {
  TestServer server;
  Client client = Client::create(server->url()).value();
  ClientRequest request;
  request.path = "/0123456789";
  request.max_body = 10;
  const auto response = client.request(request);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::kResourceExhausted);
  request.max_body = 11;
  CHECK(client.request(request)->body == "/0123456789");

  CHECK(failure_of("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").code ==
        Errc::kResourceExhausted);
  CHECK(failure_of("HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x')).code ==
        Errc::kResourceExhausted);
}

TEST_CASE("http: a cut response is never taken for a whole one", "[http]") {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const Error error = failure_of(whole.substr(0, cut));
    INFO(cut << ": " << error.message);
    CHECK(error.code == Errc::kUnavailable);
  }
}

TEST_CASE("http: a peer that does not speak HTTP is said", "[http]") {
  for (const char* answer :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "\x15\x03\x03\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n"}) {
    const Error error = failure_of(answer);
    INFO(error.message);
    CHECK(error.code == Errc::kInvalidArgument);
    CHECK_THAT(error.message, ContainsSubstring("does not answer in HTTP/1.1"));
  }
}

TEST_CASE("http: interim responses are passed over, but not without end", "[http]") {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
  ScriptedServer server({interim + interim + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  Client client = Client::create(server.url()).value();
  CHECK(get(client, "/")->body == "ok");
  std::string endless;
  for (int i = 0; i < 100; ++i) {
    endless += interim;
  }
  CHECK(failure_of(endless).code == Errc::kInvalidArgument);
}

TEST_CASE("http: a body without a length ends with the connection", "[http]") {
  ScriptedServer server({"HTTP/1.0 200 OK\r\n\r\nall of it"});
  Client client = Client::create(server.url()).value();
  CHECK(get(client, "/")->body == "all of it");
}

TEST_CASE("http: a kept connection that the server has closed is remade", "[http]") {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  ScriptedServer server({answer, answer, answer});
  Client client = Client::create(server.url()).value();
  for (int i = 0; i < 3; ++i) {
    CHECK(get(client, "/")->body == "ok");
  }
}

TEST_CASE("http: a server that was replaced is found again", "[http]") {
  auto first = std::make_unique<TestServer>();
  const std::string url = (*first)->url();
  const std::uint16_t port = (*first)->port();
  Client client = Client::create(url).value();
  CHECK(get(client, "/a")->body == "/a");
  first.reset();
  CHECK(get(client, "/b").error().code == Errc::kUnavailable);
  asio::io_context io{1};
  auto second = Server::start(
      io.get_executor(), ListenAddress{"127.0.0.1", port}, std::nullopt, {}, echoing());
  REQUIRE(second);
  std::thread thread([&io] { io.run(); });
  CHECK(get(client, "/c")->body == "/c");
  co_spawn(io, (*second)->stop(0ms), asio::use_future).get();
  thread.join();
}

TEST_CASE("http: a refused upload costs no bytes and tells its reason", "[http]") {
  Handler handler = echoing();
  handler.admit = [](const Request&) -> std::variant<Admission, Response> {
    return error_response(Error{Errc::kConflict, "round 6 is over"});
  };
  TestServer server(handler, {}, server_context(Mutual::kNo));
  Client client = Client::create(server->url(), client_context(std::nullopt)).value();
  const std::string body(32 * 1024 * 1024, 'u');
  for (int i = 0; i < 2; ++i) {
    const auto response = put(client, "/update", body);
    REQUIRE(response);
    CHECK(response->status == 409);
    CHECK(error_of(*response).message == "round 6 is over");
  }
  CHECK(server->counters().bytes_in < 2'000);
}

TEST_CASE("http: a request that would smuggle a header is refused", "[http]") {
  Client client = Client::create("http://127.0.0.1:1").value();
  ClientRequest request;
  request.headers.push_back({"Authorization", "Bearer a\r\nX: y"});
  CHECK(client.request(request).error().code == Errc::kInvalidArgument);
  request.headers.clear();
  request.path = "/a b";
  CHECK(client.request(request).error().code == Errc::kInvalidArgument);
}

TEST_CASE("http: a base path goes before each request's", "[http]") {
  TestServer server;
  Client client = Client::create(server->url() + "/fed/").value();
  CHECK(get(client, "/v1")->body == "/fed/v1");
}

TEST_CASE("http: a coroutine may use the client on its own executor", "[http]") {
  TestServer server;
  asio::io_context io{1};
  auto client = AsyncClient::create(io.get_executor(), server->url(), std::nullopt).value();
  ClientRequest request;
  request.path = "/async";
  auto pending = asio::co_spawn(io, client.request(request), asio::use_future);
  io.run();
  CHECK(pending.get()->body == "/async");
}

namespace {

// Streams `answer`'s body; what came and how it ended.
struct Streamed {
  std::string body;
  std::vector<std::size_t> parts;
  Result<ClientResponse> response = fail(Errc::kInternal, "");
};

Streamed stream_from(const std::string& url, const Status& verdict = {}) {
  Streamed out;
  asio::io_context io(1);
  AsyncClient client = AsyncClient::create(io.get_executor(), url, std::nullopt).value();
  ClientRequest request;
  request.deadline = kPatience;
  request.max_body = 100;
  BodySink sink = [&](std::string_view part) {
    out.body += part;
    out.parts.push_back(part.size());
    return verdict;
  };
  asio::co_spawn(io,
                 client.stream(std::move(request), std::move(sink)),
                 [&](const std::exception_ptr& failure, Result<ClientResponse> response) {
                   CHECK(failure == nullptr);
                   out.response = std::move(response);
                 });
  io.run();
  return out;
}

Streamed stream_of(const std::string& answer, const Status& verdict = {}) {
  ScriptedServer server({answer});
  return stream_from(server.url(), verdict);
}

const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("http: a streamed body comes whole, beyond the bound of a kept one", "[http]") {
  const std::string line(1000, 'x');
  std::string answer = kChunked;
  for (int i = 0; i < 100; ++i) {
    answer += "3e8\r\n" + line + "\r\n";
  }
  const Streamed chunked = stream_of(answer + "0\r\n\r\n");
  REQUIRE(chunked.response);
  CHECK(chunked.response->body.empty());
  CHECK(chunked.body == std::string(100'000, 'x'));
  CHECK(std::ranges::max(chunked.parts) <= 64 * 1024);

  const Streamed sized = stream_of("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + line);
  REQUIRE(sized.response);
  CHECK(sized.body == line);
  CHECK(stream_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").response);
}

TEST_CASE("http: a stream that breaks off is told from one that ends", "[http]") {
  const Streamed cut = stream_of(kChunked + "5\r\nhello\r\n");
  CHECK(cut.body == "hello");
  REQUIRE_FALSE(cut.response);
  CHECK(cut.response.error().code == Errc::kUnavailable);
}

TEST_CASE("http: only a success is streamed, and an error's body is bounded", "[http]") {
  const Streamed refused = stream_of("HTTP/1.1 410 Gone\r\nContent-Length: 3\r\n\r\nold");
  REQUIRE(refused.response);
  CHECK(refused.response->status == 410);
  CHECK(refused.response->body == "old");
  CHECK(refused.body.empty());
  const Streamed large =
      stream_of("HTTP/1.1 410 Gone\r\nContent-Length: 300\r\n\r\n" + std::string(300, 'x'));
  REQUIRE_FALSE(large.response);
  CHECK(large.response.error().code == Errc::kResourceExhausted);
}

TEST_CASE("http: who takes a stream may end it with an error", "[http]") {
  const Streamed ended =
      stream_of(kChunked + "5\r\nhello\r\n", fail(Errc::kDataLoss, "not what I expect"));
  REQUIRE_FALSE(ended.response);
  CHECK(ended.response.error().message == "not what I expect");
}

TEST_CASE("http: parts of a stream come as they are sent", "[http]") {
  asio::io_context io(1);
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::string url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  AsyncClient client = AsyncClient::create(io.get_executor(), url, std::nullopt).value();
  ClientRequest request;
  request.deadline = kPatience;
  std::string body;
  bool has_ended = false;
  BodySink sink = [&](std::string_view part) -> Status {
    body += part;
    return {};
  };
  asio::co_spawn(io,
                 client.stream(std::move(request), std::move(sink)),
                 [&](const std::exception_ptr&, const Result<ClientResponse>& response) {
                   CHECK(response.error().code == Errc::kFailedPrecondition);
                   has_ended = true;
                 });
  std::optional<tcp::socket> socket;
  acceptor.async_accept([&](const boost::system::error_code&, tcp::socket accepted) {
    socket = std::move(accepted);
  });
  const auto run_until = [&](const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition() && std::chrono::steady_clock::now() < end) {
      io.run_one_for(100ms);
    }
    return condition();
  };
  REQUIRE(run_until([&] { return socket.has_value(); }));
  asio::write(*socket, asio::buffer(kChunked + "1\r\na\r\n"));
  REQUIRE(run_until([&] { return body == "a"; }));
  asio::write(*socket, asio::buffer(std::string("1\r\nb\r\n2")));
  REQUIRE(run_until([&] { return body == "ab"; }));
  asio::write(*socket, asio::buffer(std::string("\r\ncd\r\n")));
  REQUIRE(run_until([&] { return body == "abcd"; }));
  client.cancel();
  CHECK(run_until([&] { return has_ended; }));
}

TEST_CASE("http: who takes a stream sees its head before the first part", "[http]") {
  ScriptedServer server(
      {"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\n"
       "Content-Length: 5\r\n\r\n56789"});
  Client client = Client::create(server.url()).value();
  ClientRequest request;
  request.deadline = kPatience;
  std::string seen;
  const auto take = [&](std::string_view part) -> Status {
    seen += part;
    return {};
  };
  const auto head = [&](const ClientResponse& response) -> Status {
    seen += std::to_string(response.status) + " " + std::string(response.header("content-range")) +
            ": " + response.body;
    return {};
  };
  const auto response = client.stream(request, take, head);
  REQUIRE(response);
  CHECK(response->status == 206);
  CHECK(seen == "206 bytes 5-9/10: 56789");
}

TEST_CASE("http: a head that is not wanted ends the stream before its body", "[http]") {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n56789"});
  Client client = Client::create(server.url()).value();
  ClientRequest request;
  request.deadline = kPatience;
  bool has_taken = false;
  const auto take = [&](std::string_view) -> Status {
    has_taken = true;
    return {};
  };
  const auto head = [](const ClientResponse&) -> Status {
    return fail(Errc::kInvalidArgument, "another part");
  };
  const auto response = client.stream(request, take, head);
  REQUIRE_FALSE(response);
  CHECK(response.error().message == "another part");
  CHECK_FALSE(has_taken);
}
