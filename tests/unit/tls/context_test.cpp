#include "common/tls/context.hpp"

#include <filesystem>
#include <fstream>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "common/tls/certificates.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/tls/folder.hpp"

using namespace genesis;
using namespace std::chrono_literals;
using tls::CertifiedKey;
using tls::ClientContext;
using tls::ClientTls;
using tls::NamedPem;
using tls::ServerContext;
using tls::ServerTls;
using tls::Validity;

namespace {

const Validity kDay{.lifetime = 24h};

struct Files {
  CertifiedKey authority = tls::make_authority("Training", kDay).value();
  CertifiedKey server = tls::issue_server(authority, {"localhost"}, kDay).value();
  CertifiedKey client =
      tls::issue_client(authority, ClientId::parse("site-a").value(), kDay).value();

  [[nodiscard]] ServerTls for_server() const {
    return ServerTls{.certificate = {"server.crt", server.certificate_pem},
                     .key = {"server.key", server.key_pem},
                     .client_authority = NamedPem{"clients.crt", authority.certificate_pem}};
  }
  [[nodiscard]] ClientTls for_client() const {
    return ClientTls{.authority = {"ca.crt", authority.certificate_pem},
                     .certificate = NamedPem{"site.crt", client.certificate_pem},
                     .key = NamedPem{"site.key", client.key_pem},
                     .server_name = ""};
  }
};

std::string encrypted(const std::string& key_pem) {
  BIO* in = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), "secret", 6, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(out);
  EVP_PKEY_free(key);
  BIO_free(in);
  return pem;
}

std::string server_message(const ServerTls& files) {
  const auto context = ServerContext::create(files);
  REQUIRE_FALSE(context);
  CHECK(context.error().code == Errc::kInvalidArgument);
  return context.error().message;
}

std::string client_message(const ClientTls& files) {
  const auto context = ClientContext::create(files);
  REQUIRE_FALSE(context);
  CHECK(context.error().code == Errc::kInvalidArgument);
  return context.error().message;
}

}  // namespace

TEST_CASE("tls: good files make contexts of TLS 1.3 without tickets", "[tls]") {
  const Files files;
  const auto server = ServerContext::create(files.for_server());
  const auto client = ClientContext::create(files.for_client());
  REQUIRE(server);
  REQUIRE(client);
  CHECK(server->is_mutual());
  CHECK(SSL_CTX_get_min_proto_version(server->current().get()) == TLS1_3_VERSION);
  CHECK(SSL_CTX_get_min_proto_version(client->current().get()) == TLS1_3_VERSION);
  CHECK(SSL_CTX_get_num_tickets(server->current().get()) == 0);
  CHECK(SSL_CTX_get_verify_mode(server->current().get()) ==
        (SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
  CHECK(SSL_CTX_get_verify_mode(client->current().get()) == SSL_VERIFY_PEER);
}

TEST_CASE("tls: without an authority for clients a server asks for no certificate", "[tls]") {
  ServerTls files = Files().for_server();
  files.client_authority.reset();
  const auto server = ServerContext::create(files);
  REQUIRE(server);
  CHECK_FALSE(server->is_mutual());
  CHECK(SSL_CTX_get_verify_mode(server->current().get()) == SSL_VERIFY_NONE);
}

TEST_CASE("tls: an error names the file that is wrong", "[tls]") {
  const Files good;
  ServerTls server = good.for_server();
  server.certificate.pem = "not pem";
  CHECK(server_message(server) == "server.crt: not a PEM certificate");

  server = good.for_server();
  server.key.pem = "";
  CHECK(server_message(server) == "server.key: not a PEM private key");

  server = good.for_server();
  server.key.pem = good.client.key_pem;
  CHECK(server_message(server) == "server.key: does not match the certificate server.crt");

  server = good.for_server();
  server.client_authority->pem = good.server.key_pem;
  CHECK(server_message(server) == "clients.crt: not a PEM certificate");

  ClientTls client = good.for_client();
  client.authority.pem.resize(client.authority.pem.size() / 2);
  CHECK(client_message(client) == "ca.crt: not a PEM certificate");

  client = good.for_client();
  client.key.reset();
  CHECK_THAT(client_message(client), ContainsSubstring("site.crt: pass its private key too"));

  client = good.for_client();
  client.certificate.reset();
  CHECK_THAT(client_message(client), ContainsSubstring("site.key: pass its certificate too"));
}

TEST_CASE("tls: an expired or future certificate is refused at the start, with its date", "[tls]") {
  Files files;
  files.server =
      tls::issue_server(files.authority, {"localhost"}, Validity{.lifetime = -1min}).value();
  CHECK_THAT(server_message(files.for_server()), ContainsSubstring("server.crt: expired on 20"));

  files.client = tls::issue_client(files.authority,
                                   ClientId::parse("site-a").value(),
                                   Validity{.lifetime = 24h, .backdate = -1h})
                     .value();
  CHECK_THAT(client_message(files.for_client()),
             ContainsSubstring("site.crt: not valid before 20"));

  CHECK(ServerContext::create(files.for_server(), std::chrono::system_clock::now() - 2min));
}

TEST_CASE("tls: an encrypted key is refused, not asked about on the terminal", "[tls]") {
  ServerTls files = Files().for_server();
  files.key.pem = encrypted(files.key.pem);
  CHECK_THAT(server_message(files), ContainsSubstring("server.key: the private key is encrypted"));
}

TEST_CASE("tls: a chain with an intermediate authority is sent whole", "[tls]") {
  const Files files;
  ServerTls server = files.for_server();
  server.certificate.pem += files.authority.certificate_pem;
  const auto context = ServerContext::create(server);
  REQUIRE(context);
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context->current().get(), &chain);
  CHECK(sk_X509_num(chain) == 1);
}

TEST_CASE("tls: a PEM file is read with its path as name", "[tls]") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("genesis-tls-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "ca.crt") << "text";
  const auto pem = tls::load_pem(folder / "ca.crt");
  REQUIRE(pem);
  CHECK(pem->name == (folder / "ca.crt").string());
  CHECK(pem->pem == "text");
  const auto missing = tls::load_pem(folder / "none.crt");
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().message, ContainsSubstring("none.crt"));
  std::filesystem::remove_all(folder);
}

namespace {

// Files as a process is given them, renewed as somebody renews them: one after the other.
struct Folder : tls::test::Folder {
  explicit Folder(const Files& files) { renew(files); }
  void renew(const Files& files) const {
    write("ca.crt", files.authority.certificate_pem);
    write("server.crt", files.server.certificate_pem);
    write("server.key", files.server.key_pem);
    write("site.crt", files.client.certificate_pem);
    write("site.key", files.client.key_pem);
  }
  [[nodiscard]] tls::ServerFiles for_server() const {
    return {*this / "server.crt", *this / "server.key", *this / "ca.crt", std::nullopt};
  }
  [[nodiscard]] tls::ClientFiles for_client() const {
    return {*this / "ca.crt", *this / "site.crt", *this / "site.key", ""};
  }
};

std::string certificate_in_use(ssl_ctx_st& context) {
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, SSL_CTX_get0_certificate(&context));
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(out);
  return pem;
}

}  // namespace

TEST_CASE("tls: renewed files are taken up, at most once a second", "[tls]") {
  const Files first;
  const Files second;
  const Folder folder(first);
  std::vector<Status> reports;
  const auto report = [&](const Status& status) { reports.push_back(status); };
  const auto server = ServerContext::open(folder.for_server(), report).value();
  const auto client = ClientContext::open(folder.for_client(), report).value();
  const auto copy = server;
  CHECK(server.is_mutual());
  auto now = std::chrono::steady_clock::now();
  const auto before = server.current(now);
  CHECK(certificate_in_use(*before) == first.server.certificate_pem);
  folder.renew(second);
  CHECK(server.current(now) == before);
  now += 2s;
  CHECK(certificate_in_use(*server.current(now)) == second.server.certificate_pem);
  CHECK(certificate_in_use(*client.current(now)) == second.client.certificate_pem);
  CHECK(copy.current(now) == server.current(now));
  CHECK(certificate_in_use(*before) == first.server.certificate_pem);  // connections keep it
  CHECK(server.current(now += 2s) == server.current(now));
  REQUIRE(reports.size() == 2);
  CHECK(reports[0]);
  CHECK(reports[1]);
}

TEST_CASE("tls: files that do not fit together yet leave the old ones in use", "[tls]") {
  const Files first;
  const Files second;
  const Folder folder(first);
  std::vector<Status> reports;
  const auto server = ServerContext::open(folder.for_server(), [&](const Status& s) {
                        reports.push_back(s);
                      }).value();
  auto now = std::chrono::steady_clock::now();
  folder.write("server.crt", second.server.certificate_pem);  // its key follows
  CHECK(certificate_in_use(*server.current(now += 2s)) == first.server.certificate_pem);
  CHECK(certificate_in_use(*server.current(now += 2s)) == first.server.certificate_pem);
  REQUIRE(reports.size() == 1);  // said once
  CHECK_THAT(reports[0].error().message, ContainsSubstring("does not match the certificate"));
  folder.write("server.key", second.server.key_pem);
  CHECK(certificate_in_use(*server.current(now += 2s)) == second.server.certificate_pem);
  std::filesystem::remove(folder / "server.crt");
  CHECK(certificate_in_use(*server.current(now += 2s)) == second.server.certificate_pem);
  CHECK(reports.size() == 3);
}

TEST_CASE("tls: a deny list without an authority for clients is a mistake", "[tls]") {
  const Folder folder{Files{}};
  folder.write("deny", "site-a\n");
  auto files = folder.for_server();
  files.deny_list = folder / "deny";
  CHECK(ServerContext::open(files).value().deny_list().denies({"site-a", ""}));
  files.client_authority.reset();
  CHECK_THAT(ServerContext::open(files).error().message,
             ContainsSubstring("needs the authority of the clients"));
}
