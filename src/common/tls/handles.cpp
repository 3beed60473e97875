#include "common/tls/handles.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace genesis::tls {
namespace {

constexpr std::size_t kMaxPemBytes = 1024 * 1024;
constexpr std::size_t kMaxCertificates = 256;

// Never asks a terminal for a pass phrase: a server must not hang at its start.
int refuse_pass_phrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

tl::unexpected<Error> bad(std::string_view name, std::string_view what) {
  ERR_clear_error();
  return fail(Errc::kInvalidArgument, std::string(name) + ": " + std::string(what));
}

Bio view(std::string_view pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

}  // namespace

std::string take_openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) {
    return "no reason given";
  }
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
}

Result<std::vector<Certificate>> read_certificates(std::string_view name, std::string_view pem) {
  if (pem.size() > kMaxPemBytes) {
    return bad(name, "larger than 1 MiB, so not a PEM certificate");
  }
  const Bio bio = view(pem);
  std::vector<Certificate> certificates;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
    if (certificates.size() > kMaxCertificates) {
      return bad(name, "contains more than 256 certificates");
    }
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (certificates.empty() || !at_end) {
    return bad(name, "not a PEM certificate");
  }
  ERR_clear_error();
  return certificates;
}

Result<Key> read_key(std::string_view name, std::string_view pem) {
  if (pem.size() > kMaxPemBytes) {
    return bad(name, "larger than 1 MiB, so not a PEM private key");
  }
  const Bio bio = view(pem);
  bool asked = false;
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_pass_phrase, &asked));
  if (key == nullptr) {
    return asked ? bad(name, "the private key is encrypted; pass one without a passphrase")
                 : bad(name, "not a PEM private key");
  }
  return key;
}

std::string common_name(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) {
    return {};
  }
  unsigned char* utf8 = nullptr;
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) {
    ERR_clear_error();
    return {};
  }
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return out.find('\0') == std::string::npos ? out : std::string{};
}

}  // namespace genesis::tls
