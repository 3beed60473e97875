#include "common/http/session.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <boost/asio/write.hpp>
#include <boost/beast/http/span_body.hpp>

#include "common/http/request_head.hpp"
#include "common/tls/context.hpp"

namespace genesis::http {
namespace {

using Parser = bhttp::request_parser<bhttp::string_body>;
using Message = bhttp::response<bhttp::span_body<const char>>;

// First byte of a TLS record that carries a handshake (RFC 8446, 5.1).
constexpr unsigned char kTlsHandshake = 0x16;
// A client that is still sending when we refuse gets this much read and this long, so that it sees
// the answer rather than a reset connection.
constexpr std::size_t kDrainBytes = 1024 * 1024;
constexpr Milliseconds kDrainTime{2'000};

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text.data();
}

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

}  // namespace

Session::Session(ServerShared& shared, tcp::socket socket)
    : shared_(shared),
      tcp_(std::make_unique<beast::tcp_stream>(std::move(socket))),
      buffer_(std::max<std::size_t>(kLargeBuffer, std::size_t{2} * shared.limits.header_bytes)) {
  ErrorCode ignored;
  tcp_->socket().set_option(tcp::no_delay(true), ignored);
  const auto endpoint = tcp_->socket().remote_endpoint(ignored);
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  remote_address_ = address.to_string();
  is_loopback_ = address.is_loopback();
}

void Session::close_if_idle() {
  if (phase_ == Phase::kIdle) {
    tcp().close();
  }
}

void Session::abort() {
  cancellation_.emit(asio::cancellation_type::terminal);
  tcp().close();
}

asio::awaitable<void> Session::run() {
  if (shared_.tls) {
    const bool is_accepted = co_await accept_tls();
    if (!is_accepted) {
      co_return;
    }
    co_await serve(*tls_);
  } else {
    co_await serve(*tcp_);
  }
}

asio::awaitable<bool> Session::accept_tls() {
  tcp_->expires_after(shared_.limits.handshake_timeout);
  auto space = buffer_.prepare(kSmallBuffer);
  auto [read_error, size] = co_await tcp_->async_read_some(space, kAsTuple);
  if (read_error) {
    ++shared_.counters.handshake_failures;
    co_return false;
  }
  buffer_.commit(size);
  if (*static_cast<const unsigned char*>(buffer_.data().data()) != kTlsHandshake) {
    ++shared_.counters.handshake_failures;
    co_await refuse_plain_http();
    co_return false;
  }
  const std::span<const char> first_bytes(static_cast<const char*>(buffer_.data().data()), size);
  tls_ = std::make_unique<TlsStream>(
      std::move(*tcp_), shared_.tls->native(), TlsStream::Role::kServer, first_bytes);
  tcp_.reset();
  buffer_.clear();
  auto [error, unused] = co_await tls_->async_handshake(kAsTuple);
  if (error) {
    ++shared_.counters.handshake_failures;
    // The alert is on its way; a reset would overtake it.
    co_await drain(tls_->next_layer());
    co_return false;
  }
  peer_name_ = tls::peer_common_name(tls_->native_handle());
  co_return true;
}

asio::awaitable<void> Session::refuse_plain_http() {
  const Response response = error_response(Error{
      Errc::kInvalidArgument,
      "This port speaks HTTPS: use https:// (with the authority that issued its certificate)"});
  const std::string text =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
      "Content-Length: " +
      std::to_string(response.body->size()) + "\r\n\r\n" + *response.body;
  auto bytes = asio::buffer(text);
  auto [error, sent] = co_await asio::async_write(*tcp_, bytes, kAsTuple);
  shared_.counters.bytes_out += sent;
  if (!error) {
    co_await drain(*tcp_);
  }
}

template <class Stream>
asio::awaitable<void> Session::serve(Stream& stream) {
  lowest(stream).expires_after(shared_.limits.header_timeout);
  bool has_bytes = buffer_.size() > 0;
  if (!has_bytes) {
    has_bytes = co_await wait_for_bytes(stream);
  }
  while (has_bytes) {
    const After after = co_await serve_one(stream);
    phase_ = Phase::kIdle;
    if (after == After::kClose || shared_.is_stopping) {
      break;
    }
    if (buffer_.size() == 0) {
      buffer_.shrink_to_fit();
      if constexpr (std::is_same_v<Stream, TlsStream>) {
        stream.release_buffers();
      }
      lowest(stream).expires_after(shared_.limits.idle_timeout);
      has_bytes = co_await wait_for_bytes(stream);
    }
  }
  co_await close(stream);
}

template <class Stream>
asio::awaitable<bool> Session::wait_for_bytes(Stream& stream) {
  auto space = buffer_.prepare(kSmallBuffer);
  auto [error, size] = co_await stream.async_read_some(space, kAsTuple);
  buffer_.commit(size);
  co_return !error;
}

template <class Stream>
asio::awaitable<Session::After> Session::serve_one(Stream& stream) {
  const Limits& limits = shared_.limits;
  Parser parser;
  parser.header_limit(limits.header_bytes);
  parser.body_limit(boost::none);  // decided below, once we know who asks
  lowest(stream).expires_after(limits.header_timeout);
  buffer_.reserve(kSmallBuffer);
  auto [error, size] = co_await bhttp::async_read_header(stream, buffer_, parser, kAsTuple);
  shared_.counters.bytes_in += size;
  if (error) {
    shared_.counters.bad_requests += error == bhttp::error::end_of_stream ? 0 : 1;
    if (auto response = parse_failure(error, limits)) {
      co_await write(stream, std::move(*response), false, After::kClose);
    }
    co_return After::kClose;
  }
  // The admission, and what follows, may not be cut short by stop() any more.
  phase_ = Phase::kServing;
  const bool is_head = parser.get().method() == bhttp::verb::head;
  const bool has_body = !parser.is_done();
  After after = parser.keep_alive() && !shared_.is_stopping ? After::kKeep : After::kClose;
  auto request = to_request(parser.get());
  if (!request) {
    ++shared_.counters.bad_requests;
    Response refusal = error_response(request.error());
    co_await write(stream, std::move(refusal), is_head, After::kClose);
    co_return After::kClose;
  }
  ++shared_.counters.requests;
  if (const auto length = parser.content_length()) {
    request->content_length = *length;
  }
  request->peer_name = peer_name_;
  request->remote_address = remote_address_;
  request->is_loopback = is_loopback_;
  request->is_tls = tls_ != nullptr;

  auto decision = admit(*request);
  if (auto* refusal = std::get_if<Response>(&decision)) {
    after = has_body ? After::kClose : after;
    const bool is_written = co_await write(stream, std::move(*refusal), is_head, after);
    co_return is_written ? after : After::kClose;
  }
  if (has_body) {
    const std::uint64_t max_body = std::get<Admission>(decision).max_body;
    BodyResult result = co_await read_body(stream, parser, max_body);
    if (auto* refusal = std::get_if<Response>(&result)) {
      co_await write(stream, std::move(*refusal), is_head, After::kClose);
    }
    if (!std::holds_alternative<BodyRead>(result)) {
      co_return After::kClose;
    }
    request->body = std::move(parser.get().body());
  }
  lowest(stream).expires_never();  // the handler keeps its own deadline
  Response response = co_await answer(std::move(*request));
  after = shared_.is_stopping ? After::kClose : after;
  const bool is_written = co_await write(stream, std::move(response), is_head, after);
  co_return is_written ? after : After::kClose;
}

template <class Stream>
asio::awaitable<Session::BodyResult> Session::read_body(Stream& stream,
                                                        Parser& parser,
                                                        std::uint64_t max_body) {
  const auto length = parser.content_length();
  if (length && *length > max_body) {
    ++shared_.counters.bad_requests;
    co_return too_large(max_body);
  }
  parser.body_limit(max_body);
  lowest(stream).expires_after(body_allowance(length ? *length : max_body));
  if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
    const std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
    auto bytes = asio::buffer(text);
    auto [error, sent] = co_await asio::async_write(stream, bytes, kAsTuple);
    shared_.counters.bytes_out += sent;
    if (error) {
      co_return PeerGone{};
    }
  }
  if (!length || *length > kSmallBuffer) {
    buffer_.reserve(kLargeBuffer);
  }
  auto [error, size] = co_await bhttp::async_read(stream, buffer_, parser, kAsTuple);
  shared_.counters.bytes_in += size;
  if (!error) {
    co_return BodyRead{};
  }
  ++shared_.counters.bad_requests;
  if (error == bhttp::error::body_limit) {
    co_return too_large(max_body);
  }
  if (auto response = parse_failure(error, shared_.limits)) {
    co_return std::move(*response);
  }
  co_return PeerGone{};
}

template <class Stream>
asio::awaitable<bool> Session::write(Stream& stream, Response response, bool is_head, After after) {
  Message message;
  message.version(11);
  message.result(static_cast<unsigned>(response.status));
  message.keep_alive(after == After::kKeep);
  message.set(bhttp::field::date, http_date());
  for (const Header& header : response.headers) {
    message.insert(header.name, header.value);
  }
  const std::size_t size = response.body ? response.body->size() : 0;
  if (size > 0) {
    message.set(bhttp::field::content_type, response.content_type);
  }
  const bool has_no_body = response.status == 204 || response.status == 304;
  if (!has_no_body) {
    message.content_length(size);
  }
  if (size > 0 && !is_head && !has_no_body) {
    message.body() = beast::span<const char>(response.body->data(), size);
  }
  lowest(stream).expires_after(body_allowance(size));
  bhttp::serializer<false, bhttp::span_body<const char>> serializer(message);
  ErrorCode error;
  std::size_t sent = 0;
  if (is_head) {
    std::tie(error, sent) = co_await bhttp::async_write_header(stream, serializer, kAsTuple);
  } else {
    std::tie(error, sent) = co_await bhttp::async_write(stream, serializer, kAsTuple);
  }
  shared_.counters.bytes_out += sent;
  co_return !error;
}

template <class Stream>
asio::awaitable<void> Session::close(Stream& stream) {
  if (!lowest(stream).socket().is_open()) {
    co_return;
  }
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    lowest(stream).expires_after(kDrainTime);
    co_await stream.async_shutdown(kAsTuple);
  }
  co_await drain(lowest(stream));
}

asio::awaitable<void> Session::drain(beast::tcp_stream& stream) {
  ErrorCode ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream.expires_after(kDrainTime);
  std::array<char, kSmallBuffer> waste;
  auto space = asio::buffer(waste);
  for (std::size_t total = 0; total < kDrainBytes;) {
    auto [error, size] = co_await stream.async_read_some(space, kAsTuple);
    if (error) {
      break;
    }
    total += size;
  }
  stream.close();
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
