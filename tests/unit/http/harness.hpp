#pragma once
// A server on its own thread, a raw socket that may misbehave, and certificates for both sides.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <openssl/ssl.h>

#include "common/http/client.hpp"
#include "common/http/server.hpp"
#include "common/tls/certificates.hpp"
#include "tests/support/catch.hpp"

namespace genesis::http::test {

using namespace std::chrono_literals;

/// Generous bounds for a busy machine: no test waits this long when all is well.
constexpr Milliseconds kPatience{20'000};

/// Polls `condition` until it holds; false after kPatience.
inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) {
      return true;
    }
    std::this_thread::sleep_for(1ms);
  }
  return condition();
}

/// Echoes the body; with an empty one the path. "/missing" is 404.
inline boost::asio::awaitable<Response> echo(Request request) {
  if (request.path == "/missing") {
    co_return error_response(Error{Errc::kNotFound, "no such path"});
  }
  co_return make_response(
      200, "text/plain", request.body.empty() ? request.path : std::move(request.body));
}

inline Handler echoing() {
  return Handler{.admit = nullptr, .respond = echo};
}

/// A long poll: waits until `release` is called. Its timer lives only as long as the wait.
class Gate {
 public:
  boost::asio::awaitable<Response> wait(Request) {
    const auto executor = co_await boost::asio::this_coro::executor;
    timer_.emplace(executor, std::chrono::steady_clock::time_point::max());
    ++waiting;
    boost::system::error_code error;
    co_await timer_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
    timer_.reset();
    co_return json_response(200, "{\"round\": 7}");
  }
  void release() {
    boost::asio::post(timer_->get_executor(), [this] { timer_->cancel(); });
  }
  std::atomic<int> waiting{0};

 private:
  std::optional<boost::asio::steady_timer> timer_;
};

using SharedState = std::shared_ptr<const std::atomic<ConnectionState>>;

/// Keeps the connection of each request, as an application may. "/poll" waits for the gate.
class Witness {
 public:
  Handler handler() {
    Handler handler;
    handler.respond = [this](Request request) {
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(request.connection);
      }
      return request.path == "/poll" ? gate.wait(std::move(request)) : echo(std::move(request));
    };
    return handler;
  }
  SharedState seen(std::size_t index) {
    REQUIRE(eventually([&] {
      const std::lock_guard lock(mutex_);
      return seen_.size() > index;
    }));
    const std::lock_guard lock(mutex_);
    return seen_[index];
  }
  Gate gate;

 private:
  std::mutex mutex_;
  std::vector<SharedState> seen_;  // guarded by mutex_
};

inline bool becomes(const SharedState& connection, ConnectionState state) {
  return eventually([&] { return *connection != ConnectionState::kOpen; }) && *connection == state;
}

class TestServer {
 public:
  explicit TestServer(Handler handler = echoing(),
                      const Limits& limits = {},
                      std::optional<tls::ServerContext> tls = std::nullopt) {
    auto started =
        Server::start(io_.get_executor(), ListenAddress{}, std::move(tls), limits, handler);
    REQUIRE(started);
    server_ = std::move(*started);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~TestServer() {
    stop(0ms);
    thread_.join();
    server_.reset();
  }

  void stop(Milliseconds grace) {
    if (!is_stopped_) {
      is_stopped_ = true;
      boost::asio::co_spawn(io_, server_->stop(grace), boost::asio::use_future).get();
    }
  }
  Server& operator*() { return *server_; }
  Server* operator->() { return server_.get(); }

 private:
  boost::asio::io_context io_{1};
  std::unique_ptr<Server> server_;
  std::thread thread_;
  bool is_stopped_ = false;
};

/// A TCP connection to 127.0.0.1 that sends what it is told; reads give up after kPatience.
class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port);
  ~RawSocket();
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  void send(std::string_view bytes);
  void finish_sending();
  /// Closes so that the peer gets a reset.
  void reset();
  /// All bytes until the peer closes.
  std::string read_all();
  /// Bytes until `end` has been seen or the peer closes.
  std::string read_until(std::string_view end);
  [[nodiscard]] bool was_closed() const { return was_closed_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  bool was_closed_ = false;
};

/// One training's certificates, made once.
struct Certificates {
  tls::CertifiedKey authority;
  tls::CertifiedKey server;  // localhost, 127.0.0.1
  tls::CertifiedKey client;  // site-a
};
const Certificates& certificates();

enum class Mutual { kNo, kYes };
tls::ServerContext server_context(Mutual mutual, const tls::CertifiedKey& identity);
tls::ServerContext server_context(Mutual mutual);
tls::ClientContext client_context(
    const std::optional<tls::CertifiedKey>& identity,
    const std::string& authority_pem = certificates().authority.certificate_pem,
    const std::string& server_name = "");

/// A folder for certificate files, gone with it.
class CertificateFolder {
 public:
  CertificateFolder();
  ~CertificateFolder();
  CertificateFolder(const CertificateFolder&) = delete;
  CertificateFolder& operator=(const CertificateFolder&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }
  void write(const char* name, const std::string& pem) const;

 private:
  std::filesystem::path path_;
};

/// A client over TLS that announces a body and sends its first half, then reads.
class CutSender {
 public:
  CutSender(std::uint16_t port, const tls::CertifiedKey& identity, const std::string& body);
  /// All that the server says before it closes.
  std::string answer();

 private:
  RawSocket socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

/// A blocking GET of `path` from `url`.
inline Result<ClientResponse> get(Client& client, std::string path) {
  ClientRequest request;
  request.path = std::move(path);
  request.deadline = kPatience;
  return client.request(request);
}

inline Result<ClientResponse> put(Client& client, std::string path, std::string_view body) {
  ClientRequest request;
  request.method = "PUT";
  request.path = std::move(path);
  request.body = body;
  request.deadline = kPatience;
  request.max_body = 64 * 1024 * 1024;
  return client.request(request);
}

}  // namespace genesis::http::test
