#pragma once
// X.509 certificates for one training: an authority, and what it issues to the server and to each
// site. ECDSA P-256 with SHA-256 (128-bit security), random 128-bit serials, RFC 5280 extensions.
// Used by `genesis certs`, the demo and tests. Keys come from OpenSSL's generator.
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"

namespace genesis::tls {

/// A certificate and its private key (PKCS #8), both PEM. Write the key for its owner only.
struct CertifiedKey {
  std::string certificate_pem;
  std::string key_pem;
};

/// When a certificate holds: from now - backdate until now + lifetime, but no longer than its
/// authority. The five minutes back forgive clocks that differ; a negative lifetime makes an
/// expired certificate, a negative backdate one that is not valid yet (both for tests).
struct Validity {
  std::chrono::seconds lifetime = std::chrono::hours(24) * 365;
  std::chrono::seconds backdate = std::chrono::minutes(5);
  std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
};

/// A self-signed authority with common name `name` that may sign end-entity certificates only.
/// `key_pem` in this and the next two is the key of a certificate that is renewed; "" makes one.
/// Errors: kInvalidArgument for an empty name or one above 64 bytes, or a key that does not parse.
[[nodiscard]] Result<CertifiedKey> make_authority(std::string_view name,
                                                  const Validity& validity,
                                                  std::string_view key_pem = {});

/// A server certificate for `names`: DNS names and IP addresses, of which the first is also the CN.
/// Errors: kInvalidArgument for no name, a name that is neither, or an authority that does not
/// parse.
[[nodiscard]] Result<CertifiedKey> issue_server(const CertifiedKey& authority,
                                                const std::vector<std::string>& names,
                                                const Validity& validity,
                                                std::string_view key_pem = {});

/// A client certificate whose CN (and DNS SAN) is the site's id.
[[nodiscard]] Result<CertifiedKey> issue_client(const CertifiedKey& authority,
                                                const ClientId& client,
                                                const Validity& validity,
                                                std::string_view key_pem = {});

/// What people ask about a certificate.
struct CertificateInfo {
  std::string common_name;         // "" where the subject has none
  std::string issuer_common_name;  // "" where the issuer has none
  std::vector<std::string> names;  // SAN, DNS and IP, in their order
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  std::string key_sha256;  // of the public key (SubjectPublicKeyInfo), in hexadecimal
};

/// Reads the first certificate of `pem`. Errors: kInvalidArgument "not a PEM certificate".
[[nodiscard]] Result<CertificateInfo> inspect(std::string_view pem);

/// The certificates of `pem`, each as PEM of its own, in their order. Errors as inspect().
[[nodiscard]] Result<std::vector<std::string>> split_certificates(std::string_view pem);

/// "2026-03-01 12:00:00 UTC".
std::string to_utc(std::chrono::system_clock::time_point time);

}  // namespace genesis::tls
