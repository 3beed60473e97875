#pragma once
// Random numbers by the array: sixteen xoshiro128++ generators (Blackman, Vigna 2018) side by side,
// each seeded from one named stream of base/Rng. The same stream gives the same numbers for the
// same sequence of calls, in one build on one kind of processor.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/rng.hpp"

namespace genesis::model {

class NoiseStream {
 public:
  static constexpr std::size_t kLanes = 16;

  explicit NoiseStream(Rng seeds);

  /// Uniform in (0, 1), 23 bits.
  void uniform(std::span<float> out);
  /// -ln(uniform): a unit exponential in [6e-8, 17.4].
  void exponential(std::span<float> out);
  /// Standard normal (Box and Muller 1958); tails end at 5.9 because of the 23 bits.
  void normal(std::span<float> out);
  /// 0 or 2, each half of the time: dropout at 0.5, scaled.
  void dropout(std::span<float> out);

  struct State {
    alignas(64) std::array<std::array<std::uint32_t, kLanes>, 4> words{};
  };

 private:
  State state_;
};

}  // namespace genesis::model
