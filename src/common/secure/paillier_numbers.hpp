#pragma once
// The numbers of Paillier keys. Private to this folder.
#include <string>

#include "common/secure/bignum.hpp"
#include "common/secure/paillier.hpp"

namespace genesis::secure {

struct PaillierPublicKey::Numbers {
  std::string modulus;
  Big n;
  Big n_squared;
  Montgomery by_n_squared;
};

// Modulo one prime p: what decrypting and drawing need.
struct PaillierPrime {
  Big p;
  Big p_squared;
  Big alpha;     // prime, divides p - 1
  Big cofactor;  // (p - 1) / alpha
  Big scale;     // L((1 + n)^alpha mod p^2)^-1 mod p, with L(x) = (x - 1) / p
  Montgomery by_p;
  Montgomery by_p_squared;
};

struct PaillierKey::Numbers {
  PaillierPrime p;
  PaillierPrime q;
  Big p_inverse;          // of p modulo q
  Big p_squared_inverse;  // of p^2 modulo q^2
};

/// Errors: kInvalidArgument for a modulus of other than an even number of bits in [2048, 8192].
[[nodiscard]] Status check_paillier_bits(unsigned bits);

[[nodiscard]] Big squared(const Big& value, const BigContext& context);

/// L(c^alpha mod p^2), in constant time but for the sizes of numbers. Errors: kInvalidArgument
/// where c^alpha is not 1 modulo p, so that c is no ciphertext, or one of somebody who does not
/// draw factors of the subgroup.
[[nodiscard]] Result<Big> logarithm(const Big& c,
                                    const PaillierPrime& prime,
                                    const BigContext& context);

/// The number in [0, a b) that is `x` modulo a and `y` modulo b; `a_inverse` is that of a modulo b.
[[nodiscard]] Big join(const Big& x,
                       const Big& a,
                       const Big& y,
                       const Big& b,
                       const Big& a_inverse,
                       const BigContext& context);

}  // namespace genesis::secure
