#pragma once
// A TCP connection, plain or under TLS, as coroutines over bytes; used by server and client. TLS
// records move in batches of 64 KiB: Asio's own stream makes a system call and four copies for
// each record of 16 KiB, and takes twice the time for a model-sized body. Not a template, so that
// only this file instantiates Asio's operations. Deadlines: tcp().expires_after(…), which closes
// the socket. One operation at a time; the object may not move. Private to this folder.
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <openssl/ssl.h>

namespace genesis::http {

enum class Role { kClient, kServer };

struct Transfer {
  boost::system::error_code error;
  std::size_t size = 0;
};

class Connection {
 public:
  explicit Connection(boost::asio::ip::tcp::socket socket);
  explicit Connection(const boost::asio::any_io_executor& executor);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  boost::beast::tcp_stream& tcp() { return tcp_; }

  /// From here on bytes are TLS's. `first_bytes` were read before that was known. The context may
  /// go before the connection does. Follow it with handshake().
  void secure(SSL_CTX* context, Role role, std::span<const char> first_bytes);
  [[nodiscard]] bool is_secure() const { return ssl_ != nullptr; }
  SSL* ssl() { return ssl_.get(); }

  /// A failed handshake has sent its alert when it returns.
  boost::asio::awaitable<boost::system::error_code> handshake();
  /// At least one byte, or an error: eof at an end that the peer announced (under TLS: by
  /// close_notify; another end is ssl::error::stream_truncated, for it may be an attacker's).
  boost::asio::awaitable<Transfer> read_some(boost::asio::mutable_buffer space);
  /// Whether the peer has ended the connection, without waiting. Nothing is lost of what it sent
  /// before. Not while another operation runs.
  enum class Peek { kQuiet, kBytes, kEnded };
  [[nodiscard]] Peek peek();
  /// All of both, in this order. The size counts what was sent when it failed.
  boost::asio::awaitable<Transfer> write(std::string_view head, std::string_view body);
  /// Under TLS sends close_notify and waits for the peer's; nothing on a plain connection.
  boost::asio::awaitable<void> shutdown();
  /// Gives buffers back while nothing is expected.
  void release_buffers();

 private:
  // What one call of the engine came to.
  struct Progress {
    boost::system::error_code error;
    std::size_t size = 0;
    bool needs_input = false;
  };

  Progress outcome(int result);
  Progress decrypt(boost::asio::mutable_buffer space);
  Progress encrypt(std::string_view bytes);
  boost::asio::awaitable<boost::system::error_code> flush();
  boost::asio::awaitable<boost::system::error_code> fill();
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
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace genesis::http
