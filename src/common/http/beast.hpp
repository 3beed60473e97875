#pragma once
// Names that server and client share for Asio and Beast. Private to this folder.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "common/http/tls_stream.hpp"

namespace genesis::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::asio::ip::tcp;
using ErrorCode = boost::system::error_code;

// Network errors come back as values: auto [error, n] = co_await f(…, kAsTuple).
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// From here on a body is moved in larger pieces than the 4 KiB that suit headers.
constexpr std::size_t kSmallBuffer = 4 * 1024;
constexpr std::size_t kLargeBuffer = 64 * 1024;

inline beast::tcp_stream& lowest(beast::tcp_stream& stream) {
  return stream;
}
inline beast::tcp_stream& lowest(TlsStream& stream) {
  return stream.next_layer();
}

}  // namespace genesis::http
