#include "common/privacy/noise_bits.hpp"

#include "common/crypto/entropy.hpp"

namespace genesis::privacy {

void NoiseBits::fill(std::span<std::uint64_t> words) {
  if (fixed_) {
    fixed_(words);
    return;
  }
  crypto::fill_private(std::as_writable_bytes(words));
}

}  // namespace genesis::privacy
