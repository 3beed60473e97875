#include "common/mixture/vectors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "common/base/target.hpp"
#include "common/base/vector_math.hpp"

namespace genesis::mixture {
namespace {

using Out = float* __restrict__;
using In = const float* __restrict__;

GENESIS_KERNEL void exponentials(Out values, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = fast_exp(values[i]);
  }
}

GENESIS_KERNEL void add(Out to, In from, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    to[i] += from[i];
  }
}

GENESIS_KERNEL void scale_kernel(Out to, In from, float factor, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = factor * from[i];
  }
}

GENESIS_KERNEL void add_scaled_kernel(Out to, In from, float factor, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    to[i] += factor * from[i];
  }
}

GENESIS_KERNEL void adam_kernel(
    Out value, In gradient, Out first, Out second, const AdamRates& r, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const float g = gradient[i];
    const float m = r.first_decay * first[i] + (1.0F - r.first_decay) * g;
    const float v = r.second_decay * second[i] + (1.0F - r.second_decay) * g * g;
    first[i] = m;
    second[i] = v;
    value[i] -= r.rate * m / (std::sqrt(v * r.second_scale) + r.epsilon);
  }
}

}  // namespace

void softmax(std::span<float> values,
             std::span<const float> bias,
             std::span<const std::uint32_t> offsets) {
  add(values.data(), bias.data(), values.size());
  for (std::size_t c = 0; c + 1 < offsets.size(); ++c) {
    const auto column = values.subspan(offsets[c], offsets[c + 1] - offsets[c]);
    float most = column.empty() ? 0.0F : column[0];
    for (const float value : column) {
      most = std::max(most, value);
    }
    for (float& value : column) {
      value -= most;
    }
  }
  exponentials(values.data(), values.size());
  for (std::size_t c = 0; c + 1 < offsets.size(); ++c) {
    const auto column = values.subspan(offsets[c], offsets[c + 1] - offsets[c]);
    float sum = 0.0F;
    for (const float value : column) {
      sum += value;
    }
    const float inverse = 1.0F / sum;
    for (float& value : column) {
      value *= inverse;
    }
  }
}

void softmax_gradient(std::span<float> gradient,
                      std::span<const float> shares,
                      std::span<const std::uint32_t> offsets,
                      float scale) {
  for (std::size_t c = 0; c + 1 < offsets.size(); ++c) {
    float mean = 0.0F;
    for (std::size_t i = offsets[c]; i < offsets[c + 1]; ++i) {
      mean += shares[i] * gradient[i];
    }
    for (std::size_t i = offsets[c]; i < offsets[c + 1]; ++i) {
      gradient[i] = scale * shares[i] * (gradient[i] - mean);
    }
  }
}

void scale(std::span<float> to, std::span<const float> from, float factor) {
  scale_kernel(to.data(), from.data(), factor, to.size());
}

void add_scaled(std::span<float> to, std::span<const float> from, float factor) {
  add_scaled_kernel(to.data(), from.data(), factor, to.size());
}

float dot(std::span<const float> a, std::span<const float> b) {
  constexpr std::size_t kParts = 16;
  std::array<float, kParts> sums{};
  std::size_t i = 0;
  for (; i + kParts <= a.size(); i += kParts) {
    for (std::size_t p = 0; p < kParts; ++p) {
      sums[p] += a[i + p] * b[i + p];
    }
  }
  float sum = 0.0F;
  for (const float part : sums) {
    sum += part;
  }
  for (; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

void adam(std::span<float> value,
          std::span<const float> gradient,
          std::span<float> first,
          std::span<float> second,
          const AdamRates& rates) {
  adam_kernel(value.data(), gradient.data(), first.data(), second.data(), rates, value.size());
}

}  // namespace genesis::mixture
