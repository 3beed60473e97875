#pragma once
// One accepted connection, from handshake to close. Private to this folder; made by server.cpp.
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/http/head_text.hpp"
#include "common/http/parse.hpp"
#include "common/http/server.hpp"

namespace genesis::http {

/// What all connections of a server share. Constant after the start, but for what follows
/// `handler`, which the executor owns.
struct ServerShared {
  std::optional<tls::ServerContext> tls;
  Limits limits;
  Handler handler;
  Counters counters;
  bool is_stopping = false;
  std::uint64_t body_bytes = 0;                // of bodies that are being read, as they count
  std::deque<asio::steady_timer*> body_queue;  // of those that wait; each removes its own
};

/// What one body counts for in ServerShared::body_bytes, for as long as it lives.
class BodyRoom {
 public:
  BodyRoom(ServerShared& shared, std::uint64_t expected);
  ~BodyRoom();
  BodyRoom(const BodyRoom&) = delete;
  BodyRoom& operator=(const BodyRoom&) = delete;

  /// Waits until there is room, or Limits::body_patience is over.
  asio::awaitable<void> take(asio::any_io_executor executor);

 private:
  ServerShared& shared_;
  std::uint64_t size_;
  bool is_taken_ = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  /// `shared` outlives the session: its owner joins all sessions.
  Session(ServerShared& shared, tcp::socket socket);

  /// The connection's whole life. Never throws but when cancelled.
  asio::awaitable<void> run();

  /// Whether the peer may be anyone: no handshake is over and no request's head has come.
  [[nodiscard]] bool is_stranger() const { return is_stranger_; }
  /// Closes the connection unless a request's body or answer is under way.
  void close_if_idle();
  /// Closes the connection and cancels a handler that is still running.
  void abort();
  asio::cancellation_slot cancellation_slot() { return cancellation_.slot(); }

 private:
  enum class Phase { kIdle, kServing };
  using Parser = bhttp::request_parser<bhttp::string_body>;
  struct BodyRead {};
  struct PeerGone {};
  using BodyResult =
      std::variant<BodyRead, PeerGone, Response>;  // a Response says why not, to the peer

  asio::awaitable<bool> accept_tls();
  asio::awaitable<void> serve();
  asio::awaitable<bool> wait_for_bytes();
  asio::awaitable<After> serve_one();
  asio::awaitable<BodyResult> receive_body(Parser& parser, std::uint64_t max_body);
  asio::awaitable<After> write(Response response, bool is_head, After after);
  asio::awaitable<void> close();
  asio::awaitable<void> drain();
  void add_peer(Request& request, const Parser& parser) const;
  asio::awaitable<Response> answer(Request request);
  std::variant<Admission, Response> admit(const Request& request) const;
  Milliseconds body_allowance(std::uint64_t bytes) const;
  void note_end(ConnectionState end);
  void note_failure(const boost::system::error_code& error);
  void watch_peer();
  void stop_watching();

  ServerShared& shared_;
  Connection connection_;
  beast::flat_buffer buffer_;
  asio::cancellation_signal cancellation_;
  Phase phase_ = Phase::kIdle;
  bool is_stranger_ = true;
  std::string remote_address_;
  bool is_loopback_ = false;
  std::optional<std::string> peer_name_;
  // Shared with the requests, which an application may keep.
  std::shared_ptr<std::atomic<ConnectionState>> state_ =
      std::make_shared<std::atomic<ConnectionState>>(ConnectionState::kOpen);
  asio::cancellation_signal end_of_watch_;
  bool is_watching_ = false;
};

}  // namespace genesis::http
