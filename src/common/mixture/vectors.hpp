#pragma once
// The steps of fit() that go over one row of values after another.
#include <cstdint>
#include <span>

namespace genesis::mixture {

/// values + bias becomes the softmax of each column's bins, offsets[c] to offsets[c + 1].
void softmax(std::span<float> values,
             std::span<const float> bias,
             std::span<const std::uint32_t> offsets);
/// The gradient by the shares becomes `scale` times the gradient by what softmax was taken of.
void softmax_gradient(std::span<float> gradient,
                      std::span<const float> shares,
                      std::span<const std::uint32_t> offsets,
                      float scale);
void scale(std::span<float> to, std::span<const float> from, float factor);
void add_scaled(std::span<float> to, std::span<const float> from, float factor);
/// Summed in 16 parts, which are added up in order.
[[nodiscard]] float dot(std::span<const float> a, std::span<const float> b);

struct AdamRates {
  float first_decay = 0.0F;
  float second_decay = 0.0F;
  float rate = 0.0F;          // with the first moment's correction
  float second_scale = 0.0F;  // the second moment's correction
  float epsilon = 0.0F;
};
void adam(std::span<float> value,
          std::span<const float> gradient,
          std::span<float> first,
          std::span<float> second,
          const AdamRates& rates);

}  // namespace genesis::mixture
