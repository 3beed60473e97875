#pragma once
// Key material of a training's Secrets: what each Recipe stands for. Keys and tokens are made here,
// go into the Secret, and nowhere else.
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

/// What certificates and bundles are made with.
struct Authority {
  tls::CertifiedKey pair;
  crypto::Secret token;
};

/// What the spec names instead of what the operator would make.
struct Given {
  std::optional<tls::CertifiedKey> authority;
  std::optional<crypto::Secret> token;
};

/// A new authority for `training`, with what is given.
[[nodiscard]] Result<Authority> make_authority(const std::string& training,
                                               const Given& given,
                                               crypto::Entropy& entropy);

/// The `data` of the Secret: base64 by key. The operator's own holds the authority's key unless it
/// was given: that stays in the user's Secret alone.
[[nodiscard]] Result<Json> secret_data(const Recipe& recipe,
                                       const Authority& authority,
                                       const Given& given);

/// Keys of a Secret's `data`, decoded; nullopt where one is no base64.
[[nodiscard]] std::optional<std::string> secret_text(const Json& secret, const std::string& key);

}  // namespace genesis::control
