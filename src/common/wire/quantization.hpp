#pragma once
// Float32 values in fewer bits, as updates may travel. Pure, and exact where it can be: what has
// been rounded once is rounded to itself, so an update has one form in memory, on disk and on the
// wire. What rounding takes away stays with the sender, which adds it to its next update (error
// feedback: Seide et al. 2014, "1-bit stochastic gradient descent"; Karimireddy et al. 2019, "Error
// feedback fixes SignSGD").
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/tensors.hpp"

namespace genesis::wire {

enum class Quantization {
  kNone,
  kFp16,  // IEEE 754 binary16, to nearest even; beyond 65504 it saturates
  kInt8,  // -127 to 127 times a power of two, one for each tensor
};

/// The values that travel in place of `tensors`', which are finite.
[[nodiscard]] Tensors quantized(Tensors tensors, Quantization quantization);

/// A finite value as binary16, and back (also from infinities and NaN).
[[nodiscard]] std::uint16_t to_half(float value);
[[nodiscard]] float from_half(std::uint16_t half);

/// The least e, at least -149, for which no |value| is above 127 * 2^e: then value / 2^e, rounded
/// to even, fits into -127 to 127, and the products are exact in float32.
[[nodiscard]] int int8_exponent(std::span<const float> values);
[[nodiscard]] std::int8_t to_int8(float value, int exponent);
[[nodiscard]] float from_int8(std::int8_t value, int exponent);

inline constexpr int kMinInt8Exponent = -149;  // the least denormal float32
inline constexpr int kMaxInt8Exponent = 121;   // 127 * 2^121 is still finite

}  // namespace genesis::wire
