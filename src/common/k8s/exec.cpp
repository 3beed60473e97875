#include "common/k8s/exec.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <openssl/ssl.h>

#include "common/http/url.hpp"
#include "common/k8s/resource.hpp"
#include "common/k8s/status_error.hpp"

namespace genesis::k8s {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using ErrorCode = boost::system::error_code;
using WebSocket = websocket::stream<beast::ssl_stream<beast::tcp_stream>>;
using Response = beast::http::response<beast::http::string_body>;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

constexpr std::chrono::seconds kConnectTime{10};
constexpr std::size_t kMaxMessage = std::size_t{1} << 20;  // kubelets send 32 KiB
// v4 too, for servers from before 1.30 and for kubelets that the server passes us on to.
constexpr const char* kProtocols = "v5.channel.k8s.io, v4.channel.k8s.io";

// One command.
class Session {
 public:
  Session(const asio::any_io_executor& executor,
          const tls::ClientContext& tls,
          http::Url url,
          ExecRequest request)
      : url_(std::move(url)),
        server_name_(tls.server_name().empty() ? url_.host : tls.server_name()),
        request_(std::move(request)),
        resolver_(executor),
        context_(shared(tls)),
        socket_(executor, context_) {}

  asio::awaitable<Result<ExecResult>> run(std::string authorization, ExecSink sink) {
    std::function<void()> cancel = [this] {
      resolver_.cancel();
      beast::get_lowest_layer(socket_).close();
    };
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    on_stop.emplace(request_.stop, std::move(cancel));
    Result<ExecResult> result = fail(Errc::kInternal, "");
    Status opened = co_await open(std::move(authorization));
    if (opened) {
      result = co_await read(std::move(sink));
    } else {
      result = tl::unexpected(std::move(opened).error());
    }
    on_stop.reset();
    beast::get_lowest_layer(socket_).close();  // a command that still writes ends with it
    if (request_.stop.stop_requested()) {
      co_return fail(Errc::kFailedPrecondition, "interrupted");
    }
    co_return result;
  }

 private:
  // The same context as other connections', which Asio's wrapper is given a reference of.
  static asio::ssl::context shared(const tls::ClientContext& tls) {
    SSL_CTX* const context = tls.current().get();
    SSL_CTX_up_ref(context);
    return asio::ssl::context(context);
  }

  Status lost(const char* step, const ErrorCode& error) const {
    return fail(Errc::kUnavailable, url_.authority() + ": " + step + ": " + error.message());
  }

  asio::awaitable<Status> open(std::string authorization) {
    const std::string port = std::to_string(url_.port);
    auto [unresolved, found] = co_await resolver_.async_resolve(url_.host, port, kAsTuple);
    if (unresolved) {
      co_return lost("the name cannot be resolved", unresolved);
    }
    auto& tcp = beast::get_lowest_layer(socket_);
    tcp.expires_after(kConnectTime);
    auto [refused, endpoint] = co_await tcp.async_connect(found, kAsTuple);
    if (refused) {
      co_return lost("cannot connect", refused);
    }
    SSL* const ssl = socket_.next_layer().native_handle();
    if (Status known = tls::expect_server(ssl, server_name_); !known) {
      co_return known;
    }
    tcp.expires_after(kConnectTime);
    const auto client = asio::ssl::stream_base::client;
    auto [insecure] = co_await socket_.next_layer().async_handshake(client, kAsTuple);
    if (insecure) {
      const std::string why = tls::verify_failure(ssl, server_name_);
      if (!why.empty()) {
        co_return fail(Errc::kUnauthenticated,
                       url_.authority() + ": its certificate does not pass: " + why);
      }
      co_return lost("no TLS connection", insecure);
    }
    tcp.expires_never();  // the WebSocket keeps time from here on
    co_return co_await upgrade(std::move(authorization));
  }

  asio::awaitable<Status> upgrade(std::string authorization) {
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = std::chrono::seconds(30);  // with the start of the command
    timeout.idle_timeout = request_.silence;
    timeout.keep_alive_pings = true;
    socket_.set_option(timeout);
    socket_.read_message_max(kMaxMessage);
    auto decorate = [authorization](websocket::request_type& request) {
      request.set("Sec-WebSocket-Protocol", kProtocols);
      if (!authorization.empty()) {
        request.set(beast::http::field::authorization, authorization);
      }
    };
    socket_.set_option(websocket::stream_base::decorator(std::move(decorate)));
    const std::string path =
        url_.base_path +
        exec_path(request_.pod.ns, request_.pod.name, request_.container, request_.command);
    Response response;
    const std::string host = url_.authority();
    auto [error] = co_await socket_.async_handshake(response, host, path, kAsTuple);
    if (error == websocket::error::upgrade_declined) {
      http::ClientResponse answer;
      answer.status = static_cast<int>(response.result_int());
      answer.body = std::move(response.body());
      co_return tl::unexpected(error_of_answer(answer));
    }
    if (error) {
      co_return lost("no WebSocket", error);
    }
    co_return Status{};
  }

  asio::awaitable<Result<ExecResult>> read(ExecSink sink) {
    ExecStream stream;
    beast::flat_buffer buffer;
    while (!stream.is_over()) {
      auto [error, size] = co_await socket_.async_read(buffer, kAsTuple);
      if (error) {
        co_return fail(
            Errc::kUnavailable,
            url_.authority() + ": the connection ended before the command did: " + error.message());
      }
      const auto bytes = buffer.cdata();
      const std::string_view message(static_cast<const char*>(bytes.data()), bytes.size());
      const Result<std::string_view> part = stream.feed(message);
      if (!part) {
        co_return tl::unexpected(part.error());
      }
      if (!part->empty()) {
        if (Status taken = sink(*part); !taken) {
          co_return tl::unexpected(std::move(taken).error());
        }
      }
      buffer.consume(buffer.size());
    }
    co_return stream.result();
  }

  http::Url url_;
  std::string server_name_;
  ExecRequest request_;
  asio::ip::tcp::resolver resolver_;
  asio::ssl::context context_;
  WebSocket socket_;
};

}  // namespace

asio::awaitable<Result<ExecResult>> exec(asio::any_io_executor executor,
                                         Config config,
                                         ExecRequest request,
                                         ExecSink sink) {
  const std::string what = "exec in " + object_path(kPods, request.pod.ns, request.pod.name) +
                           ": " +
                           (request.command.empty() ? std::string() : request.command.front());
  auto url = http::parse_url(config.server);
  if (!url) {
    co_return tl::unexpected(url.error().within(what));
  }
  if (!config.tls || url->scheme != http::Scheme::kHttps) {
    co_return fail(Errc::kInvalidArgument,
                   config.server + ": commands in pods need https:// (kubectl proxy refuses them)");
  }
  auto tls = tls::ClientContext::create(*config.tls);
  if (!tls) {
    co_return tl::unexpected(std::move(tls).error());
  }
  std::string authorization;
  if (config.token.is_used()) {
    const SteadyClock clock;
    auto token = config.token.token(clock.now());
    if (!token) {
      co_return tl::unexpected(std::move(token).error());
    }
    authorization = "Bearer " + std::string(token->reveal());
  }
  auto session = std::make_unique<Session>(executor, *tls, std::move(*url), std::move(request));
  Result<ExecResult> result = co_await session->run(std::move(authorization), std::move(sink));
  if (!result) {
    co_return tl::unexpected(result.error().within(what));
  }
  co_return result;
}

}  // namespace genesis::k8s
