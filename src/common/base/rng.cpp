#include "common/base/rng.hpp"

#include <bit>
#include <cmath>

#include "common/base/check.hpp"

namespace genesis {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// FNV-1a over the text, with its length, so that ("ab", "c") and ("a", "bc") differ.
std::uint64_t hash(std::uint64_t h, std::string_view text) {
  constexpr std::uint64_t kPrime = 0x100000001b3ULL;
  for (const char c : text) {
    h = (h ^ static_cast<unsigned char>(c)) * kPrime;
  }
  return (h ^ text.size()) * kPrime;
}

}  // namespace

Rng::Rng(std::uint64_t seed, RoundId round, std::string_view client, std::string_view purpose) {
  std::uint64_t mixer = hash(hash(0xcbf29ce484222325ULL, client), purpose);
  mixer ^= splitmix64(seed);
  std::uint64_t round_bits = round.value;
  mixer += splitmix64(round_bits);
  for (auto& word : state_) {
    word = splitmix64(mixer);
  }
}

Rng Rng::restore(const std::array<std::uint64_t, 4>& state) {
  Rng rng;
  rng.state_ = state;
  return rng;
}

std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Rng::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

std::uint64_t Rng::below(std::uint64_t bound) {
  GENESIS_CHECK(bound > 0, "an empty range has no member");
  const std::uint64_t threshold = (0 - bound) % bound;
  while (true) {
    const std::uint64_t x = next();
    // The high 64 bits of x * bound, in 32-bit halves: __int128 is an extension.
    const std::uint64_t x_hi = x >> 32, x_lo = x & 0xffffffffULL;
    const std::uint64_t b_hi = bound >> 32, b_lo = bound & 0xffffffffULL;
    const std::uint64_t mid = x_hi * b_lo + ((x_lo * b_lo) >> 32);
    const std::uint64_t mid2 = x_lo * b_hi + (mid & 0xffffffffULL);
    const std::uint64_t high = x_hi * b_hi + (mid >> 32) + (mid2 >> 32);
    if (x * bound >= threshold) {
      return high;
    }
  }
}

double Rng::normal() {
  while (true) {
    const double u = 2.0 * uniform() - 1.0;
    const double v = 2.0 * uniform() - 1.0;
    const double s = u * u + v * v;
    if (s > 0.0 && s < 1.0) {
      return u * std::sqrt(-2.0 * std::log(s) / s);
    }
  }
}

}  // namespace genesis
