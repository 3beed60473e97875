#pragma once
// Certificates checked and prepared once for many connections: TLS 1.3 only, no session tickets (a
// resumed session would outlive a certificate taken from it), mutual where an authority for clients
// is given. Used by http::Server and http::Client. Copies share what they hold, between threads
// too. Needs no Asio: http wraps the native handle.
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/base/error.hpp"
#include "common/tls/deny_list.hpp"
#include "common/tls/file_watch.hpp"

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

/// Files with what ServerTls holds, and who is refused all the same.
struct ServerFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::optional<std::filesystem::path> client_authority;
  std::optional<std::filesystem::path> deny_list;  // deny_list.hpp; needs `client_authority`
};

/// Files with what ClientTls holds.
struct ClientFiles {
  std::filesystem::path authority;
  std::optional<std::filesystem::path> certificate;
  std::optional<std::filesystem::path> key;
  std::string server_name;
};

/// Errors of all `create` and `open`: kInvalidArgument naming the file and what is wrong with it:
/// "ca.crt: not a PEM certificate", "server.key: does not match the certificate server.crt",
/// "server.crt: expired on …", "server.crt: not valid before …". `now` is the time that
/// certificates are checked against. What was opened from files is looked at again, at most once a
/// second, with each call of current(): connections that are made after a renewal use the new
/// files, without a restart. Files that do not fit together (yet), or do not pass, leave the old
/// ones in use; `report` hears of both.
class ServerContext {
 public:
  [[nodiscard]] static Result<ServerContext> create(
      const ServerTls& files, SystemTime now = std::chrono::system_clock::now());
  [[nodiscard]] static Result<ServerContext> open(const ServerFiles& files,
                                                  ReloadReport report = nullptr);
  /// For the next connection.
  [[nodiscard]] std::shared_ptr<ssl_ctx_st> current(
      SteadyTime now = std::chrono::steady_clock::now()) const;
  /// Whether clients must present a certificate.
  [[nodiscard]] bool is_mutual() const { return is_mutual_; }
  /// Asked at each handshake for the client's certificate, which is then refused as revoked.
  [[nodiscard]] DenyList& deny_list() const { return *deny_list_; }

 private:
  class Renewed;
  ServerContext() = default;
  std::shared_ptr<Renewed> renewed_;  // shared by copies, so that all see a renewal
  std::shared_ptr<DenyList> deny_list_ = std::make_shared<DenyList>();  // with OpenSSL's contexts
  bool is_mutual_ = false;
};

class ClientContext {
 public:
  [[nodiscard]] static Result<ClientContext> create(
      const ClientTls& files, SystemTime now = std::chrono::system_clock::now());
  [[nodiscard]] static Result<ClientContext> open(const ClientFiles& files,
                                                  ReloadReport report = nullptr);
  [[nodiscard]] std::shared_ptr<ssl_ctx_st> current(
      SteadyTime now = std::chrono::steady_clock::now()) const;
  [[nodiscard]] const std::string& server_name() const { return server_name_; }

 private:
  class Renewed;
  ClientContext() = default;
  std::shared_ptr<Renewed> renewed_;
  std::string server_name_;
};

/// Makes `connection` ask for `host` (SNI, DNS names only) and accept only a certificate for it (a
/// DNS name or an IP address of its SAN).
[[nodiscard]] Status expect_server(ssl_st* connection, const std::string& host);

/// CN of the verified certificate that the peer presented; nullopt without one.
std::optional<std::string> peer_common_name(const ssl_st* connection);

/// The certificate that peer_common_name() is the name of.
std::optional<PeerCertificate> peer_certificate(const ssl_st* connection);

/// Why the peer's certificate did not pass, for people: "it expired", "it is signed by an unknown
/// authority", "it is not for host X"; "" where it passed.
std::string verify_failure(const ssl_st* connection, const std::string& host);

}  // namespace genesis::tls
