#pragma once
// HTTP requests and responses as values, for both sides. No Asio, no Beast.
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::http {

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};
using Headers = std::vector<Header>;

/// The value of the first header called `name` (in any case), or "".
std::string_view find_header(const Headers& headers, std::string_view name);

class WorkerPool;  // worker_pool.hpp

/// Whether a connection is open, and else who ended it. By the peer: it closed or reset the
/// connection, the network did, or its last request said "Connection: close". By the server: for
/// idleness or another deadline, to make room, for a request that it refused, or because it stops.
enum class ConnectionState { kOpen, kClosedByPeer, kClosedByServer };

/// What a server's handler gets. In admission `body` is empty: it has not been read yet.
struct Request {
  std::string method;  // "GET", "PUT", …; HEAD comes as GET, and the server drops the body
  std::string path;    // decoded, without the query; starts with '/'
  std::map<std::string, std::string, std::less<>> query;  // decoded; the last of equal names counts
  Headers headers;                                        // at most Limits::header_bytes in all
  std::string body;
  std::optional<std::uint64_t> content_length;  // as declared; nullopt when chunked or without body
  std::optional<std::string> peer_name;         // CN of the verified client certificate
  std::string remote_address;                   // "192.0.2.7", "2001:db8::7"
  bool is_loopback = false;                     // the remote address is this host's
  bool is_tls = false;
  /// Of the connection that the request came over, kept up to date (also while the handler runs)
  /// and readable from any thread. Equal pointers are one connection. A server always sets it.
  std::shared_ptr<const std::atomic<ConnectionState>> connection;
  WorkerPool* pool = nullptr;  // the server's, which outlives the request; see off_loop()

  [[nodiscard]] std::string_view header(std::string_view name) const {
    return find_header(headers, name);
  }
  /// Token of "Authorization: Bearer …"; nullopt without one. Compare it in constant time.
  [[nodiscard]] std::optional<std::string_view> bearer_token() const;
  [[nodiscard]] std::string_view content_type() const { return header("content-type"); }
  [[nodiscard]] std::string_view content_encoding() const { return header("content-encoding"); }
};

/// What a handler answers. The body is shared: the same bytes go to many clients without a copy.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::shared_ptr<const std::string> body;  // null means empty
  std::size_t body_begin = 0;               // what is sent of it: [body_begin, body_end)
  std::size_t body_end = std::string::npos;
  Headers headers;  // beyond Content-Type, Content-Length, Connection and Date

  /// What is sent of the body.
  [[nodiscard]] std::string_view bytes() const;
};

Response make_response(int status, std::string content_type, std::string body);
/// The same with a body that was made once for many answers: none of them copies it.
Response shared_response(int status,
                         std::string content_type,
                         std::shared_ptr<const std::string> body);
Response json_response(int status, std::string json);

/// {"code": "PermissionDenied", "message": "…"} with the status of its code.
Response error_response(const Error& error);
/// The same with another status, such as 404 with kNotFound or 405.
Response error_response(int status, const Error& error);

/// The status that stands for `code`, and back (by class where the exact one is unknown).
int status_of(Errc code);
Errc errc_of(int status);

/// What a client gets. A status of 400 and above is a response too, see error_of.
struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;

  [[nodiscard]] std::string_view header(std::string_view name) const {
    return find_header(headers, name);
  }
  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
};

/// The Error that a response of 400 and above carries in error_response's form; for other bodies
/// the code follows from the status and the message quotes the first 200 bytes.
Error error_of(const ClientResponse& response);

}  // namespace genesis::http
