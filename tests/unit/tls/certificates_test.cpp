#include "common/tls/certificates.hpp"

#include <set>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace std::chrono_literals;
using tls::CertifiedKey;
using tls::Validity;

namespace {

const Validity kDay{.lifetime = 24h};

CertifiedKey an_authority(std::string_view name = "Training") {
  return tls::make_authority(name, kDay).value();
}

X509* parse(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  REQUIRE(certificate != nullptr);
  return certificate;
}

// What `openssl verify -purpose` says.
int verify(const CertifiedKey& authority, const CertifiedKey& leaf, int purpose) {
  X509* trusted = parse(authority.certificate_pem);
  X509* certificate = parse(leaf.certificate_pem);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, trusted);
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, certificate, nullptr);
  X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_purpose(context, purpose);
  X509_verify_cert(context);
  const int result = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  X509_free(certificate);
  X509_free(trusted);
  return result;
}

std::string serial(const CertifiedKey& key) {
  X509* certificate = parse(key.certificate_pem);
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* text = BN_bn2hex(number);
  std::string out(text);
  OPENSSL_free(text);
  BN_free(number);
  X509_free(certificate);
  return out;
}

}  // namespace

TEST_CASE("tls: a server certificate passes strict verification for servers only", "[tls]") {
  const CertifiedKey authority = an_authority();
  const auto server = tls::issue_server(authority, {"aggregator.local", "127.0.0.1", "::1"}, kDay);
  REQUIRE(server);
  CHECK(verify(authority, *server, X509_PURPOSE_SSL_SERVER) == X509_V_OK);
  CHECK(verify(authority, *server, X509_PURPOSE_SSL_CLIENT) == X509_V_ERR_INVALID_PURPOSE);
}

TEST_CASE("tls: a client certificate carries the site's id and serves clients only", "[tls]") {
  const CertifiedKey authority = an_authority();
  const ClientId site = ClientId::parse("hospital-a").value();
  const auto client = tls::issue_client(authority, site, kDay);
  REQUIRE(client);
  CHECK(tls::inspect(client->certificate_pem)->common_name == "hospital-a");
  CHECK(verify(authority, *client, X509_PURPOSE_SSL_CLIENT) == X509_V_OK);
  CHECK(verify(authority, *client, X509_PURPOSE_SSL_SERVER) == X509_V_ERR_INVALID_PURPOSE);
}

TEST_CASE("tls: a certificate of another authority of the same name does not pass", "[tls]") {
  const CertifiedKey ours = an_authority();
  const auto theirs = tls::issue_server(an_authority(), {"localhost"}, kDay);
  CHECK(verify(ours, *theirs, X509_PURPOSE_SSL_SERVER) != X509_V_OK);
}

TEST_CASE("tls: inspection tells names, issuer and times", "[tls]") {
  const CertifiedKey authority = an_authority("Four hospitals");
  const auto server =
      tls::issue_server(authority, {"agg.example.org", "*.example.org", "192.0.2.7", "::1"}, kDay);
  const auto info = tls::inspect(server->certificate_pem);
  REQUIRE(info);
  CHECK(info->common_name == "agg.example.org");
  CHECK(info->issuer_common_name == "Four hospitals");
  CHECK(info->names ==
        std::vector<std::string>{"agg.example.org", "*.example.org", "192.0.2.7", "::1"});
  const auto now = std::chrono::system_clock::now();
  CHECK(info->not_before < now - 4min);
  CHECK(info->not_before > now - 6min);
  CHECK(info->not_after > now + 23h);
  CHECK(info->not_after < now + 25h);
}

TEST_CASE("tls: a negative lifetime makes an expired certificate, a long one too", "[tls]") {
  const CertifiedKey authority = an_authority();
  for (const auto lifetime : {-1min, -600min}) {
    const auto expired =
        tls::issue_server(authority, {"localhost"}, Validity{.lifetime = lifetime});
    REQUIRE(expired);
    const auto info = tls::inspect(expired->certificate_pem);
    CHECK(info->not_before < info->not_after);
    CHECK(verify(authority, *expired, X509_PURPOSE_SSL_SERVER) == X509_V_ERR_CERT_HAS_EXPIRED);
  }
}

TEST_CASE("tls: serials are 128 random bits, never twice the same", "[tls]") {
  const CertifiedKey authority = an_authority();
  std::set<std::string> seen{serial(authority)};
  for (int i = 0; i < 20; ++i) {
    const auto issued = tls::issue_server(authority, {"localhost"}, kDay);
    const std::string number = serial(*issued);
    CHECK(number.size() == 32);
    CHECK(seen.insert(number).second);
  }
}

TEST_CASE("tls: keys are P-256 and each has its own", "[tls]") {
  const CertifiedKey authority = an_authority();
  const auto first = tls::issue_server(authority, {"localhost"}, kDay);
  const auto second = tls::issue_server(authority, {"localhost"}, kDay);
  CHECK(first->key_pem != second->key_pem);
  CHECK_THAT(first->key_pem, ContainsSubstring("BEGIN PRIVATE KEY"));
  X509* certificate = parse(first->certificate_pem);
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  CHECK(EVP_PKEY_get_base_id(key) == EVP_PKEY_EC);
  CHECK(EVP_PKEY_get_bits(key) == 256);
  X509_free(certificate);
}

TEST_CASE("tls: names that are no names are refused", "[tls]") {
  const CertifiedKey authority = an_authority();
  for (const char* name : {"", "a b", "x,DNS:evil.org", "-x", ".x", "a/b", "*.", "a\nb"}) {
    const auto issued = tls::issue_server(authority, {name}, kDay);
    REQUIRE_FALSE(issued);
    CHECK(issued.error().code == Errc::kInvalidArgument);
    CHECK_THAT(issued.error().message, ContainsSubstring("neither a DNS name nor an IP address"));
  }
  CHECK_FALSE(tls::issue_server(authority, {}, kDay));
  CHECK_FALSE(tls::make_authority("", kDay));
  CHECK_FALSE(tls::make_authority(std::string(65, 'x'), kDay));
}

TEST_CASE("tls: only an authority with its own key may issue", "[tls]") {
  const CertifiedKey authority = an_authority();
  const auto server = tls::issue_server(authority, {"localhost"}, kDay);
  const auto by_server = tls::issue_server(*server, {"localhost"}, kDay);
  REQUIRE_FALSE(by_server);
  CHECK_THAT(by_server.error().message, ContainsSubstring("may not sign"));

  CertifiedKey mixed = authority;
  mixed.key_pem = server->key_pem;
  const auto by_mixed = tls::issue_server(mixed, {"localhost"}, kDay);
  REQUIRE_FALSE(by_mixed);
  CHECK_THAT(by_mixed.error().message, ContainsSubstring("does not match"));

  CertifiedKey garbage{"nonsense", "nonsense"};
  CHECK(tls::issue_server(garbage, {"localhost"}, kDay).error().message ==
        "CA: not a PEM certificate");
}

TEST_CASE("tls: a cut or altered PEM never parses", "[tls]") {
  const std::string pem = an_authority().certificate_pem;
  const std::size_t body_end = pem.find("-----END CERTIFICATE-----");
  for (std::size_t cut = 0; cut < body_end + 24; cut += 7) {
    const auto info = tls::inspect(std::string_view(pem).substr(0, cut));
    REQUIRE_FALSE(info);
    CHECK(info.error().code == Errc::kInvalidArgument);
  }
  CHECK_FALSE(tls::inspect(std::string(2 * 1024 * 1024, 'x')));
}

TEST_CASE("tls: times print in UTC", "[tls]") {
  CHECK(tls::to_utc(std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h + 5s) ==
        "2026-03-01 12:00:05 UTC");
}

TEST_CASE("tls: a certificate does not outlive its authority, whatever is asked for", "[tls]") {
  const auto authority = an_authority();
  const auto end = tls::inspect(authority.certificate_pem)->not_after;
  const Validity longer{.lifetime = 48h};
  const auto site = ClientId::parse("site-1").value();
  CHECK(tls::inspect(tls::issue_client(authority, site, longer)->certificate_pem)->not_after ==
        end);
  CHECK(tls::inspect(tls::issue_server(authority, {"a"}, longer)->certificate_pem)->not_after ==
        end);
  CHECK(tls::inspect(tls::issue_server(authority, {"a"}, {.lifetime = 1h})->certificate_pem)
            ->not_after < end);
}

TEST_CASE("tls: what is renewed keeps its key and lasts longer, at the time that is given",
          "[tls]") {
  const auto now = std::chrono::system_clock::now();
  const auto old = an_authority();
  const auto renewed =
      tls::make_authority("Training", {.lifetime = 24h, .now = now + 16h}, old.key_pem).value();
  CHECK(renewed.key_pem == old.key_pem);
  CHECK(renewed.certificate_pem != old.certificate_pem);
  const auto leaf = tls::issue_server(old, {"localhost"}, kDay).value();
  // Either certificate of the authority verifies what its key has signed.
  CHECK(verify(old, leaf, X509_PURPOSE_SSL_SERVER) == X509_V_OK);
  const auto again =
      tls::issue_server(renewed, {"localhost"}, {.lifetime = 2h, .now = now}, leaf.key_pem).value();
  CHECK(again.key_pem == leaf.key_pem);
  CHECK(verify(old, again, X509_PURPOSE_SSL_SERVER) == X509_V_OK);
  const auto info = tls::inspect(again.certificate_pem).value();
  CHECK(info.key_sha256 == tls::inspect(leaf.certificate_pem)->key_sha256);
  CHECK(info.key_sha256 != tls::inspect(old.certificate_pem)->key_sha256);
  CHECK(tls::inspect(renewed.certificate_pem)->not_after > now + 39h);
  CHECK_FALSE(tls::issue_server(old, {"localhost"}, kDay, "no key"));
}

TEST_CASE("tls: a bundle is split into its certificates", "[tls]") {
  const auto one = an_authority("one");
  const auto two = an_authority("two");
  CHECK(tls::split_certificates(one.certificate_pem + "\n# two\n" + two.certificate_pem).value() ==
        std::vector<std::string>{one.certificate_pem, two.certificate_pem});
  CHECK_FALSE(tls::split_certificates("none"));
}
