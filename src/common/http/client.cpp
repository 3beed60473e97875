#include "common/http/client.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/http/client_errors.hpp"
#include "common/http/head_text.hpp"
#include "common/http/parse.hpp"

namespace genesis::http {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;
using Parser = bhttp::response_parser<bhttp::string_body>;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

constexpr std::uint32_t kHeaderBytes = 16 * 1024;
// A refused upload of this size costs more than the round trip of "100 Continue".
constexpr std::size_t kExpectAbove = 256 * 1024;
// A peer that has vanished while we wait for it is noticed after 15 + 3 * 5 seconds.
constexpr int kProbeAfterSeconds = 15;
constexpr int kProbeEverySeconds = 5;
constexpr int kProbes = 3;
// A firewall that drops what it does not like must not look like a server that takes its time.
constexpr Milliseconds kConnectTime{4'000};
constexpr int kMaxInterim = 8;  // 1xx responses before the real one

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

bool is_idempotent(std::string_view method) {
  return method != "POST" && method != "PATCH";
}

// Between two responses nothing may arrive: what does is a close or a peer that we do not
// understand.
bool is_still_open(beast::tcp_stream& stream) {
  char byte = 0;
  const auto size = ::recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void probe_when_silent(int socket) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof(value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kProbeAfterSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kProbeEverySeconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

// False where the peer has said something, but in another protocol (a TLS alert, a banner).
bool begins_like_http(const beast::flat_buffer& buffer) {
  constexpr std::string_view kStart = "HTTP/";
  const auto data = buffer.cdata();
  const std::string_view text(static_cast<const char*>(data.data()),
                              std::min(data.size(), kStart.size()));
  return kStart.starts_with(text);
}

// Header text is ours or the caller's: a line break in it would be a second header.
Status check_request(const ClientRequest& request) {
  const auto is_clean = [](std::string_view text) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
        return false;
      }
    }
    return true;
  };
  if (!request.path.starts_with('/') || request.path.find(' ') != std::string::npos ||
      !is_clean(request.path)) {
    return fail(Errc::kInvalidArgument, "request path: must start with '/' and be escaped");
  }
  for (const Header& header : request.headers) {
    if (header.name.empty() || !is_clean(header.name) || !is_clean(header.value)) {
      return fail(Errc::kInvalidArgument,
                  "request header: a control character in \"" + header.name + "\"");
    }
  }
  return {};
}

// Status and headers.
ClientResponse head_of(const Parser& parser) {
  ClientResponse response;
  const auto& message = parser.get();
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    response.headers.push_back(
        Header{std::string(view(field.name_string())), std::string(view(field.value()))});
  }
  return response;
}

ClientResponse to_response(Parser& parser) {
  ClientResponse response = head_of(parser);
  response.body = std::move(parser.get().body());
  return response;
}

// Where a body goes that is not kept; `take` may be null, then it is kept.
struct Sinks {
  BodySink take;
  HeadSink head;
};

}  // namespace

class AsyncClient::Impl {
 public:
  Impl(asio::any_io_executor executor,
       Url url,
       std::optional<tls::ClientContext> tls,
       std::optional<Proxy> proxy)
      : executor_(std::move(executor)),
        url_(std::move(url)),
        proxy_(std::move(proxy)),
        resolver_(executor_) {
    if (tls) {
      server_name_ = tls->server_name().empty() ? url_.host : tls->server_name();
      tls_ = std::move(tls);
    }
  }

  asio::awaitable<Result<ClientResponse>> request(ClientRequest request, Sinks sinks) {
    if (auto status = check_request(request); !status) {
      co_return tl::unexpected(status.error());
    }
    deadline_ = std::chrono::steady_clock::now() + request.deadline;
    for (;;) {
      if (is_cancelled_) {
        co_return cancelled();
      }
      const bool is_reused = reuse();
      if (!is_reused) {
        auto failure = co_await connect();
        if (failure) {
          co_return give_up(request, std::move(*failure));
        }
      }
      Exchange exchange = co_await exchange_once(request, sinks);
      if (exchange.response) {
        co_return std::move(*exchange.response);
      }
      if (exchange.refused) {
        disconnect();
        co_return tl::unexpected(std::move(*exchange.refused));
      }
      const bool may_resend = is_reused && !exchange.has_answer_begun &&
                              is_idempotent(request.method) &&
                              exchange.failure.error != beast::error::timeout;
      if (!may_resend || is_cancelled_) {
        co_return give_up(request, std::move(exchange.failure));
      }
      disconnect();
    }
  }

  void cancel() {
    is_cancelled_ = true;
    resolver_.cancel();
    if (connection_) {
      connection_->tcp().close();
    }
  }

  // Without a word to the server: a close_notify would need an await, and the server does not care.
  void disconnect() {
    connection_.reset();
    buffer_.clear();
    buffer_.shrink_to_fit();
  }

  [[nodiscard]] const Url& url() const { return url_; }

 private:
  struct Exchange {
    std::optional<ClientResponse> response;
    Failure failure;
    std::optional<Error> refused;  // by the sink
    bool has_answer_begun = false;
  };

  bool reuse() {
    if (connection_ && buffer_.size() == 0 && is_still_open(connection_->tcp())) {
      return true;
    }
    disconnect();
    return false;
  }

  static tl::unexpected<Error> cancelled() {
    return fail(Errc::kFailedPrecondition, "the request was cancelled");
  }

  tl::unexpected<Error> give_up(const ClientRequest& request, Failure failure) {
    disconnect();
    if (is_cancelled_) {
      return cancelled();
    }
    failure.authority = url_.authority();
    failure.proxy = proxy_ ? proxy_->url.authority() : "";
    if (failure.deadline == Milliseconds(0)) {
      failure.deadline = request.deadline;
    }
    failure.max_body = request.max_body;
    return tl::unexpected(describe(failure));
  }

  static Failure failure(Step step, const ErrorCode& error) {
    Failure out;
    out.step = step;
    out.error = error;
    return out;
  }

  asio::awaitable<std::optional<Failure>> connect() {
    const Url& peer = proxy_ ? proxy_->url : url_;
    std::vector<tcp::endpoint> endpoints;
    ErrorCode literal;
    const auto address = asio::ip::make_address(peer.host, literal);
    if (!literal) {
      endpoints.emplace_back(address, peer.port);
    } else {
      // The system's resolver cannot be interrupted; it keeps its own time (resolv.conf).
      const std::string port = std::to_string(peer.port);
      auto [error, found] = co_await resolver_.async_resolve(peer.host, port, kAsTuple);
      if (error) {
        co_return failure(Step::kResolve, error);
      }
      for (const auto& entry : found) {
        endpoints.push_back(entry.endpoint());
      }
    }
    connection_ = std::make_unique<Connection>(executor_);
    const auto connect_until = std::chrono::steady_clock::now() + kConnectTime;
    connection_->tcp().expires_at(std::min(deadline_, connect_until));
    auto [error, endpoint] = co_await connection_->tcp().async_connect(endpoints, kAsTuple);
    if (error || is_cancelled_) {
      Failure out = failure(Step::kConnect, error);
      out.deadline = connect_until < deadline_ ? kConnectTime : Milliseconds(0);
      co_return out;
    }
    connection_->tcp().expires_at(deadline_);
    ErrorCode ignored;
    connection_->tcp().socket().set_option(tcp::no_delay(true), ignored);
    probe_when_silent(connection_->tcp().socket().native_handle());
    if (proxy_) {
      auto refused = co_await open_tunnel();
      if (refused) {
        co_return refused;
      }
    }
    if (tls_) {
      co_return co_await handshake();
    }
    co_return std::nullopt;
  }

  // Through the proxy to the server: what follows is between us and that.
  asio::awaitable<std::optional<Failure>> open_tunnel() {
    const std::string where = url_.authority();
    std::string head = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
    if (!proxy_->authorization.empty()) {
      head += "Proxy-Authorization: " + proxy_->authorization + "\r\n";
    }
    head += "\r\n";
    const Transfer sent = co_await connection_->write(head, "");
    Parser parser;
    parser.header_limit(kHeaderBytes);
    parser.skip(true);
    const Transfer read = co_await read_header(*connection_, buffer_, parser);
    if (read.error) {
      co_return failure(Step::kTunnel, sent.error ? sent.error : read.error);
    }
    const unsigned status = parser.get().result_int();
    if (status < 200 || status >= 300) {
      Failure out = failure(Step::kTunnel, bhttp::error::bad_status);
      out.proxy_status = status;
      co_return out;
    }
    // The server speaks after us: these bytes would be the proxy's.
    if (buffer_.size() > 0) {
      co_return failure(Step::kTunnel, bhttp::error::bad_version);
    }
    co_return std::nullopt;
  }

  asio::awaitable<std::optional<Failure>> handshake() {
    const std::span<const char> nothing;
    connection_->secure(tls_->current().get(), Role::kClient, nothing);
    if (auto status = tls::expect_server(connection_->ssl(), server_name_); !status) {
      Failure out = failure(Step::kHandshake, asio::error::invalid_argument);
      out.verify_failure = status.error().message;
      co_return out;
    }
    const ErrorCode error = co_await connection_->handshake();
    if (!error) {
      co_return std::nullopt;
    }
    Failure out = failure(Step::kHandshake, error);
    out.verify_failure = tls::verify_failure(connection_->ssl(), server_name_);
    co_return out;
  }

  asio::awaitable<Exchange> exchange_once(const ClientRequest& request, const Sinks& sinks) {
    Exchange out;
    connection_->tcp().expires_at(deadline_);
    const Continue go_ahead =
        request.body.size() > kExpectAbove ? Continue::kExpected : Continue::kUnasked;
    const std::string head = request_head(request, url_, go_ahead);
    const std::string_view first = go_ahead == Continue::kUnasked ? request.body : "";
    Transfer sent = co_await connection_->write(head, first);
    bool is_whole = go_ahead == Continue::kUnasked;
    // A server that refuses may answer, or send a TLS alert, before it has read everything: where
    // writing fails, the reason may still be there to be read.
    std::optional<Parser> parser;
    for (int interim = 0; interim < kMaxInterim; ++interim) {
      parser.emplace();
      parser->header_limit(kHeaderBytes);
      if (sinks.take) {
        parser->body_limit(boost::none);
      } else {
        parser->body_limit(request.max_body);
      }
      parser->skip(request.method == "HEAD");
      const Transfer read = co_await read_header(*connection_, buffer_, *parser);
      out.has_answer_begun = out.has_answer_begun || read.size > 0 || buffer_.size() > 0;
      if (read.error) {
        out.failure = header_failure(sent.error, read);
        co_return out;
      }
      const unsigned status = parser->get().result_int();
      if (status >= 200) {
        break;
      }
      if (status == 100 && !is_whole && !sent.error) {
        is_whole = true;
        const std::string_view nothing;
        sent = co_await connection_->write(nothing, request.body);
      }
    }
    if (parser->get().result_int() < 200) {
      out.failure = failure(Step::kRead, bhttp::error::bad_status);
      co_return out;
    }
    if (sinks.take) {
      co_await hand_over_body(*parser, request, sinks, out);
    } else {
      const Transfer read = co_await read_body(*connection_, buffer_, *parser);
      out.failure = failure(Step::kRead, read.error);
    }
    if (out.failure.error || out.refused) {
      co_return out;
    }
    const bool keeps = parser->keep_alive() && is_whole && !sent.error;
    out.response = to_response(*parser);
    if (keeps) {
      connection_->release_buffers();
      buffer_.shrink_to_fit();
    } else {
      disconnect();
    }
    co_return out;
  }

  // Only a success goes to the sink; what it takes is not kept.
  asio::awaitable<void> hand_over_body(Parser& parser,
                                       const ClientRequest& request,
                                       const Sinks& sinks,
                                       Exchange& out) {
    std::string& body = parser.get().body();
    const bool is_success = parser.get().result_int() < 300;
    if (is_success && sinks.head) {
      if (Status seen = sinks.head(head_of(parser)); !seen) {
        out.refused = std::move(seen).error();
      }
    }
    while (!parser.is_done() && !out.failure.error && !out.refused) {
      const Transfer read = co_await read_some_body(*connection_, buffer_, parser);
      out.failure = failure(Step::kRead, read.error);
      if (is_success && !body.empty()) {
        if (Status taken = sinks.take(body); !taken) {
          out.refused = std::move(taken).error();
        }
        body.clear();
      }
      if (body.size() > request.max_body) {
        out.failure = failure(Step::kRead, bhttp::error::body_limit);
      }
      if (read.size < kSmallRead && connection_) {
        connection_->release_buffers();
      }
    }
  }

  // Which of the two failures tells more.
  Failure header_failure(const ErrorCode& write_error, const Transfer& read) const {
    const bool is_reason_known = read.error.category() == asio::error::get_ssl_category();
    if (write_error && !is_reason_known) {
      return failure(Step::kWrite, write_error);
    }
    if (read.size == 0 && read.error == bhttp::error::partial_message &&
        !begins_like_http(buffer_)) {
      return failure(Step::kRead, bhttp::error::bad_version);
    }
    return failure(Step::kRead, read.error);
  }

  // Constant.
  asio::any_io_executor executor_;
  Url url_;
  std::optional<Proxy> proxy_;
  std::optional<tls::ClientContext> tls_;
  std::string server_name_;
  // Executor.
  tcp::resolver resolver_;
  std::unique_ptr<Connection> connection_;
  beast::flat_buffer buffer_{kLargeRead};
  TimePoint deadline_;
  bool is_cancelled_ = false;
};

namespace {

Result<Url> check_url(std::string_view text, bool has_tls) {
  GENESIS_ASSIGN(Url url, parse_url(text));
  if (url.scheme == Scheme::kHttps && !has_tls) {
    return fail(Errc::kInvalidArgument,
                url.str() + ": https needs the CA of the server's certificate",
                Setting::kServerAuthority);
  }
  if (url.scheme == Scheme::kHttp && has_tls) {
    return fail(Errc::kInvalidArgument,
                url.str() +
                    ": certificates were given, but http:// would not use them; "
                    "write https://",
                Setting::kServerUrl);
  }
  return url;
}

}  // namespace

AsyncClient::AsyncClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
AsyncClient::~AsyncClient() = default;
AsyncClient::AsyncClient(AsyncClient&&) noexcept = default;
AsyncClient& AsyncClient::operator=(AsyncClient&&) noexcept = default;

Result<AsyncClient> AsyncClient::create(asio::any_io_executor executor,
                                        std::string_view url,
                                        std::optional<tls::ClientContext> tls,
                                        std::optional<Proxy> proxy) {
  GENESIS_ASSIGN(Url parsed, check_url(url, tls.has_value()));
  return AsyncClient(std::make_shared<Impl>(
      std::move(executor), std::move(parsed), std::move(tls), std::move(proxy)));
}

asio::awaitable<Result<ClientResponse>> AsyncClient::request(ClientRequest request) {
  return impl_->request(std::move(request), Sinks());
}

asio::awaitable<Result<ClientResponse>> AsyncClient::stream(ClientRequest request,
                                                            BodySink sink,
                                                            HeadSink head) {
  Sinks sinks{std::move(sink), std::move(head)};
  return impl_->request(std::move(request), std::move(sinks));
}

void AsyncClient::cancel() {
  impl_->cancel();
}

void AsyncClient::disconnect() {
  impl_->disconnect();
}

const Url& AsyncClient::url() const {
  return impl_->url();
}

struct Client::Loop {
  Result<ClientResponse> run(asio::awaitable<Result<ClientResponse>> exchange);

  asio::io_context io{1};
  std::optional<AsyncClient> client;
};

Result<ClientResponse> Client::Loop::run(asio::awaitable<Result<ClientResponse>> exchange) {
  Result<ClientResponse> result = fail(Errc::kInternal, "[http] the request did not end");
  auto take = [&result](const std::exception_ptr& failure, Result<ClientResponse> response) {
    if (failure == nullptr) {
      result = std::move(response);
    }
  };
  io.restart();
  asio::co_spawn(io, std::move(exchange), take);
  io.run();
  return result;
}

Client::Client(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Client> Client::create(std::string_view url,
                              std::optional<tls::ClientContext> tls,
                              std::optional<Proxy> proxy) {
  auto loop = std::make_unique<Loop>();
  GENESIS_ASSIGN(
      loop->client,
      AsyncClient::create(loop->io.get_executor(), url, std::move(tls), std::move(proxy)));
  return Client(std::move(loop));
}

Result<ClientResponse> Client::request(const ClientRequest& request) {
  return loop_->run(loop_->client->request(request));
}

Result<ClientResponse> Client::stream(const ClientRequest& request, BodySink sink, HeadSink head) {
  return loop_->run(loop_->client->stream(request, std::move(sink), std::move(head)));
}

void Client::cancel() {
  asio::post(loop_->io, [loop = loop_.get()] { loop->client->cancel(); });
}

void Client::disconnect() {
  loop_->client->disconnect();
}

const Url& Client::url() const {
  return loop_->client->url();
}

}  // namespace genesis::http
