#include "common/privacy/discrete_gaussian.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <openssl/crypto.h>

#include "common/base/target.hpp"

namespace genesis::privacy {
namespace {

// Draws made at once: the comparisons of a table's entry with all of them are one loop.
constexpr std::size_t kBlock = 64;

// Up to this variance one table; above it, a table of kInner and eight times the rest.
constexpr double kLargestTable = 1600;
constexpr double kInner = 400;
constexpr int kScale = 8;

// Distance of one table from its discrete Gaussian: 2 e^-72 for what is cut off, at most 481
// entries rounded by 2^-63 * 2^-53 or less, and probabilities with a relative error below 2^-94.
constexpr double kTableDistance = 2 * 5.380186160021138e-32 + 481 * 0x1p-115 + 0x1p-93;

/// counts[i] += the number of entries above the number i of 126 bits. Words of 63 bits, so that a
/// subtraction's sign bit is the comparison.
GENESIS_KERNEL void count_above(const CumulativeTable& table,
                                const std::array<std::uint64_t, kBlock>& high,
                                const std::array<std::uint64_t, kBlock>& low,
                                std::array<std::uint64_t, kBlock>& counts) {
  const std::uint64_t* table_high = table.high.data();
  const std::uint64_t* table_low = table.low.data();
  const std::size_t size = table.high.size();
  for (std::size_t k = 0; k < size; ++k) {
    const std::uint64_t entry_high = table_high[k];
    const std::uint64_t entry_low = table_low[k];
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::uint64_t borrow = (low[i] - entry_low) >> 63U;
      counts[i] += (high[i] - entry_high - borrow) >> 63U;
    }
  }
}

}  // namespace

DiscreteGaussian::DiscreteGaussian(NoiseVariance variance) {
  double rest = variance.value();
  std::int64_t scale = 1;
  while (rest > kLargestTable) {
    // x1 + 8 x2 has the right probabilities up to the factor sum over y of e^(-(y - c)^2 / (2
    // t^2)), t^2 = inner outer / rest, which is t sqrt(2 pi) (1 + r), |r| <= 2 sum over j > 0 of
    // e^(-2 pi^2 t^2 j^2), by Poisson's summation, for every c.
    const double outer = (rest - kInner) / (kScale * kScale);
    const double t2 = kInner * outer / rest;
    const double r = 2.01 * std::exp(-2 * std::numbers::pi * std::numbers::pi * t2);
    distance_ += r / (1 - r);
    layers_.push_back({make_cumulative_table(kInner), scale});
    scale *= kScale;
    rest = outer;
  }
  layers_.push_back({make_cumulative_table(rest), scale});
  distance_ += kTableDistance * static_cast<double>(layers_.size());
}

void DiscreteGaussian::draw(NoiseBits& bits, std::span<std::int64_t> noise) const {
  std::array<std::uint64_t, 2 * kBlock> words{};
  std::array<std::uint64_t, kBlock> high{};
  std::array<std::uint64_t, kBlock> low{};
  std::array<std::uint64_t, kBlock> counts{};
  std::array<std::int64_t, kBlock> drawn{};
  while (!noise.empty()) {
    drawn.fill(0);
    for (const Layer& layer : layers_) {
      bits.fill(words);
      for (std::size_t i = 0; i < kBlock; ++i) {
        high[i] = words[2 * i] >> 1U;
        low[i] = words[2 * i + 1] >> 1U;
      }
      counts.fill(0);
      count_above(layer.table, high, low, counts);
      for (std::size_t i = 0; i < kBlock; ++i) {
        const std::uint64_t negative = 0 - (words[2 * i] & 1U);  // all ones or all zeros
        const auto value = static_cast<std::int64_t>((counts[i] ^ negative) - negative);
        drawn[i] += layer.scale * value;
      }
    }
    const std::size_t count = std::min(kBlock, noise.size());
    std::copy_n(drawn.begin(), count, noise.begin());
    noise = noise.subspan(count);
  }
  OPENSSL_cleanse(words.data(), sizeof words);
  OPENSSL_cleanse(high.data(), sizeof high);
  OPENSSL_cleanse(low.data(), sizeof low);
  OPENSSL_cleanse(counts.data(), sizeof counts);
  OPENSSL_cleanse(drawn.data(), sizeof drawn);
}

double distance_delta(double distance, std::uint64_t cells, double epsilon) {
  return (1 + std::exp(std::min(epsilon, 700.0))) * static_cast<double>(cells) * distance;
}

}  // namespace genesis::privacy
