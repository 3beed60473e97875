#pragma once
// What the protocol of masked sums is made of, over OpenSSL: X25519 (RFC 7748), HKDF-SHA256
// (RFC 5869), ChaCha20 (RFC 8439) as generator, AES-256-GCM (SP 800-38D), signatures by the keys of
// certificates. Security level: 128 bits.
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/crypto/entropy.hpp"
#include "common/crypto/secret.hpp"

struct evp_cipher_ctx_st;
struct evp_pkey_st;

namespace genesis::secure {

inline constexpr std::size_t kKeyBytes = 32;  // of X25519, ChaCha20 and AES-256 alike
inline constexpr std::size_t kDigestBytes = 32;
inline constexpr std::size_t kSealBytes = 16;  // what sealing adds
inline constexpr std::size_t kMaxSignatureBytes = 512;
inline constexpr std::size_t kMaxPublicKeyBytes = 600;  // SubjectPublicKeyInfo up to RSA 4096

/// 32 random bytes.
[[nodiscard]] crypto::Secret random_key(crypto::Entropy& entropy);

/// SHA-256 of `bytes`, 32 bytes.
[[nodiscard]] std::string digest(std::string_view bytes);

/// The X25519 public key of 32 private bytes.
[[nodiscard]] std::string public_key_of(const crypto::Secret& private_key);

/// X25519. Errors: kInvalidArgument for a public key that does not have 32 bytes, or one of low
/// order, with which everybody would know the result.
[[nodiscard]] Result<crypto::Secret> agree(const crypto::Secret& private_key,
                                           std::string_view public_key);

/// 32 bytes for the purpose that `info` names.
[[nodiscard]] crypto::Secret derive(const crypto::Secret& key, std::string_view info);

/// ChaCha20's key stream. A key is for one generator: the nonce is zero.
class Prg {
 public:
  explicit Prg(const crypto::Secret& key);
  /// Fills `bytes` with the next of the stream, of which there are 2^38.
  void fill(std::span<std::byte> bytes);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

/// AES-256-GCM with a nonce of zero: a key seals once.
[[nodiscard]] std::string seal(const crypto::Secret& key,
                               std::string_view authenticated,
                               const crypto::Secret& plain);
/// Errors: kDataLoss where key, authenticated text or bytes are others.
[[nodiscard]] Result<crypto::Secret> unseal(const crypto::Secret& key,
                                            std::string_view authenticated,
                                            std::string_view sealed);

/// Signs with the private key of a certificate: ECDSA or RSA with SHA-256, or Ed25519.
class Signer {
 public:
  /// Errors: kInvalidArgument for anything but an unencrypted PEM private key of these kinds.
  [[nodiscard]] static Result<Signer> from_pem(const crypto::Secret& key_pem);
  /// SubjectPublicKeyInfo (RFC 5280), DER: stays the same when a certificate is renewed with its
  /// key.
  [[nodiscard]] const std::string& public_key() const { return public_key_; }
  [[nodiscard]] std::string sign(std::string_view message) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  std::shared_ptr<evp_pkey_st> key_;  // OpenSSL counts references: a copy of a Signer is cheap
  std::string public_key_;
};

/// A fresh private key to sign with, PEM: ECDSA P-256. For sites without certificates.
[[nodiscard]] crypto::Secret make_signing_key();

/// Errors: kInvalidArgument for a key that cannot be read, kUnauthenticated for another signature.
[[nodiscard]] Status verify(std::string_view public_key,
                            std::string_view message,
                            std::string_view signature);

/// The SubjectPublicKeyInfo of a PEM certificate. Errors: kInvalidArgument for anything else.
[[nodiscard]] Result<std::string> public_key_of_certificate(std::string_view certificate_pem);

}  // namespace genesis::secure
