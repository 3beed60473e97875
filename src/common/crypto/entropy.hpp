#pragma once
// Cryptographic randomness as an argument: keys, tokens, masks and privacy noise take an Entropy,
// everything reproducible takes a genesis::Rng; the types differ so that they can't be swapped.
#include <cstddef>
#include <span>
#include <string>

#include "common/crypto/secret.hpp"

namespace genesis::crypto {

/// Seam: tests put scripted bytes here.
class Entropy {
 public:
  virtual ~Entropy() = default;
  /// Fills all of `bytes`.
  virtual void fill(std::span<std::byte> bytes) = 0;
};

/// OpenSSL's RAND_bytes (SP 800-90A DRBG, 256 bits of strength, reseeded from the kernel). Safe to
/// use from several threads. A generator that fails ends the process: nothing is safe without it.
class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> bytes) override;
};

/// Fills `bytes` from OpenSSL's generator of private values (RAND_priv_bytes), whose state is apart
/// from the one that makes public values such as ids. Fails as SystemEntropy does.
void fill_private(std::span<std::byte> bytes);

/// A bearer token: 32 random bytes (256 bits) as 43 characters of base64url without padding
/// (RFC 4648, sec. 5).
[[nodiscard]] Secret random_token(Entropy& entropy);

/// An identifier that never repeats, such as that of a run: 16 random bytes as 32 hex digits. Not
/// secret.
[[nodiscard]] std::string random_id(Entropy& entropy);

}  // namespace genesis::crypto
