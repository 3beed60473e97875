#pragma once
// One accepted connection, from handshake to close. Private to this folder; made by server.cpp.
#include <chrono>
#include <memory>
#include <optional>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "common/http/beast.hpp"
#include "common/http/server.hpp"

namespace genesis::http {

/// What all connections of a server share. Constant after the start, but for `counters` and
/// `is_stopping`, which the executor owns.
struct ServerShared {
  std::optional<tls::ServerContext> tls;
  Limits limits;
  Handler handler;
  Counters counters;
  bool is_stopping = false;
};

class Session {
 public:
  /// `shared` outlives the session: its owner joins all sessions.
  Session(ServerShared& shared, tcp::socket socket);

  /// The connection's whole life. Never throws but when cancelled.
  asio::awaitable<void> run();

  /// Closes the connection unless a request's body or answer is under way.
  void close_if_idle();
  /// Closes the connection and cancels a handler that is still running.
  void abort();
  asio::cancellation_slot cancellation_slot() { return cancellation_.slot(); }

 private:
  enum class Phase { kIdle, kServing };
  enum class After { kKeep, kClose };
  struct BodyRead {};
  struct PeerGone {};
  using BodyResult =
      std::variant<BodyRead, PeerGone, Response>;  // a Response says why not, to the peer

  asio::awaitable<bool> accept_tls();
  asio::awaitable<void> refuse_plain_http();
  template <class Stream>
  asio::awaitable<void> serve(Stream& stream);
  template <class Stream>
  asio::awaitable<bool> wait_for_bytes(Stream& stream);
  template <class Stream>
  asio::awaitable<After> serve_one(Stream& stream);
  template <class Stream>
  asio::awaitable<BodyResult> read_body(Stream& stream,
                                        bhttp::request_parser<bhttp::string_body>& parser,
                                        std::uint64_t max_body);
  template <class Stream>
  asio::awaitable<bool> write(Stream& stream, Response response, bool is_head, After after);
  template <class Stream>
  asio::awaitable<void> close(Stream& stream);
  asio::awaitable<void> drain(beast::tcp_stream& stream);
  asio::awaitable<Response> answer(Request request);
  std::variant<Admission, Response> admit(const Request& request) const;
  Milliseconds body_allowance(std::uint64_t bytes) const;
  beast::tcp_stream& tcp() { return tls_ ? tls_->next_layer() : *tcp_; }

  ServerShared& shared_;
  std::unique_ptr<beast::tcp_stream> tcp_;  // moved into tls_ once the peer speaks TLS
  std::unique_ptr<TlsStream> tls_;
  beast::flat_buffer buffer_;
  asio::cancellation_signal cancellation_;
  Phase phase_ = Phase::kIdle;
  std::string remote_address_;
  bool is_loopback_ = false;
  std::optional<std::string> peer_name_;
};

}  // namespace genesis::http
