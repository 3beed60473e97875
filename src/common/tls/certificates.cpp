#include "common/tls/certificates.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "common/tls/handles.hpp"

namespace genesis::tls {
namespace {

using SystemClock = std::chrono::system_clock;

constexpr std::size_t kMaxCommonName = 64;  // ub-common-name of RFC 5280
constexpr int kSerialBits = 128;

tl::unexpected<Error> library_failure(std::string_view doing) {
  return fail(Errc::kInternal, "[tls] " + std::string(doing) + ": " + take_openssl_error());
}

Result<std::string> contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  if (size <= 0) {
    return library_failure("writing PEM");
  }
  return std::string(data, static_cast<std::size_t>(size));
}

Result<CertifiedKey> to_pem(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_bio(BIO_new(BIO_s_mem()));
  const Bio key_bio(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_X509(certificate_bio.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return library_failure("writing PEM");
  }
  CertifiedKey out;
  GENESIS_ASSIGN(out.certificate_pem, contents(certificate_bio.get()));
  GENESIS_ASSIGN(out.key_pem, contents(key_bio.get()));
  return out;
}

// Positive and 128 bits long: the top bit is set, so no two lengths occur (RFC 5280, 4.1.2.2).
bool set_random_serial(X509* certificate) {
  const BigNumber serial(BN_new());
  return serial != nullptr &&
         BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

std::optional<SystemClock::time_point> to_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  const auto day = std::chrono::sys_days(std::chrono::year(parts.tm_year + 1900) /
                                         (parts.tm_mon + 1) / parts.tm_mday);
  return day + std::chrono::hours(parts.tm_hour) + std::chrono::minutes(parts.tm_min) +
         std::chrono::seconds(parts.tm_sec);
}

// `signer` is the certificate itself where it is self-signed.
bool set_times(X509* certificate, const X509* signer, const Validity& validity) {
  SystemClock::time_point not_after = validity.now + validity.lifetime;
  if (signer != certificate) {  // what outlives its authority is not accepted any more
    not_after = std::min(not_after, to_time(X509_get0_notAfter(signer)).value_or(not_after));
  }
  // A certificate that expired long ago still begins before it ends.
  const auto not_before = std::min<SystemClock::time_point>(validity.now - validity.backdate,
                                                            not_after - std::chrono::seconds(1));
  const std::time_t from = SystemClock::to_time_t(not_before);
  const std::time_t until = SystemClock::to_time_t(not_after);
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), until) != nullptr;
}

bool set_common_name(X509_NAME* name, std::string_view text) {
  return X509_NAME_add_entry_by_NID(name,
                                    NID_commonName,
                                    MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()),
                                    -1,
                                    0) == 1;
}

bool add_extension(X509* certificate, X509V3_CTX* context, int nid, const std::string& value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct ExtensionText {
  int nid;
  std::string value;
};

struct Issuer {
  Certificate certificate;
  Key key;
};

// `issuer` null: self-signed.
Result<CertifiedKey> issue(std::string_view name,
                           const Validity& validity,
                           const Issuer* issuer,
                           std::string_view key_pem,
                           const std::vector<ExtensionText>& extensions) {
  Key key;
  if (key_pem.empty()) {
    key.reset(EVP_EC_gen("P-256"));
  } else {
    GENESIS_ASSIGN(key, read_key("key", key_pem));
  }
  const Certificate certificate(X509_new());
  if (key == nullptr || certificate == nullptr) {
    return library_failure("making a P-256 key");
  }
  X509* raw = certificate.get();
  const X509* signer = issuer != nullptr ? issuer->certificate.get() : raw;
  EVP_PKEY* signing_key = issuer != nullptr ? issuer->key.get() : key.get();
  if (X509_set_version(raw, X509_VERSION_3) != 1 || !set_random_serial(raw) ||
      !set_times(raw, signer, validity) || !set_common_name(X509_get_subject_name(raw), name) ||
      X509_set_issuer_name(raw, X509_get_subject_name(signer)) != 1 ||
      X509_set_pubkey(raw, key.get()) != 1) {
    return library_failure("filling a certificate");
  }
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  // The library only reads the issuer; its signature predates const.
  X509V3_set_ctx(&context, const_cast<X509*>(signer), raw, nullptr, nullptr, 0);
  for (const ExtensionText& extension : extensions) {
    if (!add_extension(raw, &context, extension.nid, extension.value)) {
      return library_failure("adding a certificate extension");
    }
  }
  if (X509_sign(raw, signing_key, EVP_sha256()) <= 0) {
    return library_failure("signing a certificate");
  }
  return to_pem(raw, key.get());
}

Result<Issuer> load_issuer(const CertifiedKey& authority) {
  GENESIS_ASSIGN(auto certificates, read_certificates("CA", authority.certificate_pem));
  GENESIS_ASSIGN(auto key, read_key("CA key", authority.key_pem));
  if (X509_check_ca(certificates.front().get()) != 1) {
    return fail(Errc::kInvalidArgument, "CA: this certificate may not sign other certificates");
  }
  if (X509_check_private_key(certificates.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return fail(Errc::kInvalidArgument, "CA: the key does not match the certificate");
  }
  return Issuer{std::move(certificates.front()), std::move(key)};
}

bool is_ip_address(const std::string& text) {
  const Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> address(a2i_IPADDRESS(text.c_str()));
  ERR_clear_error();
  return address != nullptr;
}

// Letters, digits, '-', '_', '.', and a leading "*.": nothing that OpenSSL's "DNS:…,IP:…" would
// read as another entry.
bool is_dns_name(std::string_view text) {
  if (text.starts_with("*.")) {
    text.remove_prefix(2);
  }
  if (text.empty() || text.size() > 253 || text.front() == '.' || text.front() == '-') {
    return false;
  }
  for (const char c : text) {
    const bool is_allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!is_allowed) {
      return false;
    }
  }
  return true;
}

Result<std::string> subject_alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    const bool is_ip = is_ip_address(name);
    if (!is_ip && !is_dns_name(name)) {
      return fail(
          Errc::kInvalidArgument,
          "server name \"" + name.substr(0, 100) + "\" is neither a DNS name nor an IP address");
    }
    out.append(out.empty() ? "" : ",").append(is_ip ? "IP:" : "DNS:").append(name);
  }
  return out;
}

std::vector<ExtensionText> end_entity(std::string usage, std::string names) {
  return {{NID_basic_constraints, "critical,CA:FALSE"},
          {NID_key_usage, "critical,digitalSignature"},
          {NID_ext_key_usage, std::move(usage)},
          {NID_subject_alt_name, std::move(names)},
          {NID_subject_key_identifier, "hash"},
          {NID_authority_key_identifier, "keyid"}};
}

Status check_name(std::string_view what, std::string_view name) {
  if (name.empty() || name.size() > kMaxCommonName) {
    return fail(Errc::kInvalidArgument,
                std::string(what) + " must have 1 to 64 bytes, this one has " +
                    std::to_string(name.size()));
  }
  return {};
}

Result<std::string> key_digest(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) {
    return library_failure("reading a public key");
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  const bool is_done =
      EVP_Digest(
          der, static_cast<std::size_t>(size), digest.data(), &length, EVP_sha256(), nullptr) == 1;
  OPENSSL_free(der);
  if (!is_done) {
    return library_failure("hashing a public key");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4U];
    text += kDigits[digest[i] & 0xFU];
  }
  return text;
}

std::string name_text(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) {
    const ASN1_IA5STRING* text = name->d.dNSName;
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
  }
  if (name->type != GEN_IPADD) {
    return {};
  }
  const int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(name->d.iPAddress) != 16) {
    return {};
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), text.data(), text.size());
  return text.data();
}

}  // namespace

Result<CertifiedKey> make_authority(std::string_view name,
                                    const Validity& validity,
                                    std::string_view key_pem) {
  GENESIS_RETURN_IF_ERROR(check_name("CA name", name));
  // pathlen 0: an authority below this one could name itself as any site.
  return issue(name,
               validity,
               nullptr,
               key_pem,
               {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                {NID_key_usage, "critical,keyCertSign,cRLSign"},
                {NID_subject_key_identifier, "hash"}});
}

Result<CertifiedKey> issue_server(const CertifiedKey& authority,
                                  const std::vector<std::string>& names,
                                  const Validity& validity,
                                  std::string_view key_pem) {
  if (names.empty()) {
    return fail(Errc::kInvalidArgument,
                "server certificate: pass at least one host name or IP address");
  }
  GENESIS_ASSIGN(std::string alternative_names, subject_alternative_names(names));
  GENESIS_ASSIGN(const Issuer issuer, load_issuer(authority));
  // Clients check the SAN; a longer first name is cut to what a CN may hold.
  const std::string_view name = std::string_view(names.front()).substr(0, kMaxCommonName);
  return issue(
      name, validity, &issuer, key_pem, end_entity("serverAuth", std::move(alternative_names)));
}

Result<CertifiedKey> issue_client(const CertifiedKey& authority,
                                  const ClientId& client,
                                  const Validity& validity,
                                  std::string_view key_pem) {
  GENESIS_ASSIGN(const Issuer issuer, load_issuer(authority));
  return issue(
      client.str(), validity, &issuer, key_pem, end_entity("clientAuth", "DNS:" + client.str()));
}

Result<CertificateInfo> inspect(std::string_view pem) {
  GENESIS_ASSIGN(const auto certificates, read_certificates("certificate", pem));
  const X509* certificate = certificates.front().get();
  const auto not_before = to_time(X509_get0_notBefore(certificate));
  const auto not_after = to_time(X509_get0_notAfter(certificate));
  if (!not_before || !not_after) {
    return fail(Errc::kInvalidArgument, "certificate: its validity period cannot be parsed");
  }
  CertificateInfo info;
  info.common_name = common_name(X509_get_subject_name(certificate));
  info.issuer_common_name = common_name(X509_get_issuer_name(certificate));
  info.not_before = *not_before;
  info.not_after = *not_after;
  GENESIS_ASSIGN(info.key_sha256, key_digest(certificate));
  const Handle<GENERAL_NAMES, GENERAL_NAMES_free> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    info.names.push_back(name_text(sk_GENERAL_NAME_value(names.get(), i)));
  }
  return info;
}

Result<std::vector<std::string>> split_certificates(std::string_view pem) {
  GENESIS_ASSIGN(const auto certificates, read_certificates("certificate", pem));
  std::vector<std::string> texts;
  for (const Certificate& certificate : certificates) {
    const Bio bio(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_X509(bio.get(), certificate.get()) != 1) {
      return library_failure("writing PEM");
    }
    GENESIS_ASSIGN(std::string text, contents(bio.get()));
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string to_utc(SystemClock::time_point time) {
  const std::time_t seconds = SystemClock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text.data();
}

}  // namespace genesis::tls
