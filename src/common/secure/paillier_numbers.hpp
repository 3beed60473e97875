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
  Big p_minus_1;
  Big scale;  // L((1 + n)^(p - 1) mod p^2)^-1 mod p, with L(x) = (x - 1) / p
  Montgomery by_p;
  Montgomery by_p_squared;
};

struct PaillierKey::Numbers {
  PaillierPrime p;
  PaillierPrime q;
  Big p_inverse;          // of p modulo q
  Big p_squared_inverse;  // of p^2 modulo q^2
};

/// The number in [0, a b) that is `x` modulo a and `y` modulo b; `a_inverse` is that of a modulo b.
[[nodiscard]] Big join(const Big& x,
                       const Big& a,
                       const Big& y,
                       const Big& b,
                       const Big& a_inverse,
                       const BigContext& context);

}  // namespace genesis::secure
