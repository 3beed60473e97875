#include "common/http/server.hpp"

#include <deque>
#include <optional>
#include <vector>

#include "common/http/worker_pool.hpp"
#include "tests/unit/http/harness.hpp"

using namespace genesis;
using namespace genesis::http;
using namespace genesis::http::test;

namespace {

Client a_client(TestServer& server) {
  return Client::create(server->url()).value();
}

constexpr const char* kPoll = "GET /poll HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kQuick = "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n";

// Answers "/heavy" off the loop, once it may end; the rest at once.
class HeavyWork {
 public:
  Handler handler() {
    Handler handler;
    handler.respond = [this](Request request) {
      return request.path == "/heavy" ? work(std::move(request)) : echo(std::move(request));
    };
    return handler;
  }
  std::atomic<bool> may_end{false};
  std::atomic<int> running{0};

 private:
  boost::asio::awaitable<Response> work(Request request) {
    auto heavy = [this, does_throw = request.query.contains("throw"), path = request.path] {
      ++running;
      while (!may_end) {
        std::this_thread::yield();
      }
      if (does_throw) {
        throw std::runtime_error("broken elsewhere");
      }
      return path + " done";
    };
    std::string done = co_await off_loop(request.pool, std::move(heavy));
    co_return make_response(200, "text/plain", std::move(done));
  }
};

bool is_closed_with(RawSocket& socket, const std::string& status) {
  const std::string answer = socket.read_all();
  INFO(answer);
  CHECK(socket.was_closed());
  return answer.starts_with("HTTP/1.1 " + status + " ");
}

}  // namespace

TEST_CASE("http: a response comes back with status, type and body", "[http]") {
  TestServer server;
  Client client = a_client(server);
  const auto response = put(client, "/echo", "1,2,3\n");
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "1,2,3\n");
  CHECK(response->header("content-type") == "text/plain");
  CHECK(response->header("content-length") == "6");
  CHECK_FALSE(response->header("date").empty());
  const auto missing = get(client, "/missing");
  CHECK(missing->status == 404);
  CHECK(error_of(*missing).message == "no such path");
}

TEST_CASE("http: many requests share one connection", "[http]") {
  TestServer server;
  Client client = a_client(server);
  for (int i = 0; i < 50; ++i) {
    const std::string path = "/request/" + std::to_string(i);
    REQUIRE(get(client, path)->body == path);
  }
  CHECK(server->counters().accepted == 1);
  CHECK(server->counters().requests == 50);
  CHECK(server->counters().bad_requests == 0);
}

TEST_CASE("http: pipelined requests are answered in order", "[http]") {
  TestServer server;
  RawSocket socket(server->port());
  socket.send(
      "GET /first HTTP/1.1\r\nHost: h\r\n\r\nPUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: "
      "6\r\n\r\n"
      "secondGET /third HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string answer = socket.read_all();
  const auto first = answer.find("\r\n\r\n/first");
  const auto second = answer.find("\r\n\r\nsecond");
  const auto third = answer.find("\r\n\r\n/third");
  CHECK(first < second);
  CHECK(second < third);
  CHECK(third != std::string::npos);
}

TEST_CASE("http: HEAD is answered from the admission alone", "[http]") {
  std::atomic<int> handled{0};
  Handler handler;
  handler.admit = [](const Request& request) -> std::variant<Admission, Response> {
    if (request.path == "/none") {
      return error_response(Error{Errc::kNotFound, "no such path"});
    }
    return Admission{.handler_answers_head = request.path == "/four"};
  };
  handler.respond = [&handled](Request request) {
    ++handled;
    return echo(std::move(request));
  };
  TestServer server(handler);
  RawSocket socket(server->port());
  socket.send("HEAD /large HTTP/1.1\r\nHost: h\r\n\r\nHEAD /none HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string first = socket.read_until("404");
  CHECK(first.starts_with("HTTP/1.1 200 "));
  CHECK_THAT(first.substr(0, first.find("404")), !ContainsSubstring("Content-Length"));
  CHECK(handled == 0);
  RawSocket asking(server->port());
  asking.send("HEAD /four HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string answer = asking.read_all();
  CHECK_THAT(answer, ContainsSubstring("Content-Length: 5\r\n"));
  CHECK(answer.ends_with("\r\n\r\n"));
  CHECK(handled == 1);
}

TEST_CASE("http: what the handler throws becomes a 500 and the connection goes on", "[http]") {
  Handler handler = echoing();
  handler.respond = [](Request) -> boost::asio::awaitable<Response> {
    throw std::runtime_error("broken");
  };
  TestServer server(handler);
  Client client = a_client(server);
  const auto response = get(client, "/");
  CHECK(response->status == 500);
  CHECK_THAT(error_of(*response).message, ContainsSubstring("broken"));
  CHECK(get(client, "/")->status == 500);
  CHECK(server->counters().accepted == 1);
}

TEST_CASE("http: admission sees header and peer, and refuses before the body", "[http]") {
  std::deque<Request> seen;
  std::atomic<int> served{0};
  Handler handler;
  handler.admit = [&seen](const Request& request) -> std::variant<Admission, Response> {
    seen.push_back(request);
    if (request.bearer_token() != "good") {
      return error_response(Error{Errc::kUnauthenticated, "unknown token"});
    }
    return Admission{.max_body = 10};
  };
  handler.respond = [&served](Request request) {
    ++served;
    return echo(std::move(request));
  };
  TestServer server(handler);
  // Ten gigabytes are announced and none is sent: the answer must not wait for them.
  RawSocket bad(server->port());
  bad.send("PUT /v1/update?round=7 HTTP/1.1\r\nHost: h\r\nContent-Length: 10737418240\r\n\r\n");
  CHECK(is_closed_with(bad, "401"));
  RawSocket large(server->port());
  large.send(
      "PUT /x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n"
      "Content-Length: 10737418240\r\n\r\n");
  CHECK(is_closed_with(large, "413"));
  CHECK(served == 0);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].path == "/v1/update");
  CHECK(seen[0].query.at("round") == "7");
  CHECK(seen[0].body.empty());
  CHECK(seen[0].content_length == 10'737'418'240U);
  CHECK(seen[0].remote_address == "127.0.0.1");
  CHECK(seen[0].is_loopback);
  CHECK_FALSE(seen[0].is_tls);
  CHECK_FALSE(seen[0].peer_name);

  Client client = a_client(server);
  ClientRequest request;
  request.method = "PUT";
  request.body = "0123456789";
  request.headers.push_back({"Authorization", "Bearer good"});
  CHECK(client.request(request)->body == "0123456789");
  request.body = "0123456789a";
  CHECK(client.request(request)->status == 413);
}

TEST_CASE("http: a refused request without a body keeps its connection", "[http]") {
  Handler handler = echoing();
  handler.admit = [](const Request&) -> std::variant<Admission, Response> {
    return error_response(Error{Errc::kPermissionDenied, "not you"});
  };
  TestServer server(handler);
  Client client = a_client(server);
  CHECK(get(client, "/")->status == 403);
  CHECK(get(client, "/")->status == 403);
  CHECK(server->counters().accepted == 1);
}

TEST_CASE("http: chunked bodies are bounded as they arrive", "[http]") {
  TestServer server(echoing(), Limits{.body_bytes = 20});
  const std::string head = "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawSocket good(server->port());
  good.send(head + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  CHECK_THAT(good.read_until("hello world"), ContainsSubstring("200 OK"));
  RawSocket one(server->port());
  one.send(head + "FFFFFFFF\r\n");
  CHECK(is_closed_with(one, "413"));
  RawSocket many(server->port());
  many.send(head + "A\r\n0123456789\r\nA\r\n0123456789\r\n1\r\nx\r\n");
  CHECK(is_closed_with(many, "413"));
  RawSocket malformed(server->port());
  malformed.send(head + "zz\r\n");
  CHECK(is_closed_with(malformed, "400"));
}

TEST_CASE("http: Expect: 100-continue is answered before the body", "[http]") {
  TestServer server;
  RawSocket socket(server->port());
  socket.send(
      "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
      "Connection: close\r\n\r\n");
  CHECK(socket.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("hello");
  CHECK_THAT(socket.read_all(), ContainsSubstring("hello"));
}

TEST_CASE("http: malformed requests get 400 with a JSON body", "[http]") {
  TestServer server;
  for (const char* text :
       {"nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: h\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"}) {
    INFO(text);
    RawSocket socket(server->port());
    socket.send(text);
    const std::string answer = socket.read_all();
    CHECK(answer.starts_with("HTTP/1.1 400 "));
    CHECK_THAT(answer, ContainsSubstring("{\"code\":\"InvalidArgument\",\"message\":"));
  }
  CHECK(server->counters().bad_requests == 9);
}

TEST_CASE("http: a header above its bound gets 431, even one that never ends", "[http]") {
  TestServer server(echoing(), Limits{.header_bytes = 1024});
  RawSocket endless(server->port());
  endless.send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(4 * 1024 * 1024, 'x'));
  CHECK(is_closed_with(endless, "431"));
  RawSocket target(server->port());
  target.send("GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(is_closed_with(target, "431"));
  RawSocket fits(server->port());
  fits.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: " + std::string(800, 'x') +
            "\r\n\r\n");
  CHECK(is_closed_with(fits, "200"));
}

TEST_CASE("http: slow headers, slow bodies and silence are closed at their time", "[http]") {
  Limits limits;
  limits.header_timeout = 100ms;
  limits.body_timeout = 100ms;
  limits.idle_timeout = 100ms;
  TestServer server(echoing(), limits);
  RawSocket silent(server->port());
  RawSocket half_header(server->port());
  half_header.send("GET / HTTP/1.1\r\nHo");
  RawSocket half_body(server->port());
  half_body.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
  RawSocket idle(server->port());
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  for (RawSocket* socket : {&silent, &half_header, &half_body}) {
    CHECK(socket->read_all().empty());
    CHECK(socket->was_closed());
  }
  CHECK(idle.read_all().starts_with("HTTP/1.1 200 OK"));
  CHECK(idle.was_closed());
  CHECK(eventually([&] { return server->counters().open == 0; }));
}

TEST_CASE("http: a header that drips is closed at its deadline all the same", "[http]") {
  TestServer server(echoing(), Limits{.header_timeout = 100ms});
  RawSocket socket(server->port());
  socket.send("GET / HTTP/1.1\r\n");
  CHECK(eventually([&] {
    socket.send("X: y\r\n");
    return server->counters().accepted == 1 && server->counters().open == 0;
  }));
}

TEST_CASE("http: bytes cut off anywhere harm nobody else", "[http]") {
  TestServer server;
  const std::string whole =
      "PUT /x?a=b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    RawSocket socket(server->port());
    socket.send(std::string_view(whole).substr(0, cut));
    socket.finish_sending();
    const std::string answer = socket.read_all();
    INFO(cut << ": " << answer);
    CHECK(socket.was_closed());
    CHECK((answer.empty() || answer.starts_with("HTTP/1.1 400 ")));
  }
  Client client = a_client(server);
  CHECK(get(client, "/alive")->body == "/alive");
}

TEST_CASE("http: garbage after any prefix is refused or closed", "[http]") {
  TestServer server(echoing(), Limits{.header_timeout = 500ms, .body_timeout = 500ms});
  const std::string whole = "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    RawSocket socket(server->port());
    socket.send(whole.substr(0, cut) + std::string("\x00\xff\x16\x03\r\n\r\n\x01{\r\n\r\n", 14));
    socket.finish_sending();
    const std::string answer = socket.read_all();
    INFO(cut << ": " << answer);
    CHECK(socket.was_closed());
    CHECK((answer.empty() || answer.starts_with("HTTP/1.1 400 ")));
  }
  Client client = a_client(server);
  CHECK(get(client, "/alive")->body == "/alive");
}

TEST_CASE("http: two hundred idle connections leave room for a request", "[http]") {
  TestServer server;
  std::deque<RawSocket> idle;
  for (int i = 0; i < 200; ++i) {
    idle.emplace_back(server->port());
  }
  Client client = a_client(server);
  CHECK(get(client, "/alive")->body == "/alive");
  CHECK(server->counters().open == 201);
  idle.clear();
  CHECK(eventually([&] { return server->counters().open == 1; }));
}

TEST_CASE("http: a connection above the bound takes the place of its peer's oldest", "[http]") {
  TestServer server(echoing(), Limits{.connections = 2});
  RawSocket oldest(server->port());
  oldest.send("GET /oldest HTTP/1.1\r\nHost: h\r\n\r\n");
  oldest.read_until("/oldest");
  Client second = a_client(server);
  CHECK(get(second, "/")->status == 200);
  Client third = a_client(server);
  CHECK(get(third, "/")->status == 200);
  CHECK(oldest.read_all().empty());
  CHECK(oldest.was_closed());
  CHECK(server->counters().refused == 1);
  CHECK(get(second, "/")->status == 200);
  CHECK(server->counters().accepted == 3);
}

TEST_CASE("http: an address has a bound of its own, those who have shown a token another",
          "[http]") {
  Handler handler = echoing();
  handler.admit = [](const Request& request) -> std::variant<Admission, Response> {
    return Admission{.is_authenticated = request.bearer_token() == "good"};
  };
  TestServer server(handler, Limits{.connections = 100, .connections_of_an_address = 2});
  Client known = a_client(server);
  ClientRequest request;
  request.headers.push_back({"Authorization", "Bearer good"});
  CHECK(known.request(request)->status == 200);
  RawSocket oldest(server->port());
  RawSocket silent(server->port());
  CHECK(eventually([&] { return server->counters().open == 3; }));
  RawSocket newest(server->port());
  CHECK(oldest.read_all().empty());
  CHECK(oldest.was_closed());
  newest.send("GET /new HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK_THAT(newest.read_until("/new"), ContainsSubstring("200 OK"));
  CHECK(known.request(request)->status == 200);
  CHECK(server->counters().accepted == 4);
}

TEST_CASE("http: a handler that waits ends with the connection that made room", "[http]") {
  Witness witness;
  TestServer server(witness.handler(), Limits{.connections = 1});
  RawSocket polling(server->port());
  polling.send(kPoll);
  REQUIRE(eventually([&] { return witness.gate.waiting == 1; }));
  Client client = a_client(server);
  CHECK(get(client, "/quick")->status == 200);
  CHECK(polling.read_all().empty());
  CHECK(*witness.seen(0) == ConnectionState::kClosedByServer);
  CHECK(eventually([&] { return server->counters().open == 1; }));
}

TEST_CASE("http: a 401 closes the connection, with or without a body", "[http]") {
  Handler handler;
  handler.admit = [](const Request& request) -> std::variant<Admission, Response> {
    if (request.path == "/admitted") {
      return Admission{};
    }
    return error_response(Error{Errc::kUnauthenticated, "who are you"});
  };
  handler.respond = [](Request) -> boost::asio::awaitable<Response> {
    co_return error_response(Error{Errc::kUnauthenticated, "who are you"});
  };
  TestServer server(handler);
  for (const char* path : {"/refused", "/admitted"}) {
    RawSocket socket(server->port());
    socket.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string answer = socket.read_all();
    CHECK(answer.starts_with("HTTP/1.1 401 "));
    CHECK_THAT(answer, ContainsSubstring("Connection: close"));
    CHECK(socket.was_closed());
  }
}

TEST_CASE("http: a long poll waits without holding up others", "[http]") {
  Gate gate;
  Handler handler;
  handler.respond = [&](Request request) {
    return request.path == "/poll" ? gate.wait(std::move(request)) : echo(std::move(request));
  };
  TestServer server(handler);
  auto polling = std::async(std::launch::async, [&] {
    Client client = a_client(server);
    return get(client, "/poll");
  });
  REQUIRE(eventually([&] { return gate.waiting == 1; }));
  Client other = a_client(server);
  CHECK(get(other, "/quick")->body == "/quick");
  gate.release();
  CHECK(polling.get()->body == "{\"round\": 7}");
  server.stop(0ms);
}

TEST_CASE("http: stop lets a running request finish within the grace", "[http]") {
  Gate gate;
  Handler handler;
  handler.respond = [&](Request request) { return gate.wait(std::move(request)); };
  TestServer server(handler);
  RawSocket idle(server->port());
  auto polling = std::async(std::launch::async, [&] {
    Client client = a_client(server);
    return get(client, "/poll");
  });
  REQUIRE(eventually([&] { return gate.waiting == 1; }));
  auto stopping = std::async(std::launch::async, [&] { server.stop(kPatience); });
  CHECK(idle.read_all().empty());  // closed at once
  CHECK(idle.was_closed());
  gate.release();
  const auto response = polling.get();
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->header("connection") == "close");
  stopping.get();
  CHECK(server->counters().open == 0);
}

TEST_CASE("http: stop cancels a long poll past the grace and joins its task", "[http]") {
  Gate gate;
  Handler handler;
  handler.respond = [&](Request request) { return gate.wait(std::move(request)); };
  TestServer server(handler);
  auto polling = std::async(std::launch::async, [&] {
    Client client = a_client(server);
    return get(client, "/poll");
  });
  REQUIRE(eventually([&] { return gate.waiting == 1; }));
  server.stop(10ms);
  CHECK(server->counters().open == 0);
  const auto response = polling.get();
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::kUnavailable);
}

TEST_CASE("http: a port in use and an address of elsewhere are said", "[http]") {
  TestServer server;
  boost::asio::io_context io;
  const auto second = Server::start(
      io.get_executor(), ListenAddress{"127.0.0.1", server->port()}, std::nullopt, {}, echoing());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::kAlreadyExists);
  CHECK(second.error().message ==
        "127.0.0.1:" + std::to_string(server->port()) + " is in use; choose another port");
  CHECK(second.error().setting == Setting::kListenPort);
  const auto foreign =
      Server::start(io.get_executor(), ListenAddress{"192.0.2.1", 0}, std::nullopt, {}, echoing());
  REQUIRE_FALSE(foreign);
  CHECK_THAT(foreign.error().message, ContainsSubstring("cannot listen on 192.0.2.1:0"));
  CHECK(foreign.error().setting == Setting::kListenHost);
  const auto unknown = Server::start(
      io.get_executor(), ListenAddress{"no-such-host.invalid", 0}, std::nullopt, {}, echoing());
  REQUIRE_FALSE(unknown);
  CHECK_THAT(unknown.error().message,
             ContainsSubstring("no-such-host.invalid: the listen address cannot be resolved"));
  CHECK(unknown.error().setting == Setting::kListenHost);
}

TEST_CASE("http: the same bytes go to many clients", "[http]") {
  const auto model = std::make_shared<const std::string>(std::string(300'000, 'm'));
  Handler handler;
  handler.respond = [&](Request) -> boost::asio::awaitable<Response> {
    Response response = shared_response(200, "application/octet-stream", model);
    response.headers.push_back({"ETag", "\"7\""});
    co_return response;
  };
  TestServer server(handler);
  for (int i = 0; i < 5; ++i) {
    Client client = a_client(server);
    const auto response = get(client, "/model");
    CHECK(response->body == *model);
    CHECK(response->header("etag") == "\"7\"");
  }
  server.stop(0ms);
  CHECK(model.use_count() == 1);
}

TEST_CASE("http: IPv6 addresses are served and printed in brackets", "[http]") {
  boost::asio::io_context io{1};
  auto server =
      Server::start(io.get_executor(), ListenAddress{"::1", 0}, std::nullopt, {}, echoing());
  if (!server) {
    WARN("no IPv6 on this machine: " << server.error().message);
    return;
  }
  const std::string url = (*server)->url();
  CHECK(url == "http://[::1]:" + std::to_string((*server)->port()));
  std::thread thread([&io] { io.run(); });
  Client client = Client::create(url).value();
  CHECK(get(client, "/six")->body == "/six");
  boost::asio::co_spawn(io, (*server)->stop(0ms), boost::asio::use_future).get();
  thread.join();
}

TEST_CASE("http: a body that does not come holds the others up for a moment at most", "[http]") {
  Limits limits;
  limits.body_bytes_at_once = 10;
  limits.body_patience = 50ms;
  TestServer server(echoing(), limits);
  RawSocket slow(server->port());
  slow.send("PUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf ");
  REQUIRE(eventually([&] { return server->counters().requests == 1; }));
  for (int i = 0; i < 3; ++i) {
    Client client = a_client(server);
    CHECK(put(client, "/other", "other body")->body == "other body");
  }
  slow.send("of it\r\n");
  CHECK_THAT(slow.read_until("half of it"), ContainsSubstring("half of it"));
}

TEST_CASE("http: bodies wait for those that are being read, and go on when they are done",
          "[http]") {
  Limits limits;
  limits.body_bytes_at_once = 10;
  limits.body_patience = std::chrono::hours(1);
  TestServer server(echoing(), limits);
  auto slow = std::make_optional<RawSocket>(server->port());
  slow->send("PUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf ");
  REQUIRE(eventually([&] { return server->counters().requests == 1; }));
  std::vector<std::future<Result<ClientResponse>>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(std::async(std::launch::async, [&server] {
      Client client = a_client(server);
      return put(client, "/other", "other body");
    }));
  }
  REQUIRE(eventually([&] { return server->counters().requests == 4; }));
  Client client = a_client(server);
  CHECK(get(client, "/without-body")->status == 200);
  slow.reset();  // gone, and its room with it
  for (auto& answer : waiting) {
    CHECK(answer.get()->body == "other body");
  }
}

TEST_CASE("http: a server stops while bodies wait for room", "[http]") {
  Limits limits;
  limits.body_bytes_at_once = 10;
  limits.body_patience = std::chrono::hours(1);
  TestServer server(echoing(), limits);
  RawSocket first(server->port());
  RawSocket second(server->port());
  for (auto* socket : {&first, &second}) {
    socket->send("PUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf ");
  }
  REQUIRE(eventually([&] { return server->counters().requests == 2; }));
  server.stop(10ms);
  CHECK(server->counters().open == 0);
}

namespace {}  // namespace

TEST_CASE("http: requests of one connection share its state, others have their own", "[http]") {
  Witness witness;
  TestServer server(witness.handler());
  Client first = a_client(server);
  Client second = a_client(server);
  CHECK(get(first, "/")->status == 200);
  CHECK(get(first, "/")->status == 200);
  CHECK(get(second, "/")->status == 200);
  CHECK(witness.seen(0) == witness.seen(1));
  CHECK(witness.seen(0) != witness.seen(2));
  CHECK(*witness.seen(0) == ConnectionState::kOpen);
}

TEST_CASE("http: a peer that goes between requests has closed its connection", "[http]") {
  Witness witness;
  TestServer server(witness.handler());
  auto socket = std::make_optional<RawSocket>(server->port());
  socket->send(kQuick);
  CHECK_THAT(socket->read_until("/quick"), ContainsSubstring("200 OK"));
  CHECK(*witness.seen(0) == ConnectionState::kOpen);
  socket.reset();
  CHECK(becomes(witness.seen(0), ConnectionState::kClosedByPeer));
}

TEST_CASE("http: a peer that goes is noticed while its handler waits", "[http]") {
  Witness witness;
  TestServer server(witness.handler());
  auto socket = std::make_optional<RawSocket>(server->port());
  socket->send(kPoll);
  REQUIRE(eventually([&] { return witness.gate.waiting == 1; }));
  CHECK(*witness.seen(0) == ConnectionState::kOpen);
  SECTION("by closing") {
    socket.reset();
  }
  SECTION("by closing its half") {
    socket->finish_sending();
  }
  SECTION("by a reset") {
    socket->reset();
  }
  CHECK(becomes(witness.seen(0), ConnectionState::kClosedByPeer));
  witness.gate.release();  // the handler has gone on
  server.stop(kPatience);
  CHECK(*witness.seen(0) == ConnectionState::kClosedByPeer);
}

TEST_CASE("http: bytes of the next request end nothing while a handler waits", "[http]") {
  Witness witness;
  TestServer server(witness.handler());
  RawSocket socket(server->port());
  socket.send(kPoll);
  REQUIRE(eventually([&] { return witness.gate.waiting == 1; }));
  socket.send(kQuick);
  Client other = a_client(server);
  CHECK(get(other, "/other")->status == 200);
  CHECK(*witness.seen(0) == ConnectionState::kOpen);
  witness.gate.release();
  CHECK_THAT(socket.read_until("/quick"), ContainsSubstring("{\"round\": 7}"));
  CHECK(*witness.seen(0) == ConnectionState::kOpen);
}

TEST_CASE("http: a last request that says so ends the connection by the peer", "[http]") {
  Witness witness;
  TestServer server(witness.handler());
  RawSocket socket(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  socket.read_all();
  CHECK(becomes(witness.seen(0), ConnectionState::kClosedByPeer));
}

TEST_CASE("http: what the server closes is not closed by the peer", "[http]") {
  Witness witness;
  Limits limits;
  limits.idle_timeout = 50ms;
  limits.body_timeout = 50ms;
  TestServer server(witness.handler(), limits);
  RawSocket socket(server->port());
  socket.send(kQuick);
  const auto connection = witness.seen(0);
  SECTION("for idleness") {}
  SECTION("for a body that does not come") {
    socket.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
  }
  SECTION("for a request that it refuses") {
    socket.send("nonsense\r\n\r\n");
  }
  SECTION("because it stops") {
    server.stop(0ms);
  }
  socket.read_all();
  CHECK(becomes(connection, ConnectionState::kClosedByServer));
}

TEST_CASE("http: a handler that is cancelled has lost its connection to the server's stop",
          "[http]") {
  Witness witness;
  TestServer server(witness.handler());
  RawSocket socket(server->port());
  socket.send(kPoll);
  REQUIRE(eventually([&] { return witness.gate.waiting == 1; }));
  server.stop(10ms);
  CHECK(*witness.seen(0) == ConnectionState::kClosedByServer);
}

TEST_CASE("http: bodies that hold more than the budget give up the newest of whoever has most",
          "[http]") {
  Limits limits;
  limits.body_bytes = 100'000;
  limits.body_bytes_in_flight = 150'000;
  TestServer server(echoing(), limits);
  const std::string head = "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
  RawSocket first(server->port());
  first.send(head + std::string(90'000, 'a'));
  REQUIRE(eventually([&] { return server->counters().requests == 1; }));
  RawSocket second(server->port());
  second.send(head + std::string(90'000, 'b'));
  const std::string refusal = second.read_all();
  CHECK(refusal.starts_with("HTTP/1.1 503 "));
  CHECK_THAT(refusal, ContainsSubstring("Retry-After: 1"));
  CHECK_THAT(refusal, ContainsSubstring("as many bytes of bodies as it may"));
  CHECK(server->counters().dropped_bodies == 1);
  first.send(std::string(10'000, 'a'));
  CHECK_THAT(first.read_until(std::string(100'000, 'a')), ContainsSubstring("200 OK"));
  // All has been given back.
  Client client = a_client(server);
  for (int i = 0; i < 5; ++i) {
    CHECK(put(client, "/x", std::string(100'000, 'c'))->status == 200);
  }
}

TEST_CASE("http: a body longer than the whole budget is refused unread", "[http]") {
  Limits limits;
  limits.body_bytes = 1'000'000;
  limits.body_bytes_in_flight = 1'000;
  TestServer server(echoing(), limits);
  RawSocket socket(server->port());
  socket.send("PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
  CHECK(is_closed_with(socket, "413"));
}

TEST_CASE("http: what is announced but does not come keeps nobody from the budget", "[http]") {
  Limits limits;
  limits.body_bytes = 100'000;
  limits.body_bytes_in_flight = 100'000;
  limits.body_patience = 10ms;
  TestServer server(echoing(), limits);
  std::deque<RawSocket> announcing;
  for (int i = 0; i < 20; ++i) {
    announcing.emplace_back(server->port());
    announcing.back().send("PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nx");
  }
  REQUIRE(eventually([&] { return server->counters().requests == 20; }));
  Client client = a_client(server);
  CHECK(put(client, "/x", std::string(90'000, 'c'))->status == 200);
  CHECK(server->counters().dropped_bodies == 0);
}

TEST_CASE("http: work off the loop leaves the loop to others", "[http]") {
  HeavyWork heavy;
  TestServer server(heavy.handler());
  auto answer = std::async(std::launch::async, [&] {
    Client client = a_client(server);
    return get(client, "/heavy");
  });
  REQUIRE(eventually([&] { return heavy.running == 1; }));
  Client other = a_client(server);
  for (int i = 0; i < 20; ++i) {
    CHECK(get(other, "/quick")->body == "/quick");
  }
  heavy.may_end = true;
  CHECK(answer.get()->body == "/heavy done");
}

TEST_CASE("http: work off the loop that throws becomes a 500", "[http]") {
  HeavyWork heavy;
  heavy.may_end = true;
  TestServer server(heavy.handler());
  Client client = a_client(server);
  const auto response = get(client, "/heavy?throw=yes");
  CHECK(response->status == 500);
  CHECK_THAT(error_of(*response).message, ContainsSubstring("broken elsewhere"));
  CHECK(get(client, "/heavy")->status == 200);
}

TEST_CASE("http: a server that stops waits for work off its loop", "[http]") {
  HeavyWork heavy;
  TestServer server(heavy.handler());
  RawSocket socket(server->port());
  socket.send("GET /heavy HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(eventually([&] { return heavy.running == 1; }));
  auto stopping = std::async(std::launch::async, [&] { server.stop(0ms); });
  CHECK(socket.read_all().empty());
  heavy.may_end = true;
  stopping.get();
  CHECK(server->counters().open == 0);
}

TEST_CASE("http: without a server's pool work runs at once", "[http]") {
  boost::asio::io_context io;
  auto work = [] { return 7; };
  auto done = boost::asio::co_spawn(
      io, off_loop(static_cast<WorkerPool*>(nullptr), std::move(work)), boost::asio::use_future);
  io.run();
  CHECK(done.get() == 7);
}
