#pragma once
// Reproducible randomness: a stream is named by what it is for, so the same (seed, round, client,
// purpose) gives the same numbers in every process and in any order of calls. Never for keys or
// privacy noise: those take crypto::Entropy.
// xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64 over a hash of the name.
#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/ids.hpp"

namespace genesis {

class Rng {
 public:
  using result_type = std::uint64_t;

  /// `client` may be empty for streams of the server.
  Rng(std::uint64_t seed, RoundId round, std::string_view client, std::string_view purpose);

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()() { return next(); }

  std::uint64_t next();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [0, bound), without bias (Lemire 2019). bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal (polar method).
  double normal();

  /// State of the stream, to be stored and restored.
  [[nodiscard]] std::array<std::uint64_t, 4> state() const { return state_; }
  static Rng restore(const std::array<std::uint64_t, 4>& state);

 private:
  Rng() = default;
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace genesis
