#include "common/http/session.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <span>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/http/body_room.hpp"
#include "common/http/request_head.hpp"
#include "common/tls/context.hpp"

namespace genesis::http {
namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// First byte of a TLS record that carries a handshake (RFC 8446, 5.1).
constexpr unsigned char kTlsHandshake = 0x16;
// A client that is still sending when we refuse gets this much read and this long, so that it sees
// the answer rather than a reset connection.
constexpr std::size_t kDrainBytes = 1024 * 1024;
constexpr Milliseconds kDrainTime{2'000};

// The answer to a header or body that did not parse, or nothing where the peer has just gone.
std::optional<Response> parse_failure(const ErrorCode& error, const Limits& limits) {
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return error_response(431,
                          Error{Errc::kResourceExhausted,
                                "request: the header is larger than " +
                                    std::to_string(limits.header_bytes) + " bytes"});
  }
  const bool is_cut =
      error == bhttp::error::end_of_stream || error == bhttp::error::partial_message;
  if (is_cut || error.category() != make_error_code(bhttp::error::bad_method).category()) {
    return std::nullopt;
  }
  return error_response(Error{Errc::kInvalidArgument, "request: malformed: " + error.message()});
}

Response too_large(std::uint64_t max_body) {
  return error_response(
      413,
      Error{Errc::kResourceExhausted,
            "request: the body is larger than " + std::to_string(max_body) + " bytes"});
}

// A peer whose machine or link has gone says nothing: after a minute in which it answers no probe
// the connection ends with an error, and so by the peer, before idle_timeout ends it.
void notice_silent_end(int socket) {
  constexpr int kOn = 1;
  constexpr int kIdleSeconds = 20;
  constexpr int kIntervalSeconds = 10;
  constexpr int kProbes = 4;
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &kOn, sizeof(kOn));
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kIdleSeconds, sizeof(kIdleSeconds));
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kIntervalSeconds, sizeof(kIntervalSeconds));
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof(kProbes));
}

Response busy(const std::string& why) {
  Response response = error_response(Error{Errc::kUnavailable, "request: " + why});
  response.headers.push_back({"Retry-After", "1"});
  return response;
}

Response denied() {
  return error_response(
      Error{Errc::kPermissionDenied, "certificate: it is on the server's deny list"});
}

}  // namespace

Session::Session(ServerShared& shared, ConnectionId id, tcp::socket socket)
    : shared_(shared),
      id_(id),
      connection_(std::move(socket)),
      buffer_(std::max<std::size_t>(kLargeRead, std::size_t{2} * shared.limits.header_bytes)) {
  ErrorCode ignored;
  connection_.tcp().socket().set_option(tcp::no_delay(true), ignored);
  notice_silent_end(connection_.tcp().socket().native_handle());
  const auto endpoint = connection_.tcp().socket().remote_endpoint(ignored);
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  peer_.address = address.to_string();
  is_loopback_ = address.is_loopback();
  shared_.sessions[id_] = this;
}

Session::~Session() {
  shared_.sessions.erase(id_);
  shared_.connections.remove(id_);
}

void Session::enlist() {
  for (const ConnectionId id : shared_.connections.put(id_, peer_)) {
    ++shared_.counters.refused;
    shared_.sessions.at(id)->abort();
  }
}

// With each request, for both may change while the connection lasts.
void Session::learn(bool is_authenticated) {
  ConnectionTable::Peer known = peer_;
  known.is_authenticated = known.is_authenticated || is_authenticated;
  known.is_member = known.name.empty()
                        ? known.is_authenticated
                        : shared_.handler.is_member && shared_.handler.is_member(known.name);
  if (known != peer_) {
    peer_ = std::move(known);
    enlist();
  }
}

// The handshake has asked the same; this is for those who came before they were denied.
bool Session::is_denied() const {
  return certificate_ && shared_.tls->deny_list().denies(*certificate_);
}

void Session::give_up_body(std::string why) {
  ++shared_.counters.dropped_bodies;
  body_given_up_ = std::move(why);
  connection_.tcp().cancel();
}

void Session::close_if_idle() {
  if (phase_ == Phase::kIdle) {
    note_end(ConnectionState::kClosedByServer);
    connection_.tcp().close();
  }
}

void Session::abort() {
  note_end(ConnectionState::kClosedByServer);
  cancellation_.emit(asio::cancellation_type::terminal);
  connection_.tcp().close();
}

asio::awaitable<void> Session::run() {
  if (shared_.tls) {
    const bool is_accepted = co_await accept_tls();
    if (!is_accepted) {
      note_end(ConnectionState::kClosedByServer);
      co_await drain();
      co_return;
    }
  }
  co_await serve();
  note_end(ConnectionState::kClosedByServer);
  co_await close();
}

// The first end counts: what comes after it is its consequence.
void Session::note_end(ConnectionState end) {
  auto open = ConnectionState::kOpen;
  state_->compare_exchange_strong(open, end);
}

void Session::note_failure(const ErrorCode& error) {
  const bool is_ours = error == beast::error::timeout || error == asio::error::operation_aborted;
  note_end(is_ours ? ConnectionState::kClosedByServer : ConnectionState::kClosedByPeer);
}

// Nobody reads while a handler waits, so the peer's end has to be looked for. Ends with bytes:
// they are the next request's, and the end behind them shows when they have been read.
void Session::watch_peer() {
  auto readable = [weak = weak_from_this()](const ErrorCode& error) {
    const auto self = weak.lock();
    if (!self || error || !self->is_watching_) {
      return;
    }
    switch (self->connection_.peek()) {
      case Connection::Peek::kQuiet:
        self->watch_peer();
        return;
      case Connection::Peek::kBytes:
        return;
      case Connection::Peek::kEnded:
        self->note_end(ConnectionState::kClosedByPeer);
        return;
    }
  };
  connection_.tcp().socket().async_wait(
      tcp::socket::wait_read,
      asio::bind_cancellation_slot(end_of_watch_.slot(), std::move(readable)));
}

void Session::stop_watching() {
  is_watching_ = false;
  end_of_watch_.emit(asio::cancellation_type::total);
}

// False: told so, as far as the peer can be; drain and close.
asio::awaitable<bool> Session::accept_tls() {
  connection_.tcp().expires_after(shared_.limits.handshake_timeout);
  std::array<char, kSmallRead> bytes;
  const auto space = asio::buffer(bytes);
  const Transfer first = co_await connection_.read_some(space);
  if (first.error) {
    ++shared_.counters.handshake_failures;
    co_return false;
  }
  if (static_cast<unsigned char>(bytes[0]) != kTlsHandshake) {
    ++shared_.counters.handshake_failures;
    Response refusal =
        error_response(Error{Errc::kInvalidArgument,
                             "This port speaks HTTPS: use https:// (with the CA that issued its "
                             "certificate)"});
    co_await write(std::move(refusal), Part::kAll, After::kClose);
    co_return false;
  }
  const std::span<const char> first_bytes(bytes.data(), first.size);
  connection_.secure(shared_.tls->current().get(), Role::kServer, first_bytes);
  const ErrorCode error = co_await connection_.handshake();
  if (error) {
    ++shared_.counters.handshake_failures;
    co_return false;
  }
  certificate_ = tls::peer_certificate(connection_.ssl());
  peer_.name = certificate_ ? certificate_->common_name : "";
  if (!peer_.name.empty()) {
    peer_.is_member = shared_.handler.is_member && shared_.handler.is_member(peer_.name);
    enlist();
  }
  co_return true;
}

asio::awaitable<void> Session::serve() {
  connection_.tcp().expires_after(shared_.limits.header_timeout);
  bool has_bytes = co_await wait_for_bytes();
  while (has_bytes) {
    const After after = co_await serve_one();
    phase_ = Phase::kIdle;
    if (after == After::kClose || shared_.is_stopping) {
      break;
    }
    if (buffer_.size() == 0) {
      buffer_.shrink_to_fit();
      connection_.release_buffers();
      connection_.tcp().expires_after(shared_.limits.idle_timeout);
      has_bytes = co_await wait_for_bytes();
    }
  }
}

asio::awaitable<bool> Session::wait_for_bytes() {
  const auto space = buffer_.prepare(kSmallRead);
  const Transfer read = co_await connection_.read_some(space);
  buffer_.commit(read.size);
  if (read.error) {
    note_failure(read.error);
  }
  co_return !read.error;
}

asio::awaitable<After> Session::serve_one() {
  const Limits& limits = shared_.limits;
  Parser parser;
  parser.header_limit(limits.header_bytes);
  parser.body_limit(boost::none);  // decided below, once we know who asks
  connection_.tcp().expires_after(limits.header_timeout);
  const Transfer read = co_await read_header(connection_, buffer_, parser);
  shared_.counters.bytes_in += read.size;
  if (read.error) {
    shared_.counters.bad_requests += read.error == bhttp::error::end_of_stream ? 0 : 1;
    if (auto response = parse_failure(read.error, limits)) {
      co_await write(std::move(*response), Part::kAll, After::kClose);
    } else {
      note_failure(read.error);
    }
    co_return After::kClose;
  }
  phase_ = Phase::kServing;  // from here stop() waits for us
  const bool is_head = parser.get().method() == bhttp::verb::head;
  const Part part = is_head ? Part::kHead : Part::kAll;
  const bool has_body = !parser.is_done();
  auto request = to_request(parser.get());
  if (!request) {
    ++shared_.counters.bad_requests;
    Response refusal = error_response(request.error());
    co_return co_await write(std::move(refusal), part, After::kClose);
  }
  ++shared_.counters.requests;
  add_peer(*request, parser);

  if (is_denied()) {
    Response refusal = denied();
    co_return co_await write(std::move(refusal), part, After::kClose);
  }
  const After wish = parser.keep_alive() ? After::kKeep : After::kClose;
  auto decision = admit(*request);
  if (auto* refusal = std::get_if<Response>(&decision)) {
    const After after = has_body ? After::kClose : wish;
    co_return co_await write(std::move(*refusal), part, after);
  }
  const auto& admission = std::get<Admission>(decision);
  learn(admission.is_authenticated);
  const std::uint64_t max_body = std::min(admission.max_body, limits.body_bytes_in_flight);
  BodyRoom room(shared_, parser.content_length().value_or(max_body));
  BodyPlace place(shared_, id_, peer_);
  if (has_body) {
    if (!place.take()) {
      Response refusal = busy("another one of " + peer_.name + " is being answered");
      co_return co_await write(std::move(refusal), part, After::kClose);
    }
    connection_.tcp().expires_never();
    co_await room.take(connection_.tcp().get_executor());
    BodyResult result = co_await receive_body(parser, max_body, place);
    if (auto* refusal = std::get_if<Response>(&result)) {
      co_await write(std::move(*refusal), part, After::kClose);
    }
    if (!std::holds_alternative<BodyRead>(result)) {
      co_return After::kClose;
    }
    place.complete();
    request->body = std::move(parser.get().body());
  }
  if (is_head && !admission.handler_answers_head) {
    Response header;
    co_return co_await write(std::move(header), Part::kHeadWithoutLength, wish);
  }
  connection_.tcp().expires_never();  // the handler keeps its own deadline
  is_watching_ = true;
  // Later than an answer that is ready at once, for which a watch would be in vain.
  asio::post(connection_.tcp().get_executor(), [weak = weak_from_this()] {
    if (const auto self = weak.lock(); self && self->is_watching_) {
      self->watch_peer();
    }
  });
  Response response = co_await answer(std::move(*request));
  stop_watching();
  place.release();
  if (is_denied()) {  // since it asked: it waited long, perhaps
    Response refusal = denied();
    co_return co_await write(std::move(refusal), part, After::kClose);
  }
  const After after = co_await write(std::move(response), part, wish);
  if (wish == After::kClose) {
    note_end(ConnectionState::kClosedByPeer);
  }
  co_return after;
}

void Session::add_peer(Request& request, const Parser& parser) {
  if (const auto length = parser.content_length()) {
    request.content_length = *length;
  }
  if (!peer_.name.empty()) {
    request.peer_name = peer_.name;
  }
  request.remote_address = peer_.address;
  request.pool = &shared_.pool;
  request.is_loopback = is_loopback_;
  request.is_tls = connection_.is_secure();
  request.connection = state_;
}

asio::awaitable<Session::BodyResult> Session::receive_body(Parser& parser,
                                                           std::uint64_t max_body,
                                                           BodyPlace& place) {
  if (body_given_up_) {  // while it waited for room
    co_return busy(*body_given_up_);
  }
  const auto length = parser.content_length();
  if (length && *length > max_body) {
    ++shared_.counters.bad_requests;
    co_return too_large(max_body);
  }
  parser.body_limit(max_body);
  connection_.tcp().expires_after(body_allowance(length ? *length : max_body));
  if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
    const std::string_view go_ahead = "HTTP/1.1 100 Continue\r\n\r\n";
    const std::string_view nothing;
    const Transfer sent = co_await connection_.write(go_ahead, nothing);
    shared_.counters.bytes_out += sent.size;
    if (sent.error) {
      note_failure(sent.error);
      co_return PeerGone{};
    }
  }
  Meter meter = [&place](std::size_t size) { return place.grow(size); };
  const Transfer read = co_await read_body(connection_, buffer_, parser, std::move(meter));
  shared_.counters.bytes_in += read.size;
  if (body_given_up_) {
    co_return busy(*body_given_up_);
  }
  if (!read.error) {
    co_return BodyRead{};
  }
  ++shared_.counters.bad_requests;
  if (read.error == bhttp::error::body_limit) {
    co_return too_large(max_body);
  }
  if (auto response = parse_failure(read.error, shared_.limits)) {
    co_return std::move(*response);
  }
  note_failure(read.error);
  co_return PeerGone{};
}

// Returns what really becomes of the connection.
asio::awaitable<After> Session::write(Response response, Part part, After after) {
  const bool is_refused = response.status == 401;  // whoever can't say who it is, holds no place
  if (shared_.is_stopping || is_refused) {
    after = After::kClose;
  }
  const auto length = part == Part::kHeadWithoutLength ? Length::kUnknown : Length::kKnown;
  const std::string head = response_head(response, after, std::time(nullptr), length);
  std::string_view body;
  if (part == Part::kAll && may_have_body(response.status)) {
    body = response.bytes();
  }
  connection_.tcp().expires_after(body_allowance(body.size()));
  const Transfer sent = co_await connection_.write(head, body);
  shared_.counters.bytes_out += sent.size;
  if (sent.error) {
    note_failure(sent.error);
    co_return After::kClose;
  }
  co_return after;
}

asio::awaitable<void> Session::close() {
  if (!connection_.tcp().socket().is_open()) {
    co_return;
  }
  connection_.tcp().expires_after(kDrainTime);
  co_await connection_.shutdown();
  co_await drain();
}

// A peer that is still sending would meet a reset, which overtakes what we have said.
asio::awaitable<void> Session::drain() {
  ErrorCode ignored;
  connection_.tcp().socket().shutdown(tcp::socket::shutdown_send, ignored);
  connection_.tcp().expires_after(kDrainTime);
  std::array<char, kSmallRead> waste;
  const auto space = asio::buffer(waste);
  for (std::size_t total = 0; total < kDrainBytes;) {
    const auto [error, size] = co_await connection_.tcp().async_read_some(space, kAsTuple);
    if (error) {
      break;
    }
    total += size;
  }
  connection_.tcp().close();
}

asio::awaitable<Response> Session::answer(Request request) {
  std::string why;
  try {
    Response response = co_await shared_.handler.respond(std::move(request));
    co_return response;
  } catch (const std::exception& failure) {
    why = failure.what();
  }
  co_return error_response(Error{Errc::kInternal, "the handler failed: " + why});
}

std::variant<Admission, Response> Session::admit(const Request& request) const {
  if (!shared_.handler.admit) {
    return Admission{shared_.limits.body_bytes};
  }
  try {
    return shared_.handler.admit(request);
  } catch (const std::exception& failure) {
    return error_response(
        Error{Errc::kInternal, std::string("the admission failed: ") + failure.what()});
  }
}

Milliseconds Session::body_allowance(std::uint64_t bytes) const {
  const std::uint64_t rate = std::max<std::uint64_t>(shared_.limits.body_bytes_per_second, 1);
  // A day is more than anyone waits, and keeps the sum far from overflow.
  const std::uint64_t seconds = std::min<std::uint64_t>(bytes / rate, 86'400);
  return shared_.limits.body_timeout + std::chrono::seconds(seconds);
}

}  // namespace genesis::http
