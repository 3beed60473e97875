#pragma once
// The discrete Fourier transform of a power of two of values, for the convolutions of the
// accountant. Pure.
#include <complex>
#include <cstddef>
#include <span>
#include <vector>

namespace genesis::privacy {

/// A transform of `size` values, a power of two; its tables are made once.
class Fft {
 public:
  explicit Fft(std::size_t size);

  [[nodiscard]] std::size_t size() const { return size_; }
  /// In place: X_k = sum over j of x_j e^(-2 pi i j k / size).
  void forward(std::span<std::complex<double>> values) const;
  /// In place, the inverse of forward(), scaled by 1 / size.
  void inverse(std::span<std::complex<double>> values) const;

 private:
  void transform(std::span<std::complex<double>> values) const;

  std::size_t size_;
  std::vector<std::complex<double>> roots_;  // e^(-2 pi i k / size), k < size / 2
};

}  // namespace genesis::privacy
