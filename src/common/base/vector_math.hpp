#pragma once
// Elementary functions for loops that the compiler vectorises: no branch, no table, no errno.
// Coefficients: S. Moshier, Cephes library (single precision); the errors are those measured by the
// tests over the whole range.
#include <bit>
#include <cstdint>

#include "common/base/target.hpp"

namespace genesis {

/// e^x, relative error below 3e-7; x is clamped to [-87, 87].
GENESIS_INLINE float fast_exp(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 87.0F ? 87.0F : x;
  const float scaled = x * 1.44269504088896341F;
  const auto n = static_cast<std::int32_t>(scaled + (scaled < 0.0F ? -0.5F : 0.5F));
  const auto k = static_cast<float>(n);
  const float r = (x - k * 0.693359375F) + k * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  return p * std::bit_cast<float>((n + 127) << 23);
}

/// ln x for normal positive x, absolute error below 2e-7 near 1, relative 2e-7 elsewhere.
GENESIS_INLINE float fast_log(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  // The mantissa in [sqrt(1/2), sqrt(2)).
  const std::int32_t exponent = (bits - 0x3f3504f3) >> 23;
  const float m = std::bit_cast<float>(bits - (exponent << 23)) - 1.0F;
  const auto e = static_cast<float>(exponent);
  float p = 7.0376836292e-2F;
  p = p * m - 1.1514610310e-1F;
  p = p * m + 1.1676998740e-1F;
  p = p * m - 1.2420140846e-1F;
  p = p * m + 1.4249322787e-1F;
  p = p * m - 1.6668057665e-1F;
  p = p * m + 2.0000714765e-1F;
  p = p * m - 2.4999993993e-1F;
  p = p * m + 3.3333331174e-1F;
  const float square = m * m;
  const float tail = m * square * p - 2.12194440e-4F * e - 0.5F * square;
  return m + tail + 0.693359375F * e;
}

/// tanh x, absolute error below 2e-7.
GENESIS_INLINE float fast_tanh(float x) {
  return 1.0F - 2.0F / (fast_exp(2.0F * x) + 1.0F);
}

struct SinCos {
  float sin, cos;
};

/// sin and cos of a full turn's share `t` in [0, 1], absolute error below 2e-7.
GENESIS_INLINE SinCos sin_cos_of_turn(float t) {
  const float quarters = t * 4.0F;
  const auto q = static_cast<std::int32_t>(quarters + 0.5F);
  const float a = (quarters - static_cast<float>(q)) * 1.57079632679489662F;  // [-pi/4, pi/4]
  const float a2 = a * a;
  float s = -1.9515295891e-4F;
  s = s * a2 + 8.3321608736e-3F;
  s = s * a2 - 1.6666654611e-1F;
  s = s * a2 * a + a;
  float c = 2.443315711809948e-5F;
  c = c * a2 - 1.388731625493765e-3F;
  c = c * a2 + 4.166664568298827e-2F;
  c = c * a2 * a2 - 0.5F * a2 + 1.0F;
  const bool odd = (q & 1) != 0;
  const float sine = odd ? c : s;
  const float cosine = odd ? s : c;
  return {(q & 2) != 0 ? -sine : sine, ((q + 1) & 2) != 0 ? -cosine : cosine};
}

}  // namespace genesis
