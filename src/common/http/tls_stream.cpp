#include "common/http/tls_stream.hpp"

#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "common/base/check.hpp"

namespace genesis::http {
namespace {

constexpr std::size_t kRecord = 16 * 1024;     // largest plaintext of a record
constexpr std::size_t kFirstInput = 4 * 1024;  // while little is expected
constexpr std::size_t kInputGrowth = 8;

}  // namespace

TlsStream::TlsStream(boost::beast::tcp_stream&& tcp,
                     SSL_CTX* context,
                     Role role,
                     std::span<const char> first_bytes)
    : tcp_(std::move(tcp)),
      input_(first_bytes.begin(), first_bytes.end()),
      input_end_(first_bytes.size()),
      ssl_(SSL_new(context)) {
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

void TlsStream::release_buffers() {
  if (input_begin_ == input_end_) {
    input_begin_ = input_end_ = 0;
    input_ = {};
  }
  output_ = {};
  plain_ = {};
}

TlsStream::Progress TlsStream::handshake() {
  ERR_clear_error();
  return outcome(SSL_do_handshake(ssl_.get()), 0);
}

TlsStream::Progress TlsStream::shutdown() {
  ERR_clear_error();
  int result = SSL_shutdown(ssl_.get());
  if (result == 0) {
    result = SSL_shutdown(ssl_.get());  // ours is on its way; now for the peer's
  }
  return outcome(result, 0);
}

TlsStream::Progress TlsStream::read(boost::asio::mutable_buffer space) {
  std::size_t total = 0;
  while (total < space.size()) {
    std::size_t size = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(
        ssl_.get(), static_cast<char*>(space.data()) + total, space.size() - total, &size);
    if (result != 1) {
      // What has been read counts first; an error comes back with the next call.
      return total > 0 ? Progress{{}, total, false} : outcome(result, 0);
    }
    total += size;
  }
  return Progress{{}, total, false};
}

void TlsStream::add_plain(const char* data, std::size_t size) {
  if (size < kRecord) {
    plain_.append(data, size);
    if (plain_.size() < kRecord) {
      return;
    }
    encrypt(plain_.data(), plain_.size());
    plain_.clear();
    return;
  }
  encrypt(plain_.data(), plain_.size());
  plain_.clear();
  encrypt(data, size);
}

TlsStream::ErrorCode TlsStream::finish_plain() {
  encrypt(plain_.data(), plain_.size());
  plain_.clear();
  return std::exchange(write_error_, ErrorCode{});
}

void TlsStream::encrypt(const char* data, std::size_t size) {
  while (size > 0 && !write_error_) {
    std::size_t written = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_.get(), data, size, &written);
    if (result != 1) {
      const Progress progress = outcome(result, 0);
      // Our output takes everything, and TLS 1.3 has no renegotiation: it cannot need input.
      write_error_ =
          progress.needs_input ? ErrorCode(boost::asio::error::no_protocol_option) : progress.error;
      return;
    }
    data += written;
    size -= written;
  }
}

TlsStream::Progress TlsStream::outcome(int result, std::size_t size) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return Progress{{}, size, false};
    case SSL_ERROR_WANT_READ:
      return Progress{{}, 0, true};
    case SSL_ERROR_ZERO_RETURN:
      return Progress{boost::asio::error::eof, 0, false};
    default:
      break;
  }
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) {
    return Progress{boost::asio::ssl::error::stream_truncated, 0, false};
  }
  return Progress{
      ErrorCode(static_cast<int>(code), boost::asio::error::get_ssl_category()), 0, false};
}

// Called only when the engine has taken all input.
boost::asio::mutable_buffer TlsStream::input_space() {
  const bool was_filled = input_end_ == input_.size();
  input_begin_ = input_end_ = 0;
  if (input_.size() < kFirstInput) {
    input_.resize(kFirstInput);
  } else if (was_filled && input_.size() < kBatch) {
    input_.resize(std::min(kBatch, input_.size() * kInputGrowth));
  }
  return boost::asio::buffer(input_);
}

int TlsStream::read_input(BIO* bio, char* data, int size) {
  auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t available = stream->input_end_ - stream->input_begin_;
  if (size <= 0 || available == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t taken = std::min(available, static_cast<std::size_t>(size));
  std::memcpy(data, stream->input_.data() + stream->input_begin_, taken);
  stream->input_begin_ += taken;
  return static_cast<int>(taken);
}

int TlsStream::write_output(BIO* bio, const char* data, int size) {
  auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
  if (size > 0) {
    stream->output_.insert(stream->output_.end(), data, data + size);
  }
  return size;
}

const BIO_METHOD* TlsStream::bio_method() {
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
