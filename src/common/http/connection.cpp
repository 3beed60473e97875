#include "common/http/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "common/base/check.hpp"

namespace genesis::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;

// Network errors come back as values: auto [error, size] = co_await f(…, kAsTuple).
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kBatch = std::size_t{64} * 1024;
constexpr std::size_t kRecordBytes = std::size_t{16} * 1024;
constexpr std::size_t kRecordRoom = 64;                     // of framing, for each record
constexpr std::size_t kFirstInput = std::size_t{4} * 1024;  // while little is expected
constexpr std::size_t kInputGrowth = 8;

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket) : tcp_(std::move(socket)) {}

Connection::Connection(const asio::any_io_executor& executor) : tcp_(executor) {}

void Connection::secure(SSL_CTX* context, Role role, std::span<const char> first_bytes) {
  input_.assign(first_bytes.begin(), first_bytes.end());
  input_end_ = input_.size();
  ssl_.reset(SSL_new(context));
  BIO* bio = BIO_new(bio_method());
  GENESIS_CHECK(ssl_ != nullptr && bio != nullptr, "[http] OpenSSL is out of memory");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // takes the reference
  if (role == Role::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

void Connection::release_buffers() {
  if (input_begin_ == input_end_) {
    input_begin_ = input_end_ = 0;
    input_ = {};
  }
  output_ = {};
}

asio::awaitable<ErrorCode> Connection::handshake() {
  for (;;) {
    ERR_clear_error();
    const Progress progress = outcome(SSL_do_handshake(ssl_.get()));
    ErrorCode error = co_await flush();
    if (progress.error || !progress.needs_input) {
      co_return progress.error ? progress.error : error;
    }
    if (!error) {
      error = co_await fill();
    }
    if (error) {
      co_return error;
    }
  }
}

asio::awaitable<Transfer> Connection::read_some(asio::mutable_buffer space) {
  if (!ssl_) {
    const auto [error, size] = co_await tcp_.async_read_some(space, kAsTuple);
    co_return Transfer{error, size};
  }
  for (;;) {
    const Progress progress = decrypt(space);
    ErrorCode error = co_await flush();  // answers to key updates
    if (progress.error || !progress.needs_input) {
      co_return Transfer{progress.error, progress.size};
    }
    if (!error) {
      error = co_await fill();
    }
    if (error) {
      co_return Transfer{error, 0};
    }
  }
}

Connection::Peek Connection::peek() {
  const int socket = tcp_.socket().native_handle();
  const auto is_quiet = [](ssize_t result) {
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  };
  if (!ssl_) {
    char byte = 0;
    const ssize_t size = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (is_quiet(size)) {
      return Peek::kQuiet;
    }
    return size > 0 ? Peek::kBytes : Peek::kEnded;
  }
  // The end that TLS announces comes in a record like all others, so the engine has to see it.
  for (;;) {
    char byte = 0;
    std::size_t seen = 0;
    ERR_clear_error();
    const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &seen);
    if (result == 1) {
      return Peek::kBytes;
    }
    if (const Progress progress = outcome(result); !progress.needs_input) {
      return Peek::kEnded;
    }
    const auto space = input_space();
    const ssize_t size = ::recv(socket, space.data(), space.size(), MSG_DONTWAIT);
    if (is_quiet(size)) {
      return Peek::kQuiet;
    }
    if (size <= 0) {
      return Peek::kEnded;
    }
    input_end_ += static_cast<std::size_t>(size);
  }
}

asio::awaitable<Transfer> Connection::write(std::string_view head, std::string_view body) {
  if (!ssl_) {
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
    const auto [error, size] = co_await asio::async_write(tcp_, parts, kAsTuple);
    co_return Transfer{error, size};
  }
  Transfer total;
  const Progress first = encrypt(head);
  total.error = first.error;
  total.size = first.size;
  while (!total.error) {
    const std::string_view batch = body.substr(0, kBatch);
    body.remove_prefix(batch.size());
    const Progress progress = encrypt(batch);
    const ErrorCode error = co_await flush();
    total.error = progress.error ? progress.error : error;
    total.size += progress.size;
    if (body.empty()) {
      break;
    }
  }
  co_return total;
}

asio::awaitable<void> Connection::shutdown() {
  if (!ssl_) {
    co_return;
  }
  for (;;) {
    ERR_clear_error();
    int result = SSL_shutdown(ssl_.get());
    if (result == 0) {
      result = SSL_shutdown(ssl_.get());  // ours is on its way; now for the peer's
    }
    const Progress progress = outcome(result);
    ErrorCode error = co_await flush();
    if (progress.error || !progress.needs_input || error) {
      co_return;
    }
    error = co_await fill();
    if (error) {
      co_return;
    }
  }
}

Connection::Progress Connection::decrypt(asio::mutable_buffer space) {
  std::size_t total = 0;
  while (total < space.size()) {
    std::size_t size = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(
        ssl_.get(), static_cast<char*>(space.data()) + total, space.size() - total, &size);
    if (result != 1) {
      // What has been read counts first; an error comes back with the next call.
      return total > 0 ? Progress{{}, total, false} : outcome(result);
    }
    total += size;
  }
  return Progress{{}, total, false};
}

Connection::Progress Connection::encrypt(std::string_view bytes) {
  Progress progress;
  const std::size_t records = bytes.size() / kRecordBytes + 1;
  output_.reserve(output_.size() + bytes.size() + records * kRecordRoom);
  while (progress.size < bytes.size()) {
    std::size_t written = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(
        ssl_.get(), bytes.data() + progress.size, bytes.size() - progress.size, &written);
    if (result != 1) {
      progress.error = outcome(result).error;
      // Our output takes everything and TLS 1.3 does not renegotiate: input is never needed here.
      GENESIS_CHECK(progress.error, "[http] TLS 1.3 asked for input before it would write");
      return progress;
    }
    progress.size += written;
  }
  return progress;
}

asio::awaitable<ErrorCode> Connection::flush() {
  if (output_.empty()) {
    co_return ErrorCode{};
  }
  const auto bytes = asio::buffer(output_);
  const auto [error, size] = co_await asio::async_write(tcp_, bytes, kAsTuple);
  output_.clear();
  co_return error;
}

asio::awaitable<ErrorCode> Connection::fill() {
  const auto space = input_space();
  const auto [error, size] = co_await tcp_.async_read_some(space, kAsTuple);
  input_end_ += size;
  if (error == asio::error::eof) {
    co_return ErrorCode(asio::ssl::error::stream_truncated);
  }
  co_return error;
}

Connection::Progress Connection::outcome(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return Progress{{}, 0, false};
    case SSL_ERROR_WANT_READ:
      return Progress{{}, 0, true};
    case SSL_ERROR_ZERO_RETURN:
      return Progress{asio::error::eof, 0, false};
    default:
      break;
  }
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) {
    return Progress{asio::ssl::error::stream_truncated, 0, false};
  }
  return Progress{ErrorCode(static_cast<int>(code), asio::error::get_ssl_category()), 0, false};
}

// Called only when the engine has taken all input.
asio::mutable_buffer Connection::input_space() {
  const bool was_filled = input_end_ == input_.size();
  input_begin_ = input_end_ = 0;
  if (input_.size() < kFirstInput) {
    input_.resize(kFirstInput);
  } else if (was_filled && input_.size() < kBatch) {
    input_.resize(std::min(kBatch, input_.size() * kInputGrowth));
  }
  return asio::buffer(input_);
}

int Connection::read_input(BIO* bio, char* data, int size) {
  auto* connection = static_cast<Connection*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t available = connection->input_end_ - connection->input_begin_;
  if (size <= 0 || available == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t taken = std::min(available, static_cast<std::size_t>(size));
  std::memcpy(data, connection->input_.data() + connection->input_begin_, taken);
  connection->input_begin_ += taken;
  return static_cast<int>(taken);
}

int Connection::write_output(BIO* bio, const char* data, int size) {
  auto* connection = static_cast<Connection*>(BIO_get_data(bio));
  if (size > 0) {
    connection->output_.insert(connection->output_.end(), data, data + size);
  }
  return size;
}

const BIO_METHOD* Connection::bio_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "genesis");
    GENESIS_CHECK(made != nullptr, "[http] OpenSSL is out of memory");
    BIO_meth_set_read(made, read_input);
    BIO_meth_set_write(made, write_output);
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    return made;
  }();
  return method;
}

}  // namespace genesis::http
