#include "common/http/proxy.hpp"

#include <array>
#include <map>
#include <thread>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "tests/unit/http/harness.hpp"

using namespace genesis;
using namespace genesis::http;
using namespace genesis::http::test;

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

using Variables = std::map<std::string, std::string, std::less<>>;

Result<std::optional<Proxy>> proxy(const char* server, const Variables& variables) {
  return proxy_for(*parse_url(server), [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

// Takes one connection, answers the request for a tunnel, and passes bytes on where it was granted.
class ProxyServer {
 public:
  explicit ProxyServer(std::string answer)
      : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        thread_([this, text = std::move(answer)] { serve(text); }) {}
  ~ProxyServer() { thread_.join(); }

  [[nodiscard]] Proxy as_proxy(const std::string& authorization = "") const {
    const auto port = std::to_string(acceptor_.local_endpoint().port());
    return {*parse_url("http://127.0.0.1:" + port), authorization};
  }
  /// What it was asked for; once the client is done.
  [[nodiscard]] const std::string& request() {
    thread_.join();
    thread_ = std::thread([] {});
    return request_;
  }

 private:
  void serve(const std::string& answer) {
    tcp::socket client = acceptor_.accept();
    boost::system::error_code failed;
    asio::read_until(client, asio::dynamic_buffer(request_), "\r\n\r\n", failed);
    asio::write(client, asio::buffer(answer), failed);
    if (!answer.starts_with("HTTP/1.1 200")) {
      return;
    }
    const auto colon = request_.find(':');
    const auto port = static_cast<std::uint16_t>(std::stoi(request_.substr(colon + 1)));
    tcp::socket server(io_);
    server.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port), failed);
    std::thread back([&] { pump(server, client); });
    pump(client, server);
    back.join();
  }
  static void pump(tcp::socket& from, tcp::socket& to) {
    std::array<char, 4096> bytes{};
    boost::system::error_code failed;
    for (auto size = from.read_some(asio::buffer(bytes), failed); !failed;
         size = from.read_some(asio::buffer(bytes), failed)) {
      asio::write(to, asio::buffer(bytes.data(), size), failed);
    }
    to.shutdown(tcp::socket::shutdown_both, failed);
  }

  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::string request_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("http: the proxy is the one of the environment", "[http]") {
  const char* const server = "https://train.example.org:8443";
  CHECK_FALSE(proxy(server, {})->has_value());
  CHECK_FALSE(
      proxy("http://train.example.org", {{"HTTPS_PROXY", "http://proxy:3128"}})->has_value());
  const auto found = *proxy(server, {{"HTTPS_PROXY", "http://proxy:3128/"}});
  REQUIRE(found);
  CHECK(found->url.authority() == "proxy:3128");
  CHECK(found->authorization.empty());
  CHECK((*proxy(server, {{"HTTPS_PROXY", "a:1"}, {"https_proxy", "b:2"}}))->url.host == "b");
  CHECK((*proxy(server, {{"HTTPS_PROXY", "a:1"}, {"https_proxy", ""}}))->url.host == "a");
  const auto with_user = *proxy(server, {{"HTTPS_PROXY", "http://dr%40k:p%3Aw@10.0.0.9:8080"}});
  CHECK(with_user->url.authority() == "10.0.0.9:8080");
  CHECK(with_user->authorization == "Basic ZHJAazpwOnc=");  // dr@k:p:w
}

TEST_CASE("http: a proxy that cannot be used is refused without its password", "[http]") {
  for (const char* value : {"https://u:secret@proxy:1",
                            "socks5://u:secret@proxy:1",
                            "http://u:secret@",
                            "http://u:secret@proxy:x",
                            "u:sec%zret@proxy:1"}) {
    const auto refused = proxy("https://train.example.org", {{"HTTPS_PROXY", value}});
    CAPTURE(value);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kInvalidArgument);
    CHECK_THAT(refused.error().message, ContainsSubstring("HTTPS_PROXY: "));
    CHECK_THAT(refused.error().message, !ContainsSubstring("sec"));
  }
}

TEST_CASE("http: NO_PROXY names hosts, domains, addresses, ranges and ports", "[http]") {
  struct Case {
    const char* server;
    const char* list;
    bool direct;
  };
  const std::vector<Case> cases = {
      {"https://train.example.org", "*", true},
      {"https://train.example.org", "train.example.org", true},
      {"https://train.example.org", "other, EXAMPLE.org", true},
      {"https://train.example.org", ".example.org", true},
      {"https://train.example.org", "*.example.org", true},
      {"https://train.example.org", "ample.org", false},
      {"https://train.example.org", "train", false},
      {"https://train.example.org:8443", "example.org:8443", true},
      {"https://train.example.org:8443", "example.org:443", false},
      {"https://10.1.2.3:8443", "10.1.2.3", true},
      {"https://10.1.2.3:8443", "10.1.2.3:8443", true},
      {"https://10.1.2.3:8443", "10.0.0.0/8", true},
      {"https://10.1.2.3:8443", "10.2.0.0/16", false},
      {"https://10.1.2.3:8443", "example.org", false},
      {"https://[fd00::7]:8443", "fd00::/8", true},
      {"https://[fd00::7]:8443", "[fd00::7]:8443", true},
      {"https://[fd00::7]:8443", "fe80::/10,", false},
      {"https://train.example.org", "", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.server, c.list);
    const auto found = proxy(c.server, {{"HTTPS_PROXY", "proxy:1"}, {"NO_PROXY", c.list}});
    REQUIRE(found);
    CHECK(found->has_value() != c.direct);
  }
}

TEST_CASE("http: through a proxy TLS is between client and server", "[http]") {
  TestServer server(echoing(), {}, server_context(Mutual::kNo));
  ProxyServer between("HTTP/1.1 200 Connection established\r\n\r\n");
  {
    Client client =
        Client::create(
            server->url(), client_context(std::nullopt), between.as_proxy("Basic ZHJAazpwOnc="))
            .value();
    const auto response = get(client, "/hello");
    REQUIRE(response);
    CHECK(response->body == "/hello");
    CHECK(get(client, "/again")->body == "/again");  // on the same tunnel
  }
  CHECK_THAT(
      between.request(),
      ContainsSubstring("CONNECT " + parse_url(server->url())->authority() + " HTTP/1.1\r\n"));
  CHECK_THAT(between.request(), ContainsSubstring("Proxy-Authorization: Basic ZHJAazpwOnc="));
}

TEST_CASE("http: a proxy that refuses is named with what to do", "[http]") {
  const auto [answer, code, message] =
      GENERATE(Catch::Generators::table<const char*, Errc, const char*>({
          {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nwho?",
           Errc::kUnauthenticated,
           "asks for a user name and a password"},
          {"HTTP/1.1 403 Forbidden\r\n\r\n", Errc::kUnavailable, "with status 403"},
          {"SSH-2.0-OpenSSH_9.2\r\n\r\n",
           Errc::kInvalidArgument,
           "(HTTPS_PROXY) does not answer in HTTP/1.1"},
          {"", Errc::kUnavailable, "(HTTPS_PROXY) closed the connection"},
      }));
  ProxyServer between(answer);
  Client client =
      Client::create("https://train.example.org", client_context(std::nullopt), between.as_proxy())
          .value();
  const auto response = get(client, "/");
  REQUIRE_FALSE(response);
  CAPTURE(response.error().message);
  CHECK(response.error().code == code);
  CHECK_THAT(response.error().message, ContainsSubstring(message));
}
