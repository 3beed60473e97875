#pragma once
// One accepted connection, from handshake to close. Private to this folder; made by server.cpp.
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/http/body_budget.hpp"
#include "common/http/connection_table.hpp"
#include "common/http/head_text.hpp"
#include "common/http/parse.hpp"
#include "common/http/server.hpp"
#include "common/http/worker_pool.hpp"

namespace genesis::http {

class Session;

/// What all connections of a server share. Constant after the start, but for what follows
/// `handler`, which the executor owns.
struct ServerShared {
  ServerShared(std::optional<tls::ServerContext> server_tls,
               const Limits& bounds,
               Handler plugged_in);

  std::optional<tls::ServerContext> tls;
  Limits limits;
  Handler handler;
  Counters counters;
  bool is_stopping = false;
  ConnectionTable connections;
  std::map<ConnectionId, Session*> sessions;   // each removes its own
  std::uint64_t body_bytes = 0;                // of bodies that are being read, as they count
  std::deque<asio::steady_timer*> body_queue;  // of those that wait; each removes its own
  BodyBudget bodies;
  std::map<std::string, ConnectionId> body_of_name;  // by certificate name: the one that has a body
  WorkerPool pool;
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

/// A body's place among all bodies, and its name's only one, for as long as it lives.
class BodyPlace {
 public:
  BodyPlace(ServerShared& shared, ConnectionId id, const ConnectionTable::Peer& peer);
  ~BodyPlace();
  BodyPlace(const BodyPlace&) = delete;
  BodyPlace& operator=(const BodyPlace&) = delete;

  /// False where another body of the same name has arrived and is being answered; one that is still
  /// arriving gives way, for its sender has most likely lost that connection and tries again.
  [[nodiscard]] bool take();
  /// False where this body is given up.
  [[nodiscard]] bool grow(std::uint64_t bytes);
  void complete();
  /// As its end does: the answer has been made.
  void release();

 private:
  ServerShared& shared_;
  ConnectionId id_;
  const ConnectionTable::Peer& peer_;  // its session's
  bool is_taken_ = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  /// `shared` outlives the session: its owner joins all sessions.
  Session(ServerShared& shared, ConnectionId id, tcp::socket socket);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The connection's whole life. Never throws but when cancelled.
  asio::awaitable<void> run();

  /// Tells the server's table who is at the other end, and closes those that make room for it.
  void enlist();
  /// Answers the request whose body is arriving with 503 and `why`, and closes the connection.
  void give_up_body(std::string why);
  /// Closes the connection unless a request's body or answer is under way.
  void close_if_idle();
  /// Closes the connection and cancels a handler that is still running.
  void abort();
  asio::cancellation_slot cancellation_slot() { return cancellation_.slot(); }

 private:
  enum class Phase { kIdle, kServing };
  enum class Part { kAll, kHead, kHeadWithoutLength };  // of a response, that is sent
  using Parser = bhttp::request_parser<bhttp::string_body>;
  struct BodyRead {};
  struct PeerGone {};
  using BodyResult =
      std::variant<BodyRead, PeerGone, Response>;  // a Response says why not, to the peer

  asio::awaitable<bool> accept_tls();
  asio::awaitable<void> serve();
  asio::awaitable<bool> wait_for_bytes();
  asio::awaitable<After> serve_one();
  asio::awaitable<BodyResult> receive_body(Parser& parser,
                                           std::uint64_t max_body,
                                           BodyPlace& place);
  asio::awaitable<After> write(Response response, Part part, After after);
  asio::awaitable<void> close();
  asio::awaitable<void> drain();
  void add_peer(Request& request, const Parser& parser);
  void learn(bool is_authenticated);
  [[nodiscard]] bool is_denied() const;
  asio::awaitable<Response> answer(Request request);
  std::variant<Admission, Response> admit(const Request& request) const;
  Milliseconds body_allowance(std::uint64_t bytes) const;
  void note_end(ConnectionState end);
  void note_failure(const boost::system::error_code& error);
  void watch_peer();
  void stop_watching();

  ServerShared& shared_;
  ConnectionId id_;
  Connection connection_;
  beast::flat_buffer buffer_;
  asio::cancellation_signal cancellation_;
  Phase phase_ = Phase::kIdle;
  ConnectionTable::Peer peer_;
  bool is_loopback_ = false;
  std::optional<tls::PeerCertificate> certificate_;  // that the peer has presented
  std::optional<std::string> body_given_up_;         // and why
  // Shared with the requests, which an application may keep.
  std::shared_ptr<std::atomic<ConnectionState>> state_ =
      std::make_shared<std::atomic<ConnectionState>>(ConnectionState::kOpen);
  asio::cancellation_signal end_of_watch_;
  bool is_watching_ = false;
};

}  // namespace genesis::http
