#pragma once
// TLS over a tcp_stream, many records at a time. Asio's own stream moves one 16 KiB record per
// system call and copies it four times; for model-sized bodies this one is about twice as fast. An
// AsyncStream for Beast; one operation at a time, and it may not move. Private to this folder.
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/compose.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <openssl/ssl.h>

namespace genesis::http {

class TlsStream {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;
  using ErrorCode = boost::system::error_code;

  enum class Role { kClient, kServer };

  /// `context` may go before the stream does. `first_bytes` were read before the protocol was
  /// known.
  TlsStream(boost::beast::tcp_stream&& tcp,
            SSL_CTX* context,
            Role role,
            std::span<const char> first_bytes);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  executor_type get_executor() { return tcp_.get_executor(); }
  boost::beast::tcp_stream& next_layer() { return tcp_; }
  SSL* native_handle() { return ssl_.get(); }
  /// Gives buffers back while nothing is expected.
  void release_buffers();

  // Completions: (ErrorCode, size_t); for handshake and shutdown the size means nothing.
  template <class Token>
  auto async_handshake(Token&& token) {
    return start([this] { return handshake(); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_shutdown(Token&& token) {
    return start([this] { return shutdown(); }, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    const boost::asio::mutable_buffer space = first_of<boost::asio::mutable_buffer>(buffers);
    return start([this, space] { return read(space); }, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    // The bytes are encrypted here and now: small pieces (a header's) share a record this way.
    const Progress progress = write(buffers);
    return start([progress] { return progress; }, std::forward<Token>(token));
  }

 private:
  struct Progress {
    ErrorCode error;
    std::size_t size = 0;
    bool needs_input = false;
  };

  // Carries bytes between engine and socket until `attempt` has got somewhere.
  template <class Attempt>
  struct Pump {
    enum class State { kAttempt, kFlushing, kReading, kDone };
    TlsStream& stream;
    Attempt attempt;
    Progress progress{};
    State state = State::kAttempt;
    bool has_waited = false;

    template <class Self>
    void operator()(Self& self, ErrorCode error = {}, std::size_t size = 0) {
      switch (state) {
        case State::kReading:
          if (error) {
            // Without close_notify an end may be an attacker's.
            const bool is_end = error == boost::asio::error::eof;
            self.complete(is_end ? ErrorCode(boost::asio::ssl::error::stream_truncated) : error, 0);
            return;
          }
          stream.input_end_ += size;
          [[fallthrough]];
        case State::kAttempt:
          progress = attempt();
          break;
        case State::kFlushing:
          stream.output_.clear();
          if (error) {
            self.complete(progress.error ? progress.error : error, 0);
            return;
          }
          break;
        case State::kDone:
          self.complete(progress.error, progress.size);
          return;
      }
      if (!stream.output_.empty()) {
        state = State::kFlushing;
        has_waited = true;
        const auto bytes = boost::asio::buffer(stream.output_);
        boost::asio::async_write(stream.tcp_, bytes, std::move(self));
      } else if (progress.needs_input) {
        state = State::kReading;
        has_waited = true;
        const auto space = stream.input_space();
        stream.tcp_.async_read_some(space, std::move(self));
      } else if (!has_waited) {
        // A completion may not run inside the call that starts the operation.
        state = State::kDone;
        boost::asio::post(stream.get_executor(), std::move(self));
      } else {
        self.complete(progress.error, progress.size);
      }
    }
  };

  template <class Attempt, class Token>
  auto start(Attempt attempt, Token&& token) {
    return boost::asio::async_compose<Token, void(ErrorCode, std::size_t)>(
        Pump<Attempt>{*this, std::move(attempt)}, token, tcp_);
  }

  template <class Buffer, class Buffers>
  static Buffer first_of(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != end; ++it) {
      const Buffer buffer(*it);
      if (buffer.size() > 0) {
        return buffer;
      }
    }
    return {};
  }

  template <class Buffers>
  Progress write(const Buffers& buffers) {
    Progress progress;
    std::size_t room = kBatch;
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != end && room > 0; ++it) {
      const boost::asio::const_buffer buffer(*it);
      const std::size_t size = std::min(buffer.size(), room);
      add_plain(static_cast<const char*>(buffer.data()), size);
      room -= size;
      progress.size += size;
    }
    progress.error = finish_plain();
    return progress;
  }

  static constexpr std::size_t kBatch = std::size_t{256} * 1024;

  Progress handshake();
  Progress shutdown();
  Progress read(boost::asio::mutable_buffer space);
  void add_plain(const char* data, std::size_t size);
  ErrorCode finish_plain();
  void encrypt(const char* data, std::size_t size);
  Progress outcome(int result, std::size_t size);
  boost::asio::mutable_buffer input_space();

  static int read_input(BIO* bio, char* data, int size);
  static int write_output(BIO* bio, const char* data, int size);
  static const BIO_METHOD* bio_method();

  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  boost::beast::tcp_stream tcp_;
  std::vector<char> input_;  // ciphertext from the socket: [input_begin_, input_end_)
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  std::vector<char> output_;  // ciphertext for the socket
  std::string plain_;         // small pieces on their way into one record
  ErrorCode write_error_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace genesis::http
