#pragma once
// HTTP/1.1 server over TLS 1.3 or plain TCP, as coroutines on one executor (a strand or an
// io_context that one thread runs): handlers, admission and all state live there, so they need no
// locks. Every byte from outside is bounded before it is kept: see Limits.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/http/message.hpp"
#include "common/tls/context.hpp"

namespace genesis::http {

struct Limits {
  /// Request line and headers; more gets 431. Raising it costs that much memory per connection.
  std::uint32_t header_bytes = 16 * 1024;
  /// Body of a request unless its Admission says otherwise; more gets 413, unread.
  std::uint64_t body_bytes = 1024 * 1024;
  /// Open connections. For a further one the oldest that has neither ended its handshake nor asked
  /// for anything is closed; where there is none, the new one is. An idle one costs about 40 KiB
  /// under TLS.
  std::size_t connections = 1024;
  /// From accept to the end of the TLS handshake, then closed.
  Milliseconds handshake_timeout{10'000};
  /// From the first byte of a request (or the handshake) to the end of its header, then closed.
  Milliseconds header_timeout{10'000};
  /// A body, in or out, may take this long plus its length at `body_bytes_per_second`, then closed.
  Milliseconds body_timeout{10'000};
  std::uint64_t body_bytes_per_second = 64 * 1024;
  /// Request bodies that are read at once, each counted with 256 KiB at most; further ones wait in
  /// their sockets, for `body_patience` at most, so that slow peers hold nobody up for longer.
  std::uint64_t body_bytes_at_once = 4 * 1024 * 1024;
  Milliseconds body_patience{1'000};
  /// Between two requests of one connection, then closed. Keep it above the clients' poll interval.
  Milliseconds idle_timeout{75'000};
};

/// "Read the body, up to this many bytes."
struct Admission {
  std::uint64_t max_body = 1024 * 1024;
};

/// What the application plugs in. Both run on the server's executor.
struct Handler {
  /// Decides on the header alone, before a byte of the body is read: who, where, how long. A
  /// Response refuses; the connection is then closed if a body was announced. Null admits all with
  /// Limits::body_bytes. Must not block.
  std::function<std::variant<Admission, Response>(const Request&)> admit;
  /// Answers. A coroutine, so it may wait (long poll) on a timer of the same executor; that the
  /// peer has gone shows when the answer is sent. Bind it with a lambda that is not itself a
  /// coroutine: [this](Request r) { return answer(std::move(r)); }. stop() cancels it past the
  /// grace (its awaits throw operation_aborted). What it throws becomes 500.
  std::function<boost::asio::awaitable<Response>(Request)> respond;
};

/// Totals since the start; read from any thread.
struct Counters {
  std::atomic<std::uint64_t> accepted{0};  // connections
  std::atomic<std::uint64_t> refused{0};   // connections closed for Limits::connections
  std::atomic<std::uint64_t> handshake_failures{
      0};                                      // plain HTTP, no or unknown certificate, timeout
  std::atomic<std::uint64_t> requests{0};      // headers that parsed
  std::atomic<std::uint64_t> bad_requests{0};  // malformed, cut or above a limit
  std::atomic<std::uint64_t> bytes_in{0};      // of HTTP, without TLS framing
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> open{0};  // connections now
};

struct ListenAddress {
  // An IP address of this machine, 0.0.0.0 or :: for all, or a name.
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0 takes a free one
};

class Server {
 public:
  /// Listens and begins to accept. Plain TCP without `tls`. Errors: kAlreadyExists "127.0.0.1:8443
  /// is in use; choose another port", kPermissionDenied for a privileged port, kInvalidArgument for
  /// a host that is not this machine's; their setting is kListenHost or kListenPort.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(boost::asio::any_io_executor executor,
                                                             const ListenAddress& address,
                                                             std::optional<tls::ServerContext> tls,
                                                             const Limits& limits,
                                                             Handler handler);

  /// Closes the listener and cuts all connections without waiting for their tasks. Prefer stop().
  /// Destroy it on the executor or while nothing runs that, and before the io_context.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// "https://127.0.0.1:8443" as bound (0.0.0.0 stays so).
  [[nodiscard]] std::string url() const;
  [[nodiscard]] const Counters& counters() const;

  /// Stops accepting, closes idle connections, lets requests that are being served finish for
  /// `grace`, then cancels the rest; completes when no task of the server is left. Call it on the
  /// executor, once: co_await server.stop(…), or from another thread co_spawn(executor,
  /// server.stop(…), use_future).
  [[nodiscard]] boost::asio::awaitable<void> stop(Milliseconds grace);

 private:
  class Core;
  explicit Server(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;  // shared with the connections' coroutines, which end after it stops
};

}  // namespace genesis::http
