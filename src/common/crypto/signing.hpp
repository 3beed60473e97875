#pragma once
// Ed25519 (RFC 8032) over OpenSSL: what only the holder of a key can have said, checked by anybody
// who has its public half. 128 bits of strength. All values are text in lower-case hexadecimal.
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/crypto/entropy.hpp"
#include "common/crypto/secret.hpp"

namespace genesis::crypto {

inline constexpr std::size_t kPublicKeyDigits = 64;
inline constexpr std::size_t kSignatureDigits = 128;

class SigningKey {
 public:
  [[nodiscard]] static SigningKey random(Entropy& entropy);
  /// As text() gives it. Errors: kInvalidArgument.
  [[nodiscard]] static Result<SigningKey> parse(std::string_view text);

  /// The private key, 64 digits.
  [[nodiscard]] Secret text() const;
  /// kPublicKeyDigits.
  [[nodiscard]] const std::string& public_key() const { return public_key_; }
  /// kSignatureDigits. The same message has the same signature.
  [[nodiscard]] std::string sign(std::string_view message) const;

 private:
  explicit SigningKey(Secret seed);

  Secret seed_;  // 32 bytes
  std::string public_key_;
};

/// Whether the holder of the key has signed these bytes. False for text that is no key or no
/// signature.
[[nodiscard]] bool is_signed(std::string_view public_key,
                             std::string_view message,
                             std::string_view signature);

}  // namespace genesis::crypto
