#include "common/privacy/gaussian_noise.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/target.hpp"
#include "common/base/vector_math.hpp"
#include "common/privacy/cost.hpp"

namespace genesis::privacy {
namespace {

constexpr std::size_t kPairs = 1024;                 // that are drawn at once
constexpr std::size_t kWords = kPairs + kPairs / 2;  // radii, then two directions a word
constexpr int kGridBits = 14;                        // of the grid below the deviation
constexpr std::size_t kCoins = 4096;                 // that are tossed at once

// Below this a word is far out: its upper bits say too little.
constexpr std::uint64_t kFarOut = std::uint64_t{1} << 33U;

// -ln of the uniform number in (0, 1) that 64 bits tell, exact in relation to what it is, also near
// 0; but for what is far out. The upper and the lower bits go to floats by themselves, since the
// signed conversion of 32 bits is the one that vectorises.
GENESIS_INLINE float exponential(std::uint64_t word) {
  const bool is_high = (word >> 63) != 0;
  const std::uint64_t distance = is_high ? ~word : word;  // from the nearer end
  const auto upper = static_cast<std::int32_t>(distance >> 33);
  const auto lower = static_cast<std::int32_t>((distance >> 2) & 0x7fffffff);
  const float near = static_cast<float>(upper) * 0x1.0p-31F +
                     (static_cast<float>(lower) + 0.5F) * 0x1.0p-62F;  // in (0, 1/2)
  const float from_below = -fast_log(near);
  const float series = near * (1.0F + near * (0.5F + near * (0.33333334F + near * 0.25F)));
  const float from_above = near < 0.01F ? series : -fast_log(1.0F - near);
  return is_high ? from_above : from_below;
}

GENESIS_KERNEL void make_exponentials(const std::uint64_t* words, float* exponentials) {
  for (std::size_t i = 0; i < kPairs; ++i) {
    exponentials[i] = exponential(words[i]);
  }
}

// The same with 64 bits more.
float far_out(std::uint64_t word, std::uint64_t more) {
  const double uniform =
      (static_cast<double>(word) + (static_cast<double>(more) + 0.5) * 0x1p-64) * 0x1p-64;
  return static_cast<float>(-std::log(uniform));
}

GENESIS_KERNEL void add_pairs(const float* exponentials,
                              const std::uint64_t* directions,
                              float deviation,
                              float grid,
                              float* values,
                              std::size_t count) {
  alignas(64) float drawn[2 * kPairs];
  const float scale = 1.0F / grid;
  for (std::size_t i = 0; i < kPairs / 2; ++i) {
    const std::uint64_t both = directions[i];
    const auto one = static_cast<std::int32_t>((both >> 8) & 0xffffff);
    const auto other = static_cast<std::int32_t>(both >> 40);
    const SinCos at = sin_cos_of_turn((static_cast<float>(one) + 0.5F) * 0x1.0p-24F);
    const SinCos then = sin_cos_of_turn((static_cast<float>(other) + 0.5F) * 0x1.0p-24F);
    const float radius = deviation * std::sqrt(2.0F * exponentials[i]);
    const float next = deviation * std::sqrt(2.0F * exponentials[kPairs / 2 + i]);
    drawn[i] = radius * at.cos;
    drawn[kPairs / 2 + i] = next * then.cos;
    drawn[kPairs + i] = radius * at.sin;
    drawn[kPairs + kPairs / 2 + i] = next * then.sin;
  }
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = std::nearbyint((values[i] + drawn[i]) * scale) * grid;
  }
}

}  // namespace

void GaussianNoise::add(double deviation, std::span<float> values) {
  const auto grid = static_cast<float>(std::exp2(std::floor(std::log2(deviation)) - kGridBits));
  words_.resize(kWords);
  exponentials_.resize(kPairs);
  const std::span radii = std::span(words_).first(kPairs);
  for (std::size_t i = 0; i < values.size(); i += 2 * kPairs) {
    bits_->fill(words_);
    make_exponentials(radii.data(), exponentials_.data());
    for (std::size_t k = 0; k < kPairs; ++k) {
      if (radii[k] < kFarOut) {  // one pair of 2^31
        std::uint64_t more = 0;
        bits_->fill({&more, 1});
        exponentials_[k] = far_out(radii[k], more);
      }
    }
    add_pairs(exponentials_.data(),
              words_.data() + kPairs,
              static_cast<float>(deviation),
              grid,
              values.data() + i,
              std::min(2 * kPairs, values.size() - i));
  }
}

std::vector<std::uint32_t> sample_rows(NoiseBits& bits, std::size_t rows, std::uint64_t sampling) {
  std::vector<std::uint32_t> taken;
  std::array<std::uint64_t, kCoins> words{};
  for (std::size_t first = 0; first < rows; first += kCoins) {
    const std::size_t count = std::min(kCoins, rows - first);
    bits.fill(std::span(words).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      // Below sampling 2^-32: the upper half of the word decides.
      if (words[i] >> 32U < sampling) {
        taken.push_back(static_cast<std::uint32_t>(first + i));
      }
    }
  }
  return taken;
}

}  // namespace genesis::privacy
