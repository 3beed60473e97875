#pragma once
// The key material of a training's Secrets. Keys and tokens are generated here and go into the
// Secret that needs them, and nowhere else.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/crypto/entropy.hpp"
#include "common/crypto/secret.hpp"
#include "common/k8s/json.hpp"
#include "common/tls/certificates.hpp"
#include "operator/children.hpp"
#include "operator/time.hpp"

namespace genesis::control {

/// The training's certificate authority and token, from which all its Secrets are filled.
struct Authority {
  tls::CertifiedKey pair;
  crypto::Secret token;
  std::string previous;  // PEM: authorities before it that are still trusted

  /// PEM of all that are trusted, this one first.
  [[nodiscard]] std::string trusted() const;
};

/// The user's own credentials that spec.security names. What is absent is generated.
struct UserCredentials {
  std::optional<tls::CertifiedKey> authority;
  std::optional<crypto::Secret> token;
};

/// In the operator's Secret: the authorities before the one in ca.crt.
inline constexpr const char* kPreviousAuthorities = "previous.crt";

/// Annotations of a Secret with a certificate: the public key (SHA-256) of the authority that has
/// signed it, and since when the newest authority is among those in it.
inline constexpr std::string_view kIssuer = "federated.genesis.dev/issuer";
inline constexpr std::string_view kTrustedSince = "federated.genesis.dev/authority-since";

/// The authority of a new training: the user's own credentials, and generated ones for the rest.
[[nodiscard]] Result<Authority> make_authority(const std::string& training,
                                               const UserCredentials& given,
                                               crypto::Entropy& entropy,
                                               SystemTime now);
/// The same authority with a new certificate for its key; the one that it had is a previous one.
[[nodiscard]] Result<Authority> renewed(const std::string& training,
                                        const Authority& authority,
                                        SystemTime now);
/// Those of the PEM texts that have not ended yet, each once and without `current`.
[[nodiscard]] std::string still_trusted(const std::vector<std::string>& texts,
                                        const std::string& current,
                                        SystemTime now);

/// What a certificate is made of, apart from its authority.
struct Issue {
  SystemTime now;
  std::string key_pem = {};                    // of the certificate that is renewed; "" makes one
  std::optional<tls::CertifiedKey> keep = {};  // given: no new one is made
  std::string trusted = {};                    // PEM; "": all that the authority says
};

/// The `data` of the Secret: base64 by key. The operator's own Secret holds the authority's private
/// key, unless that is the user's: then it stays in the user's Secret alone. `key` is the file of
/// the key of encrypted sums, which goes into a bundle, and empty where the training needs none.
[[nodiscard]] Result<Json> secret_data(const SecretSpec& secret,
                                       const Authority& authority,
                                       const UserCredentials& given,
                                       const Issue& issue,
                                       const crypto::Secret& key = {});
/// The certificate of such a Secret, with its key; nullopt where it has none.
[[nodiscard]] std::optional<tls::CertifiedKey> stored_pair(const Json& secret);
/// Who has signed the certificate of a Secret that was filled from `authority`, and since when that
/// is trusted, as annotations.
[[nodiscard]] Json certificate_annotations(const Authority& authority, SystemTime since);
/// That of the Secret which holds this key alone.
[[nodiscard]] Json key_data(const crypto::Secret& key);

/// The refusal to use a Secret under a name of ours that the operator did not create.
[[nodiscard]] tl::unexpected<Error> not_created_here(const std::string& secret);

/// The value of `key` in a Secret's `data`, decoded; nullopt if it is missing or not base64.
[[nodiscard]] std::optional<std::string> secret_text(const Json& secret, const std::string& key);

}  // namespace genesis::control
