#pragma once
// The masks of a secure sum, as sites put them on and the server takes them off.
#include <span>
#include <string_view>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/secure/messages.hpp"

namespace genesis::secure {

enum class Sign { kPlus, kMinus };

/// Key of the mask that `a` and `b` share: the member with the lower place adds it, the other
/// subtracts it. Errors: kInvalidArgument for a public key of low order.
[[nodiscard]] Result<crypto::Secret> pair_mask_key(std::string_view context,
                                                   const crypto::Secret& private_key,
                                                   std::string_view other_public_key,
                                                   Place a,
                                                   Place b);

/// Key of the mask that a member has alone.
[[nodiscard]] crypto::Secret self_mask_key(std::string_view context,
                                           Place member,
                                           const crypto::Secret& seed);

/// Adds or subtracts the words that `key` expands to, modulo 2^64: 4 bytes of ChaCha20's stream a
/// word where bits <= 32, else 8. Modulo 2^bits they are uniform.
void apply_mask(std::span<std::uint64_t> words,
                unsigned bits,
                const crypto::Secret& key,
                Sign sign);

}  // namespace genesis::secure
