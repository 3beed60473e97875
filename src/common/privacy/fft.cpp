#include "common/privacy/fft.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "common/base/check.hpp"

namespace genesis::privacy {
namespace {

// Without the library's care for infinities, which takes most of the time.
std::complex<double> product(std::complex<double> a, std::complex<double> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

Fft::Fft(std::size_t size) : size_(size) {
  GENESIS_CHECK(std::has_single_bit(size), "a transform has a power of two of values");
  roots_.reserve(size / 2);
  for (std::size_t k = 0; k < size / 2; ++k) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(size);
    roots_.emplace_back(std::cos(angle), std::sin(angle));
  }
}

void Fft::forward(std::span<std::complex<double>> values) const {
  transform(values);
}

void Fft::inverse(std::span<std::complex<double>> values) const {
  transform(values);
  std::reverse(values.begin() + 1, values.end());
  const double scale = 1 / static_cast<double>(size_);
  for (auto& value : values) {
    value *= scale;
  }
}

// Cooley and Tukey: bits of the index reversed, then butterflies of growing width.
void Fft::transform(std::span<std::complex<double>> values) const {
  GENESIS_CHECK(values.size() == size_, "a transform takes as many values as it was made for");
  for (std::size_t i = 1, j = 0; i < size_; ++i) {
    std::size_t bit = size_ >> 1U;
    for (; (j & bit) != 0; bit >>= 1U) {
      j ^= bit;
    }
    j ^= bit;
    if (i < j) {
      std::swap(values[i], values[j]);
    }
  }
  for (std::size_t half = 1; half < size_; half *= 2) {
    const std::size_t stride = size_ / (2 * half);
    for (std::size_t block = 0; block < size_; block += 2 * half) {
      for (std::size_t k = 0; k < half; ++k) {
        const auto odd = product(roots_[k * stride], values[block + half + k]);
        const auto even = values[block + k];
        values[block + k] = even + odd;
        values[block + half + k] = even - odd;
      }
    }
  }
}

}  // namespace genesis::privacy
