// Client and server over TLS: who is let in, and what the others are told.
#include <deque>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <poll.h>

#include "tests/unit/http/harness.hpp"

using namespace genesis;
using namespace genesis::http;
using namespace genesis::http::test;

namespace {

const tls::Validity kDay{.lifetime = 24h};

Client a_client(const std::string& url, tls::ClientContext context) {
  return Client::create(url, std::move(context)).value();
}

std::string local_url(TestServer& server, const std::string& host = "127.0.0.1") {
  return "https://" + host + ":" + std::to_string(server->port());
}

Error failure_of(Client& client) {
  const auto response = get(client, "/");
  REQUIRE_FALSE(response);
  return response.error();
}

enum class Harm { kCut, kFlip };

// A man in the middle: passes bytes both ways, and harms the byte at `offset` of what the server
// sends.
class Relay {
 public:
  Relay(std::uint16_t server_port, Harm harm, std::size_t offset)
      : acceptor_(io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
        port_(acceptor_.local_endpoint().port()),
        thread_([this, server_port, harm, offset] { pass(server_port, harm, offset); }) {}
  ~Relay() { thread_.join(); }
  [[nodiscard]] std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }

 private:
  using tcp = boost::asio::ip::tcp;

  void pass(std::uint16_t server_port, Harm harm, std::size_t offset) {
    tcp::socket client = acceptor_.accept();
    tcp::socket server(io_);
    server.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), server_port));
    std::size_t seen = 0;
    for (;;) {
      pollfd ready[] = {{client.native_handle(), POLLIN, 0}, {server.native_handle(), POLLIN, 0}};
      if (::poll(ready, 2, static_cast<int>(kPatience.count())) <= 0) {
        return;
      }
      const bool is_answer = ready[1].revents != 0;
      tcp::socket& from = is_answer ? server : client;
      tcp::socket& to = is_answer ? client : server;
      boost::system::error_code error;
      std::array<char, 4096> bytes{};
      std::size_t size = from.read_some(boost::asio::buffer(bytes), error);
      if (error) {
        return;
      }
      const bool is_hit = is_answer && offset >= seen && offset < seen + size;
      if (is_hit && harm == Harm::kFlip) {
        bytes[offset - seen] = static_cast<char>(bytes[offset - seen] ^ 1);
      } else if (is_hit) {
        size = offset - seen;
      }
      boost::asio::write(to, boost::asio::buffer(bytes, size), error);
      if (error || (is_hit && harm == Harm::kCut)) {
        return;
      }
      seen += is_answer ? size : 0;
    }
  }

  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  std::uint16_t port_;
  std::thread thread_;
};

boost::asio::awaitable<Response> say_name(Request request) {
  co_return make_response(200, "text/plain", request.peer_name.value_or("(nobody)"));
}

}  // namespace

TEST_CASE("http: over mutual TLS the handler sees the client's name", "[http]") {
  TestServer server(Handler{nullptr, say_name}, {}, server_context(Mutual::kYes));
  Client client = a_client(local_url(server), client_context(certificates().client));
  CHECK(get(client, "/")->body == "site-a");
  CHECK(get(client, "/")->body == "site-a");
  CHECK(server->counters().accepted == 1);
}

TEST_CASE("http: a server without an authority for clients sees nobody's name", "[http]") {
  TestServer server(Handler{nullptr, say_name}, {}, server_context(Mutual::kNo));
  Client client = a_client(local_url(server, "localhost"), client_context(certificates().client));
  CHECK(get(client, "/")->body == "(nobody)");
}

TEST_CASE("http: large bodies pass both ways over TLS", "[http]") {
  TestServer server(echoing(), Limits{.body_bytes = 8 * 1024 * 1024}, server_context(Mutual::kYes));
  Client client = a_client(local_url(server), client_context(certificates().client));
  std::string body(4 * 1024 * 1024 + 3, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>(i * 2654435761U >> 13);
  }
  for (int i = 0; i < 2; ++i) {
    const auto response = put(client, "/", body);
    REQUIRE(response);
    CHECK(response->body == body);
  }
  CHECK(server->counters().accepted == 1);
  CHECK(server->counters().bytes_in > 8 * 1024 * 1024);
  // Counted once written, by when the client may have read it.
  CHECK(eventually([&] { return server->counters().bytes_out > 8 * 1024 * 1024; }));
}

TEST_CASE("http: a client without a certificate is told that one is required", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kYes));
  Client client = a_client(local_url(server), client_context(std::nullopt));
  const Error error = failure_of(client);
  CHECK(error.code == Errc::kUnauthenticated);
  CHECK_THAT(error.message, ContainsSubstring("refused this client's certificate"));
  CHECK_THAT(error.message, ContainsSubstring("requires one, and none was sent"));
  CHECK(error.setting == Setting::kClientCertificate);
  CHECK(eventually([&] { return server->counters().handshake_failures == 1; }));
  CHECK(server->counters().requests == 0);
}

TEST_CASE("http: a client of another authority is refused and told so", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kYes));
  const auto other = tls::make_authority("Other", kDay).value();
  const auto identity = tls::issue_client(other, ClientId::parse("site-a").value(), kDay).value();
  Client client = a_client(local_url(server), client_context(identity));
  const Error error = failure_of(client);
  CHECK(error.code == Errc::kUnauthenticated);
  CHECK_THAT(error.message, ContainsSubstring("does not trust the CA"));
}

TEST_CASE("http: an expired client certificate is refused and told so", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kYes));
  const auto identity = tls::issue_client(certificates().authority,
                                          ClientId::parse("site-a").value(),
                                          tls::Validity{.lifetime = -1min})
                            .value();
  Client client = a_client(local_url(server), client_context(identity));
  const Error error = failure_of(client);
  CHECK(error.code == Errc::kUnauthenticated);
  CHECK_THAT(error.message, ContainsSubstring("it has expired"));
}

TEST_CASE("http: a server's certificate cannot be used as a client's", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kYes));
  Client client = a_client(local_url(server), client_context(certificates().server));
  CHECK(failure_of(client).code == Errc::kUnauthenticated);
}

TEST_CASE("http: the client refuses a server of an unknown authority", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kNo));
  const auto other = tls::make_authority("Other", kDay).value();
  Client client = a_client(local_url(server), client_context(std::nullopt, other.certificate_pem));
  const Error error = failure_of(client);
  CHECK(error.code == Errc::kUnauthenticated);
  CHECK_THAT(error.message, ContainsSubstring("unknown CA"));
}

TEST_CASE("http: the client refuses an expired server certificate", "[http]") {
  const auto identity =
      tls::issue_server(certificates().authority, {"127.0.0.1"}, tls::Validity{.lifetime = -1min})
          .value();
  TestServer server(echoing(), {}, server_context(Mutual::kNo, identity));
  Client client = a_client(local_url(server), client_context(std::nullopt));
  const Error error = failure_of(client);
  CHECK(error.code == Errc::kUnauthenticated);
  CHECK_THAT(error.message, ContainsSubstring("it has expired"));
}

TEST_CASE("http: the client refuses a certificate for another host, by name and by address",
          "[http]") {
  const auto identity =
      tls::issue_server(certificates().authority, {"agg.example.org"}, kDay).value();
  TestServer server(echoing(), {}, server_context(Mutual::kNo, identity));
  for (const char* host : {"localhost", "127.0.0.1"}) {
    Client client = a_client(local_url(server, host), client_context(std::nullopt));
    const Error error = failure_of(client);
    CHECK(error.code == Errc::kUnauthenticated);
    CHECK_THAT(error.message, ContainsSubstring(std::string("it is not valid for ") + host));
  }
  // Told which name to expect, it accepts.
  Client client = a_client(
      local_url(server),
      client_context(std::nullopt, certificates().authority.certificate_pem, "agg.example.org"));
  CHECK(get(client, "/")->status == 200);
}

TEST_CASE("http: plain HTTP to the TLS port is told so in plain HTTP", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kYes));
  Client client = Client::create("http://127.0.0.1:" + std::to_string(server->port())).value();
  const auto response = get(client, "/");
  REQUIRE(response);
  CHECK(response->status == 400);
  CHECK_THAT(error_of(*response).message, ContainsSubstring("This port speaks HTTPS"));
  CHECK(server->counters().handshake_failures == 1);
}

TEST_CASE("http: HTTPS to a plain port says what to do", "[http]") {
  TestServer server;
  Client client = a_client(local_url(server), client_context(std::nullopt));
  const Error error = failure_of(client);
  CHECK_FALSE(is_retryable(error.code));
  CHECK_THAT(error.message, ContainsSubstring("does not speak TLS"));
  CHECK(error.setting == Setting::kServerUrl);
}

TEST_CASE("http: a handshake that stops half way is closed at its time", "[http]") {
  TestServer server(echoing(), Limits{.handshake_timeout = 100ms}, server_context(Mutual::kYes));
  RawSocket silent(server->port());
  RawSocket half(server->port());
  half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  CHECK(silent.read_all().empty());
  CHECK(silent.was_closed());
  CHECK(half.read_all().empty());
  CHECK(half.was_closed());
  CHECK(eventually([&] { return server->counters().open == 0; }));
}

TEST_CASE("http: garbage instead of a handshake is closed and others go on", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kNo));
  for (int first = 0; first < 256; first += 5) {
    RawSocket socket(server->port());
    std::string bytes(300, static_cast<char>(first));
    bytes[0] = first % 2 == 0 ? '\x16' : bytes[0];
    socket.send(bytes);
    socket.finish_sending();
    socket.read_all();
    CHECK(socket.was_closed());
  }
  Client client = a_client(local_url(server), client_context(std::nullopt));
  CHECK(get(client, "/alive")->body == "/alive");
}

TEST_CASE("http: an answer that was cut or altered on its way is never taken for a whole one",
          "[http]") {
  // The handshake's flight has some 900 bytes, the answer another 350: both are hit everywhere.
  TestServer server(echoing(), {}, server_context(Mutual::kNo));
  const std::string path = "/" + std::string(200, 'p');
  int failures = 0;
  for (const Harm harm : {Harm::kCut, Harm::kFlip}) {
    for (std::size_t offset = 0; offset < 1250; offset += 23) {
      Relay relay(server->port(), harm, offset);
      Client client = a_client(relay.url(), client_context(std::nullopt));
      ClientRequest request;
      request.path = path;
      request.deadline = 300ms;  // a larger record length leaves the client waiting
      const auto response = client.request(request);
      INFO(offset);
      if (response) {
        CHECK(response->body == path);  // harmed past its end
      } else {
        ++failures;
      }
    }
  }
  CHECK(failures > 60);
}

TEST_CASE("http: a peer that goes is noticed under TLS while its handler waits", "[http]") {
  Witness witness;
  TestServer server(witness.handler(), {}, server_context(Mutual::kYes));
  Client client = a_client(local_url(server), client_context(certificates().client));
  auto polling = std::async(std::launch::async, [&] { return get(client, "/poll"); });
  REQUIRE(eventually([&] { return witness.gate.waiting == 1; }));
  CHECK(*witness.seen(0) == ConnectionState::kOpen);
  client.cancel();
  CHECK_FALSE(polling.get());
  CHECK(becomes(witness.seen(0), ConnectionState::kClosedByPeer));
  witness.gate.release();
}

namespace {

tls::CertifiedKey certificate_of(const char* name) {
  return tls::issue_client(certificates().authority, ClientId::parse(name).value(), kDay).value();
}

Client a_client_named(TestServer& server, const char* name) {
  return a_client(local_url(server), client_context(certificate_of(name)));
}

}  // namespace

TEST_CASE("http: a name has a bound of its own, and its oldest connection makes room", "[http]") {
  TestServer server(echoing(), Limits{.connections_of_a_name = 2}, server_context(Mutual::kYes));
  Client other = a_client_named(server, "other");
  CHECK(get(other, "/")->status == 200);
  std::deque<Client> greedy;
  for (int i = 0; i < 5; ++i) {
    greedy.push_back(a_client_named(server, "greedy"));
    CHECK(get(greedy.back(), "/")->status == 200);
  }
  CHECK(server->counters().refused == 3);
  CHECK(eventually([&] { return server->counters().open == 3; }));
  CHECK(get(other, "/")->status == 200);
  CHECK(server->counters().accepted == 6);
}

TEST_CASE("http: members find places when others have filled the server", "[http]") {
  Handler handler = echoing();
  handler.is_member = [](const std::string& name) { return name == "site-a"; };
  Limits limits;
  limits.connections = 8;
  limits.connections_of_a_name = 8;
  limits.connections_for_members = 4;
  TestServer server(handler, limits, server_context(Mutual::kYes));
  Client member = a_client(local_url(server), client_context(certificates().client));
  CHECK(get(member, "/")->status == 200);
  std::deque<Client> strangers;
  for (int i = 0; i < 12; ++i) {
    strangers.push_back(a_client_named(server, ("stranger-" + std::to_string(i)).c_str()));
    CHECK(get(strangers.back(), "/")->status == 200);
  }
  CHECK(get(member, "/")->status == 200);
  Client again = a_client(local_url(server), client_context(certificates().client));
  CHECK(get(again, "/")->status == 200);
  CHECK(server->counters().accepted == 14);  // the member's first is still there
  CHECK(eventually([&] { return server->counters().open <= 8; }));
}

TEST_CASE("http: a name's newer body takes the place of one that is still arriving", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kYes));
  CutSender half(server->port(), certificate_of("site-b"), std::string(10'000, 'x'));
  REQUIRE(eventually([&] { return server->counters().requests == 1; }));
  Client again = a_client_named(server, "site-b");
  CHECK(put(again, "/x", "whole")->body == "whole");
  CHECK_THAT(half.answer(), ContainsSubstring("503"));
  CHECK(server->counters().dropped_bodies == 1);
  Client other = a_client_named(server, "site-c");
  CHECK(put(other, "/x", "whole")->body == "whole");
}

TEST_CASE("http: a name's next body is refused while its first is being answered", "[http]") {
  Witness witness;
  TestServer server(witness.handler(), {}, server_context(Mutual::kYes));
  Client first = a_client_named(server, "site-b");
  auto answer = std::async(std::launch::async, [&] { return put(first, "/poll", "join"); });
  REQUIRE(eventually([&] { return witness.gate.waiting == 1; }));
  Client second = a_client_named(server, "site-b");
  const auto refused = put(second, "/other", "join");
  CHECK(refused->status == 503);
  CHECK(error_of(*refused).code == Errc::kUnavailable);
  CHECK_THAT(error_of(*refused).message, ContainsSubstring("another one of site-b"));
  CHECK(get(second, "/without-a-body")->status == 200);
  Client other = a_client_named(server, "site-c");
  CHECK(put(other, "/other", "join")->status == 200);
  witness.gate.release();
  CHECK(answer.get()->status == 200);
  CHECK(put(second, "/other", "join")->status == 200);
}

TEST_CASE("http: a certificate that is denied is refused as revoked, others are not", "[http]") {
  auto context = server_context(Mutual::kYes);
  REQUIRE(context.deny_list().deny("site-b"));
  TestServer server(Handler{nullptr, say_name}, {}, context);
  Client denied = a_client_named(server, "site-b");
  const Error error = failure_of(denied);
  CHECK(error.code == Errc::kUnauthenticated);
  CHECK_THAT(error.message, ContainsSubstring("it was revoked"));
  Client other = a_client_named(server, "site-c");
  CHECK(get(other, "/")->body == "site-c");
}

TEST_CASE("http: a connection ends with its certificate's denial, also while a handler waits",
          "[http]") {
  auto context = server_context(Mutual::kYes);
  Witness witness;
  TestServer server(witness.handler(), {}, context);
  Client client = a_client_named(server, "site-b");
  CHECK(get(client, "/")->status == 200);
  SECTION("between requests") {
    REQUIRE(context.deny_list().deny("site-b"));
    CHECK(get(client, "/")->status == 403);
  }
  SECTION("before the answer") {
    auto polling = std::async(std::launch::async, [&] { return get(client, "/poll"); });
    REQUIRE(eventually([&] { return witness.gate.waiting == 1; }));
    REQUIRE(context.deny_list().deny("site-b"));
    witness.gate.release();
    const auto answer = polling.get();
    CHECK(answer->status == 403);
    CHECK_THAT(error_of(*answer).message, ContainsSubstring("deny list"));
  }
  CHECK(failure_of(client).code == Errc::kUnauthenticated);
}

TEST_CASE("http: connections after a renewal use the renewed certificates", "[http]") {
  const CertificateFolder folder;
  folder.write("ca.crt", certificates().authority.certificate_pem);
  const auto old = tls::issue_server(certificates().authority, {"127.0.0.1"}, kDay).value();
  folder.write("server.crt", old.certificate_pem);
  folder.write("server.key", old.key_pem);
  const auto context =
      tls::ServerContext::open(
          {folder / "server.crt", folder / "server.key", folder / "ca.crt", std::nullopt})
          .value();
  TestServer server(echoing(), {}, context);
  Client before = a_client(local_url(server), client_context(certificates().client));
  CHECK(get(before, "/")->status == 200);
  // The new authority is the only one from here on, for servers and clients.
  const auto authority = tls::make_authority("Renewed", kDay).value();
  const auto renewed = tls::issue_server(authority, {"127.0.0.1"}, kDay).value();
  const auto client = tls::issue_client(authority, ClientId::parse("site-a").value(), kDay).value();
  folder.write("ca.crt", authority.certificate_pem);
  folder.write("server.crt", renewed.certificate_pem);
  folder.write("server.key", renewed.key_pem);
  CHECK(eventually([&] {
    Client after = a_client(local_url(server), client_context(client, authority.certificate_pem));
    return get(after, "/").has_value();
  }));
  CHECK(get(before, "/")->status == 200);  // it goes on as it was accepted
  CHECK(server->counters().accepted >= 2);
}
