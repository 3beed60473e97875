// The harness's own code; the name makes it part of the program.
#include "tests/unit/http/harness.hpp"

#include <algorithm>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/file.hpp"

namespace genesis::http::test {

RawSocket::RawSocket(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{.tv_sec = kPatience.count() / 1000, .tv_usec = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  REQUIRE(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
          0);
}

RawSocket::~RawSocket() {
  ::close(descriptor_);
}

void RawSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;  // the server has hung up; what it said before is what tests look at
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawSocket::finish_sending() {
  ::shutdown(descriptor_, SHUT_WR);
}

void RawSocket::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ::close(std::exchange(descriptor_, -1));
}

std::string RawSocket::read_until(std::string_view end) {
  std::string out;
  while (end.empty() || out.find(end) == std::string::npos) {
    char bytes[4096];
    const auto size = ::recv(descriptor_, bytes, sizeof(bytes), 0);
    if (size <= 0) {
      // A reset is a close too; running out of patience is not.
      was_closed_ = size == 0 || errno == ECONNRESET;
      break;
    }
    out.append(bytes, static_cast<std::size_t>(size));
  }
  return out;
}

std::string RawSocket::read_all() {
  return read_until("");
}

CertificateFolder::CertificateFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "genesis-tls-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

CertificateFolder::~CertificateFolder() {
  std::filesystem::remove_all(path_);
}

void CertificateFolder::write(const char* name, const std::string& pem) const {
  REQUIRE(write_file_atomic(path_ / name, pem));
}

CutSender::CutSender(std::uint16_t port, const tls::CertifiedKey& identity, const std::string& body)
    : socket_(port), ssl_(SSL_new(client_context(identity).current().get()), SSL_free) {
  SSL_set_fd(ssl_.get(), socket_.descriptor());
  REQUIRE(SSL_connect(ssl_.get()) == 1);
  const std::string half =
      "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body.substr(0, body.size() / 2);
  REQUIRE(SSL_write(ssl_.get(), half.data(), static_cast<int>(half.size())) ==
          static_cast<int>(half.size()));
}

std::string CutSender::answer() {
  std::string all;
  char bytes[4096];
  for (int size = 1; size > 0;) {
    size = SSL_read(ssl_.get(), bytes, sizeof(bytes));
    all.append(bytes, static_cast<std::size_t>(std::max(size, 0)));
  }
  return all;
}

const Certificates& certificates() {
  static const Certificates made = [] {
    const tls::Validity day{.lifetime = 24h};
    Certificates out;
    out.authority = tls::make_authority("Training", day).value();
    out.server = tls::issue_server(out.authority, {"localhost", "127.0.0.1"}, day).value();
    out.client = tls::issue_client(out.authority, ClientId::parse("site-a").value(), day).value();
    return out;
  }();
  return made;
}

tls::ServerContext server_context(Mutual mutual, const tls::CertifiedKey& identity) {
  tls::ServerTls files{.certificate = {"server.crt", identity.certificate_pem},
                       .key = {"server.key", identity.key_pem},
                       .client_authority = std::nullopt};
  if (mutual == Mutual::kYes) {
    files.client_authority = tls::NamedPem{"ca.crt", certificates().authority.certificate_pem};
  }
  // Long ago, so that tests can serve with an expired certificate.
  return tls::ServerContext::create(files, std::chrono::system_clock::now() - 2min).value();
}

tls::ServerContext server_context(Mutual mutual) {
  return server_context(mutual, certificates().server);
}

tls::ClientContext client_context(const std::optional<tls::CertifiedKey>& identity,
                                  const std::string& authority_pem,
                                  const std::string& server_name) {
  tls::ClientTls files{.authority = {"ca.crt", authority_pem},
                       .certificate = std::nullopt,
                       .key = std::nullopt,
                       .server_name = server_name};
  if (identity) {
    files.certificate = tls::NamedPem{"site.crt", identity->certificate_pem};
    files.key = tls::NamedPem{"site.key", identity->key_pem};
  }
  return tls::ClientContext::create(files, std::chrono::system_clock::now() - 2min).value();
}

}  // namespace genesis::http::test
