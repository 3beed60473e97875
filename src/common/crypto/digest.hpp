#pragma once
// SHA-256 (FIPS 180-4) and HMAC over OpenSSL: names parameters and models by their bytes, and marks
// what only the holder of a key can have made.
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/crypto/secret.hpp"

namespace genesis::crypto {

inline constexpr std::size_t kSha256Bytes = 32;
inline constexpr std::size_t kSha256HexDigits = 2 * kSha256Bytes;

/// Incremental: update() as often as wanted, then finish() once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& update(std::string_view bytes);
  Sha256& update(std::span<const std::byte> bytes);

  /// The digest of all that was given. The object is spent: further calls are a broken invariant.
  [[nodiscard]] std::array<std::byte, kSha256Bytes> finish();
  /// finish() as 64 lower-case hex digits.
  [[nodiscard]] std::string finish_hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// SHA-256 of `bytes` as 64 lower-case hex digits.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// HMAC-SHA256 (RFC 2104) of `bytes` as 64 lower-case hex digits.
[[nodiscard]] std::string hmac_sha256_hex(const Secret& key, std::string_view bytes);

/// Two lower-case hex digits a byte.
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);

}  // namespace genesis::crypto
