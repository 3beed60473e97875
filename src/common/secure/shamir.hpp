#pragma once
// Shamir's secret sharing (Shamir 1979, "How to share a secret") of 256-bit secrets over GF(2^16),
// 16 elements side by side, for up to 65,535 holders. Fewer than `threshold` shares are independent
// of the secret, whatever is known beside them. Arithmetic on secrets has neither branch nor table;
// only the places of shares, which are public, decide what is done.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"

namespace genesis::secure {

inline constexpr std::size_t kSharedBytes = 32;

/// The product in GF(2^16) modulo x^16 + x^5 + x^3 + x + 1, in constant time.
[[nodiscard]] std::uint16_t gf_multiply(std::uint16_t a, std::uint16_t b);

/// Shares of `secret` (32 bytes) for the places 1 to `holders`, each 32 bytes; any `threshold` of
/// them give it back. The coefficients of the polynomials are expanded from `seed` (32 bytes), so
/// that the same seed gives the same shares; it is as secret as the secret, and for one secret.
[[nodiscard]] std::vector<crypto::Secret> split(const crypto::Secret& secret,
                                                const crypto::Secret& seed,
                                                std::size_t holders,
                                                std::size_t threshold);

/// What is needed to combine shares from certain places, computed once for many secrets.
class Combiner {
 public:
  /// `places` are as many as the threshold. Errors: kInvalidArgument for none, 0, or one twice.
  [[nodiscard]] static Result<Combiner> at(std::span<const std::uint16_t> places);

  /// `shares` in the order of the places. Errors: kInvalidArgument for another number of them, or
  /// one that does not have 32 bytes.
  [[nodiscard]] Result<crypto::Secret> combine(std::span<const std::string_view> shares) const;

 private:
  std::vector<std::uint16_t> weights_;  // of Lagrange's interpolation at 0
};

}  // namespace genesis::secure
