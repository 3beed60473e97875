#include "common/privacy/cumulative_table.hpp"

#include <array>
#include <cmath>
#include <utility>

namespace genesis::privacy {
namespace {

// A number as the exact sum of two doubles, some 106 bits. Addition: Knuth; product: Dekker, with a
// fused multiply-add for the rounding error.
struct Double2 {
  double high = 0;
  double low = 0;
};

Double2 renormalised(double high, double low) {
  const double sum = high + low;
  return {sum, low - (sum - high)};
}

Double2 operator+(Double2 a, Double2 b) {
  const double sum = a.high + b.high;
  const double other = sum - a.high;
  const double error = (a.high - (sum - other)) + (b.high - other);
  return renormalised(sum, error + a.low + b.low);
}

Double2 operator-(Double2 a) {
  return {-a.high, -a.low};
}

Double2 operator*(Double2 a, Double2 b) {
  const double product = a.high * b.high;
  const double error = std::fma(a.high, b.high, -product);
  return renormalised(product, error + (a.high * b.low + a.low * b.high));
}

Double2 operator/(Double2 a, Double2 b) {
  const double first = a.high / b.high;
  const Double2 rest = a + -(Double2{first, 0} * b);
  const double second = rest.high / b.high;
  const Double2 rest2 = rest + -(Double2{second, 0} * b);
  return renormalised(first, second) + Double2{rest2.high / b.high, 0};
}

Double2 scaled(Double2 a, int exponent) {
  return {std::ldexp(a.high, exponent), std::ldexp(a.low, exponent)};
}

// e^-y for y in [0, 100]: y = n ln 2 + r, e^-r by its series at r / 32, squared five times.
// Relative error below 2^-95.
Double2 exp_minus(Double2 y) {
  constexpr Double2 kLn2{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
  constexpr int kSquares = 5;
  constexpr int kTerms = 16;
  const double n = std::nearbyint(y.high / kLn2.high);
  const Double2 r = scaled(-(y + -(Double2{n, 0} * kLn2)), -kSquares);
  Double2 sum{1, 0};
  for (int k = kTerms; k >= 1; --k) {  // 1 + r (1 + r / 2 (1 + r / 3 (…)))
    sum = Double2{1, 0} + r * sum / Double2{static_cast<double>(k), 0};
  }
  for (int i = 0; i < kSquares; ++i) {
    sum = sum * sum;
  }
  return scaled(sum, -static_cast<int>(n));
}

// 126 binary places of a number in [0, 1), in six digits of 21 bits.
std::pair<std::uint64_t, std::uint64_t> words_of(Double2 rest) {
  constexpr unsigned kDigitBits = 21;
  std::array<std::uint64_t, 2> words{};
  for (auto& word : words) {
    for (int digit = 0; digit < 3; ++digit) {
      rest = scaled(rest, kDigitBits);
      double whole = std::floor(rest.high);
      if (whole == rest.high && rest.low < 0) {
        whole -= 1;
      }
      rest = rest + Double2{-whole, 0};
      word = (word << kDigitBits) + static_cast<std::uint64_t>(whole);
    }
  }
  return {words[0], words[1]};
}

}  // namespace

CumulativeTable make_cumulative_table(double variance) {
  // P(|X| > size) < 2 e^(-size^2 / (2 variance)), and size is 12 standard deviations.
  const auto size = static_cast<std::size_t>(std::ceil(12 * std::sqrt(variance)));
  const Double2 twice{2 * variance, 0};
  std::vector<Double2> above(size);  // sum over j > k of 2 e^(-j^2 / (2 variance))
  Double2 sum;
  for (std::size_t k = size; k >= 1; --k) {  // small ones first
    const auto square = static_cast<double>(k * k);
    sum = sum + scaled(exp_minus(Double2{square, 0} / twice), 1);
    above[k - 1] = sum;
  }
  const Double2 total = sum + Double2{1, 0};
  CumulativeTable table;
  for (const Double2& tail : above) {
    const auto [high, low] = words_of(tail / total);
    table.high.push_back(high);
    table.low.push_back(low);
  }
  return table;
}

}  // namespace genesis::privacy
