#include "common/privacy/normal.hpp"

#include <cmath>
#include <limits>
#include <numbers>

namespace genesis::privacy {

double normal_density(double x) {
  static const double kScale = 1 / std::sqrt(2 * std::numbers::pi);
  return kScale * std::exp(-x * x / 2);
}

double normal_cdf(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

double normal_tail(double x) {
  return std::erfc(x / std::numbers::sqrt2) / 2;
}

double mills_ratio(double x) {
  if (x < 6) {
    return normal_tail(x) / normal_density(x);
  }
  // 1 / (x + 1 / (x + 2 / (x + 3 / …))) from the inside out; 60 terms are exact to the last bit
  // from x = 6 on.
  double tail = x;
  for (int k = 60; k >= 1; --k) {
    tail = x + k / tail;
  }
  return 1 / tail;
}

double normal_between(double a, double b) {
  return a > 0 ? normal_tail(a) - normal_tail(b) : normal_cdf(b) - normal_cdf(a);
}

double normal_quantile(double p) {
  if (p <= 0) {
    return -std::numeric_limits<double>::infinity();
  }
  if (p >= 1) {
    return std::numeric_limits<double>::infinity();
  }
  // In the lower half, where cdf is precise.
  const double mass = p < 0.5 ? p : 1 - p;
  double low = -40;
  double high = 0;
  for (int i = 0; i < 100 && low < high; ++i) {
    const double middle = (low + high) / 2;
    if (middle == low || middle == high) {
      break;
    }
    (normal_cdf(middle) < mass ? low : high) = middle;
  }
  return p < 0.5 ? low : -low;
}

}  // namespace genesis::privacy
