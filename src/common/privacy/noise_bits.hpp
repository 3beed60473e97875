#pragma once
// Where the random bits of privacy noise come from: the cryptographic generator, and nothing else.
// There is no constructor that takes a seed, a stream or another generator, so that no spec, server
// or caller can make noise that somebody else could repeat. Tests fix the bits through
// NoiseBitsForTests, which is declared here and defined in tests/support alone.
#include <cstdint>
#include <functional>
#include <span>

namespace genesis::privacy {

class NoiseBits final {
 public:
  NoiseBits() = default;
  NoiseBits(const NoiseBits&) = delete;  // two copies of one stream would repeat its noise
  NoiseBits& operator=(const NoiseBits&) = delete;

  /// Independent uniform bits in all of `words`.
  void fill(std::span<std::uint64_t> words);

 private:
  friend struct NoiseBitsForTests;
  std::function<void(std::span<std::uint64_t>)> fixed_;  // empty in every program
};

}  // namespace genesis::privacy
