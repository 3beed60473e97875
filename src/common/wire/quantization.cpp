#include "common/wire/quantization.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace genesis::wire {
namespace {

constexpr std::uint32_t kMagnitude = 0x7FFFFFFFU;
constexpr std::uint32_t kLargestHalf = 0x477FE000U;  // 65504 as float32
constexpr std::uint32_t kLeastNormal = 0x38800000U;  // 2^-14
constexpr std::uint32_t kRebias = (127U - 15U) << 10U;

}  // namespace

std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16U & 0x8000U;
  const std::uint32_t magnitude = bits & kMagnitude;
  std::uint32_t half = 0;
  if (magnitude >= kLargestHalf) {
    half = 0x7BFFU;
  } else if (magnitude < kLeastNormal) {
    // In units of 2^-24; 1024 of them are the least normal number, and its bits.
    half =
        static_cast<std::uint32_t>(std::nearbyint(std::ldexp(std::bit_cast<float>(magnitude), 24)));
  } else {
    const std::uint32_t tie_to_even = magnitude >> 13U & 1U;
    half = ((magnitude + 0x0FFFU + tie_to_even) >> 13U) - kRebias;
  }
  return static_cast<std::uint16_t>(sign | half);
}

float from_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t exponent = half >> 10U & 0x1FU;
  const std::uint32_t fraction = half & 0x3FFU;
  std::uint32_t magnitude = (half & 0x7FFFU) << 13U;
  if (exponent == 0x1FU) {
    magnitude = 0x7F800000U | fraction << 13U;
  } else if (exponent == 0) {
    magnitude = std::bit_cast<std::uint32_t>(std::ldexp(static_cast<float>(fraction), -24));
  } else {
    magnitude += kRebias << 13U;
  }
  return std::bit_cast<float>(sign | magnitude);
}

int int8_exponent(std::span<const float> values) {
  float most = 0.0F;
  for (const float value : values) {
    most = std::max(most, std::fabs(value));
  }
  if (most == 0.0F) {
    return kMinInt8Exponent;
  }
  int exponent = 0;
  const float fraction = std::frexp(most, &exponent);  // in [0.5, 1)
  const bool fits = fraction <= 127.0F / 128.0F;
  return std::max(kMinInt8Exponent, exponent - (fits ? 7 : 6));
}

// In double, where no power of two of these is out of range.
std::int8_t to_int8(float value, int exponent) {
  return static_cast<std::int8_t>(
      std::nearbyint(static_cast<double>(value) * std::ldexp(1.0, -exponent)));
}

float from_int8(std::int8_t value, int exponent) {
  return static_cast<float>(static_cast<double>(value) * std::ldexp(1.0, exponent));
}

Tensors quantized(Tensors tensors, Quantization quantization) {
  std::span<float> rest(tensors.values);
  for (const auto& spec : tensors.specs) {
    const auto values = rest.first(spec.element_count());
    rest = rest.subspan(values.size());
    switch (quantization) {
      case Quantization::kNone:
        break;
      case Quantization::kFp16:
        std::ranges::transform(
            values, values.begin(), [](float x) { return from_half(to_half(x)); });
        break;
      case Quantization::kInt8: {
        const int exponent = int8_exponent(values);
        std::ranges::transform(values, values.begin(), [exponent](float x) {
          return from_int8(to_int8(x, exponent), exponent);
        });
        break;
      }
    }
  }
  return tensors;
}

}  // namespace genesis::wire
