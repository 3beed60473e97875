#pragma once
// The Paillier key of 2,048 bits of tests/golden/secure/paillier.txt.
#include "common/secure/paillier.hpp"
#include "tests/unit/secure/vectors.hpp"

namespace genesis::secure {

inline PaillierKey golden_key() {
  const auto golden = vectors("paillier.txt");
  const auto factor = [&](const std::string& prime) {
    return PaillierFactor{.p = crypto::Secret(golden.at(prime)),
                          .alpha = crypto::Secret(golden.at("alpha." + prime))};
  };
  return PaillierKey::from_factors(factor("p"), factor("q")).value();
}

}  // namespace genesis::secure
