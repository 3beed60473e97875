#pragma once
// One accepted connection, from handshake to close. Private to this folder; made by server.cpp.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/http/body_place.hpp"
#include "common/http/connection_table.hpp"
#include "common/http/head_text.hpp"
#include "common/http/parse.hpp"
#include "common/http/server.hpp"
#include "common/http/server_shared.hpp"

namespace genesis::http {

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
