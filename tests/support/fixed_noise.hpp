#pragma once
// Noise that a test can repeat. In tests alone: no library and no program includes this.
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "common/base/rng.hpp"
#include "common/privacy/noise_bits.hpp"

namespace genesis::privacy {

struct NoiseBitsForTests {
  /// From now on `bits` are what `source` writes.
  static void fix(NoiseBits& bits, std::function<void(std::span<std::uint64_t>)> source) {
    bits.fixed_ = std::move(source);
  }
  /// From now on `bits` are those of a reproducible stream.
  static void seed(NoiseBits& bits, std::uint64_t seed) {
    fix(bits, [rng = Rng(seed, RoundId{0}, "", "noise")](std::span<std::uint64_t> words) mutable {
      for (auto& word : words) {
        word = rng.next();
      }
    });
  }
};

}  // namespace genesis::privacy
