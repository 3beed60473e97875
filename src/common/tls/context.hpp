#pragma once
// Certificates checked and prepared once for many connections: TLS 1.3 only, no session tickets (a
// resumed session would outlive a certificate taken from it), mutual where an authority for clients
// is given. Used by http::Server and http::Client. Immutable after creation; safe to share between
// threads. Needs no Asio: http wraps the native handle.
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/base/error.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;      // OpenSSL's SSL

namespace genesis::tls {

/// PEM text with the name that messages use for it, usually the file's path.
struct NamedPem {
  std::string name;
  std::string pem;
};

/// Reads a PEM file of at most 1 MiB. Errors name the file.
[[nodiscard]] Result<NamedPem> load_pem(const std::filesystem::path& path);

struct ServerTls {
  NamedPem certificate;                      // chain, leaf first
  NamedPem key;                              // unencrypted
  std::optional<NamedPem> client_authority;  // given: a client without its certificate is refused
};

struct ClientTls {
  NamedPem
      authority;  // who may sign the server's certificate; the system's authorities are not used
  std::optional<NamedPem> certificate;  // chain, leaf first; needs `key`
  std::optional<NamedPem> key;
  std::string server_name;  // checked against the server's SAN; "" means the host of the URL
};

using SystemTime = std::chrono::system_clock::time_point;

/// Errors of both `create`: kInvalidArgument naming the file and what is wrong with it: "ca.crt:
/// not a PEM certificate", "server.key: does not match the certificate server.crt", "server.crt:
/// expired on …", "server.crt: not valid before …". `now` is the time that certificates are checked
/// against.
class ServerContext {
 public:
  [[nodiscard]] static Result<ServerContext> create(
      const ServerTls& files, SystemTime now = std::chrono::system_clock::now());
  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }
  /// Whether clients must present a certificate.
  [[nodiscard]] bool is_mutual() const { return is_mutual_; }

 private:
  ServerContext() = default;
  std::shared_ptr<ssl_ctx_st>
      context_;  // shared: OpenSSL counts references, connections hold it too
  bool is_mutual_ = false;
};

class ClientContext {
 public:
  [[nodiscard]] static Result<ClientContext> create(
      const ClientTls& files, SystemTime now = std::chrono::system_clock::now());
  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }
  [[nodiscard]] const std::string& server_name() const { return server_name_; }

 private:
  ClientContext() = default;
  std::shared_ptr<ssl_ctx_st> context_;
  std::string server_name_;
};

/// Makes `connection` ask for `host` (SNI, DNS names only) and accept only a certificate for it (a
/// DNS name or an IP address of its SAN).
[[nodiscard]] Status expect_server(ssl_st* connection, const std::string& host);

/// CN of the verified certificate that the peer presented; nullopt without one.
std::optional<std::string> peer_common_name(const ssl_st* connection);

/// Why the peer's certificate did not pass, for people: "it expired", "it is signed by an unknown
/// authority", "it is not for host X"; "" where it passed.
std::string verify_failure(const ssl_st* connection, const std::string& host);

}  // namespace genesis::tls
