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
  /// Open connections. For a further one the oldest of the peer that has most is closed; a peer is
  /// a certificate's name, or without one an address. An idle one costs about 40 KiB under TLS.
  std::size_t connections = 1024;
  /// Of one certificate's name; for a further one its oldest is closed. A client needs one or two.
  std::size_t connections_of_a_name = 16;
  /// Of one address, where no certificate names the peer (also while its handshake runs); counted
  /// apart for those that Admission::is_authenticated.
  std::size_t connections_of_an_address = 256;
  /// Of `connections`, at most half: places that only members get (Handler::is_member), so that
  /// strangers of however many addresses leave room for those whom the server is for.
  std::size_t connections_for_members = 256;
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
  /// Request bodies in memory, all together, each counted with what has arrived of it and until its
  /// answer is made. Where they are more, the peer that holds most gets 503 for its newest body. No
  /// single body can be longer.
  std::uint64_t body_bytes_in_flight = std::uint64_t{64} * 1024 * 1024;
  /// Between two requests of one connection, then closed. Keep it above the clients' poll interval.
  Milliseconds idle_timeout{75'000};
  /// For what handlers run off_loop(). Started with the first of it.
  std::size_t worker_threads = 2;
};

/// "Read the body, up to this many bytes."
struct Admission {
  std::uint64_t max_body = 1024 * 1024;
  /// The request has shown that it may come from a member although no certificate names it (it has
  /// the token that members share). Its connection then no longer counts among strangers', and may
  /// use the members' places.
  bool is_authenticated = false;
  /// HEAD is answered from the admission alone, with 200 and no Content-Length, so that it costs
  /// nothing. True: the handler answers it like GET, and what it says of the body is sent without
  /// it.
  bool handler_answers_head = false;
};

/// What the application plugs in. All run on the server's executor.
struct Handler {
  /// Decides on the header alone, before a byte of the body is read: who, where, how long. A
  /// Response refuses; the connection is then closed if a body was announced or it is a 401. Null
  /// admits all with Limits::body_bytes. Must not block.
  std::function<std::variant<Admission, Response>(const Request&)> admit;
  /// Answers. A coroutine, so it may wait (long poll) on a timer of the same executor; that the
  /// peer has gone shows when the answer is sent. Bind it with a lambda that is not itself a
  /// coroutine: [this](Request r) { return answer(std::move(r)); }. stop() cancels it past the
  /// grace (its awaits throw operation_aborted), and so does the connection's end by the server to
  /// make room. What it throws becomes 500. Work of more than a millisecond belongs off_loop()
  /// (worker_pool.hpp).
  std::function<boost::asio::awaitable<Response>(Request)> respond;
  /// Whether the holder of a certificate with this name is one of those whom the server is for.
  /// Asked after the handshake and with each request. Null: nobody is, and no place is reserved.
  std::function<bool(const std::string& name)> is_member = nullptr;
};

/// Totals since the start; read from any thread.
struct Counters {
  std::atomic<std::uint64_t> accepted{0};  // connections
  std::atomic<std::uint64_t> refused{0};   // connections closed to make room for others
  std::atomic<std::uint64_t> handshake_failures{
      0};                                        // plain HTTP, no or unknown certificate, timeout
  std::atomic<std::uint64_t> requests{0};        // headers that parsed
  std::atomic<std::uint64_t> bad_requests{0};    // malformed, cut or above a limit
  std::atomic<std::uint64_t> dropped_bodies{0};  // given up for others, see body_bytes_in_flight
  std::atomic<std::uint64_t> bytes_in{0};        // of HTTP, without TLS framing
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> open{0};  // connections now
};

struct ListenAddress {
  // An IP address of this machine, 0.0.0.0 for all IPv4 addresses, :: for all (of a system without
  // IPv6, those of IPv4), or a name.
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
