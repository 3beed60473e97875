#pragma once
// An oracle for the accountant: convolved on the integers, without a grid.
#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

#include "common/privacy/fft.hpp"
#include "common/privacy/loss_distribution.hpp"

namespace genesis::privacy {

/// The exact delta of tables that all have the same noise: the loss is a function of the sum of the
/// noise.
inline Delta exact_delta(const NoisyCounts& counts, Epsilon epsilon) {
  // S is the sum of the tables' noise; the loss is shift (tables * shift - 2 S) / (2 variance).
  const double deviation = std::sqrt(counts.variance);
  const auto far = static_cast<std::int64_t>(std::ceil(10 * deviation)) + 2;
  const auto tables = static_cast<double>(counts.tables);
  const auto reach =
      static_cast<std::int64_t>(std::ceil(10 * deviation * std::sqrt(tables))) + 2 + far;
  const std::size_t size = std::bit_ceil(static_cast<std::size_t>(2 * reach + 1));
  const auto period = static_cast<std::int64_t>(size);
  std::vector<std::complex<double>> noise(size);
  double total = 0;
  for (std::int64_t y = -far; y <= far; ++y) {
    total += std::exp(-static_cast<double>(y * y) / (2 * counts.variance));
  }
  for (std::int64_t y = -far; y <= far; ++y) {
    noise[static_cast<std::size_t>((y + period) % period)] =
        std::exp(-static_cast<double>(y * y) / (2 * counts.variance)) / total;
  }
  const Fft fft(size);
  fft.forward(noise);
  for (auto& value : noise) {
    value = std::pow(value, static_cast<double>(counts.tables));
  }
  fft.inverse(noise);
  const auto shift = static_cast<double>(counts.shift);
  double delta = 0;
  for (std::int64_t s = -reach; s <= reach; ++s) {
    const double loss =
        shift * (tables * shift - 2 * static_cast<double>(s)) / (2 * counts.variance);
    if (loss > epsilon.value) {
      const double p = noise[static_cast<std::size_t>((s + period) % period)].real();
      delta += std::max(0.0, p) * -std::expm1(epsilon.value - loss);
    }
  }
  return Delta{delta};
}

}  // namespace genesis::privacy
