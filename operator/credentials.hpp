#pragma once
// The key material of a training's Secrets. Keys and tokens are generated here and go into the
// Secret that needs them, and nowhere else.
#include <map>
#include <optional>
#include <string>

#include "common/base/error.hpp"
#include "common/crypto/entropy.hpp"
#include "common/crypto/secret.hpp"
#include "common/k8s/json.hpp"
#include "common/tls/certificates.hpp"
#include "operator/children.hpp"

namespace genesis::control {

/// The training's certificate authority and token, from which all its Secrets are filled.
struct Authority {
  tls::CertifiedKey pair;
  crypto::Secret token;
};

/// The user's own credentials that spec.security names. What is absent is generated.
struct UserCredentials {
  std::optional<tls::CertifiedKey> authority;
  std::optional<crypto::Secret> token;
};

/// The authority of a new training: the user's own credentials, and generated ones for the rest.
[[nodiscard]] Result<Authority> make_authority(const std::string& training,
                                               const UserCredentials& given,
                                               crypto::Entropy& entropy);

/// The `data` of the Secret: base64 by key. The operator's own Secret holds the authority's private
/// key, unless that is the user's: then it stays in the user's Secret alone. `key` is the file of
/// the key of encrypted sums, which goes into a bundle, and empty where the training needs none.
[[nodiscard]] Result<Json> secret_data(const SecretSpec& secret,
                                       const Authority& authority,
                                       const UserCredentials& given,
                                       const crypto::Secret& key = {});
/// That of the Secret which holds this key alone.
[[nodiscard]] Json key_data(const crypto::Secret& key);

/// The refusal to use a Secret under a name of ours that the operator did not create.
[[nodiscard]] tl::unexpected<Error> not_created_here(const std::string& secret);

/// The value of `key` in a Secret's `data`, decoded; nullopt if it is missing or not base64.
[[nodiscard]] std::optional<std::string> secret_text(const Json& secret, const std::string& key);

}  // namespace genesis::control
