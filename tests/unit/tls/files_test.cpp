#include "common/tls/files.hpp"

#include "genesis/certificates.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;

namespace {

// Certificates of one training in a folder that goes with the test.
class Pki {
 public:
  Pki() {
    CertificateFolder request;
    request.folder = folder_.path();
    request.server_names = {"localhost"};
    request.client_ids = {"site-a"};
    REQUIRE(make_certificates(request));
  }

  [[nodiscard]] ServerTlsFiles server() const {
    return {folder_ / "server.crt", folder_ / "server.key", folder_ / "ca.crt"};
  }
  [[nodiscard]] ClientTlsFiles client() const {
    return {folder_ / "ca.crt", folder_ / "site-a.crt", folder_ / "site-a.key"};
  }

 private:
  TemporaryFolder folder_;
};

template <typename Files>
Error failure(const Files& files) {
  const auto loaded = tls::load_context(files);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == Errc::kInvalidArgument);
  return loaded.error();
}

}  // namespace

TEST_CASE("tls: files that are given become a context, none become plain HTTP", "[tls]") {
  const Pki pki;
  const auto server = tls::load_context(pki.server());
  REQUIRE(server);
  REQUIRE(server->has_value());
  CHECK((*server)->is_mutual());
  auto one_sided = pki.server();
  one_sided.client_authority.clear();
  CHECK_FALSE(tls::load_context(one_sided).value().value().is_mutual());

  const auto client = tls::load_context(pki.client(), "localhost");
  REQUIRE(client);
  REQUIRE(client->has_value());
  CHECK((*client)->server_name() == "localhost");
  CHECK(tls::load_context(ClientTlsFiles{pki.client().server_authority, {}, {}}).value());

  CHECK_FALSE(tls::load_context(ServerTlsFiles{}).value());
  CHECK_FALSE(tls::load_context(ClientTlsFiles{}).value());
}

TEST_CASE("tls: a file that is forgotten never means plain HTTP", "[tls]") {
  const Pki pki;
  auto server = pki.server();
  server.key.clear();
  CHECK_THAT(failure(server).message, ContainsSubstring("the key is not given"));
  server = pki.server();
  server.certificate.clear();
  CHECK_THAT(failure(server).message, ContainsSubstring("the certificate is not given"));
  CHECK_THAT(failure(ServerTlsFiles{{}, {}, pki.server().client_authority}).message,
             ContainsSubstring("the certificate is not given"));

  auto client = pki.client();
  client.server_authority.clear();
  CHECK(failure(client).setting == Setting::kServerAuthority);
  client = pki.client();
  client.key.clear();
  CHECK_THAT(failure(client).message, ContainsSubstring("pass its private key too"));
  client = pki.client();
  client.certificate.clear();
  CHECK_THAT(failure(client).message, ContainsSubstring("pass its certificate too"));
}

TEST_CASE("tls: a file that is missing or of another kind is named", "[tls]") {
  const Pki pki;
  auto client = pki.client();
  client.key = "/none.key";
  const auto missing = tls::load_context(client);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kNotFound);
  CHECK_THAT(missing.error().message, ContainsSubstring("/none.key"));
  auto server = pki.server();
  server.certificate = server.key;
  CHECK_THAT(failure(server).message, ContainsSubstring("server.key: not a PEM certificate"));
}
