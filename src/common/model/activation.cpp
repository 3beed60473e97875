#include "common/model/activation.hpp"

#include <algorithm>
#include <cmath>

#include "common/model/kernels.hpp"

namespace genesis::model {
namespace {

constexpr float kSharpness = 1.0F / Activation::kTemperature;

float max_of(const float* values, std::size_t count) {
  float best = values[0];
  for (std::size_t i = 1; i < count; ++i) {
    best = values[i] > best ? values[i] : best;
  }
  return best;
}

}  // namespace

Activation::Activation(const Network& network, std::size_t batch) : spans_(network.spans) {
  std::size_t widest = 0;
  span_of_condition_.resize(network.condition_width);
  for (std::size_t s = 0; s < spans_.size(); ++s) {
    values_ += spans_[s].has_value ? 1U : 0U;
    widest = std::max(widest, spans_[s].modes);
    if (spans_[s].conditional) {
      std::fill_n(
          span_of_condition_.begin() + static_cast<std::ptrdiff_t>(spans_[s].condition_first),
          spans_[s].modes,
          static_cast<std::uint32_t>(s));
    }
  }
  tanh_.resize(batch * values_);
  gate_.resize(batch * values_);
  scratch_.resize(widest);
}

void Activation::forward(const float* bias,
                         const float* noise,
                         const Matrix& logits,
                         const Matrix& rows) {
  add_row(logits, bias);
  for (std::size_t r = 0; r < logits.rows; ++r) {
    const float* l = logits.data + r * logits.stride;
    float* y = rows.data + r * rows.stride;
    float* scalar = tanh_.data() + r * values_;
    for (const auto& span : spans_) {
      if (span.has_value) {
        *scalar++ = l[span.first - 1];
        y[span.first - 1] = 0.0F;
      }
      const float top = max_of(l + span.first, span.modes);
      for (std::size_t k = span.first; k < span.first + span.modes; ++k) {
        y[k] = (l[k] - top) * kSharpness;
      }
    }
  }
  tanh_all(tanh_.data(), logits.rows * values_);
  exp_over_noise5(rows.data, noise, rows.rows * rows.stride);
  for (std::size_t r = 0; r < rows.rows; ++r) {
    float* y = rows.data + r * rows.stride;
    const float* scalar = tanh_.data() + r * values_;
    float* gate = gate_.data() + r * values_;
    for (const auto& span : spans_) {
      float total = 0.0F;
      for (std::size_t k = span.first; k < span.first + span.modes; ++k) {
        total += y[k];
      }
      const float share = 1.0F / total;
      for (std::size_t k = span.first; k < span.first + span.modes; ++k) {
        y[k] *= share;
      }
      if (span.has_value) {
        float open = span.gate.empty() ? 1.0F : 0.0F;
        for (std::size_t k = 0; k < span.gate.size(); ++k) {
          open += span.gate[k] * y[span.first + k];
        }
        *gate++ = open;
        y[span.first - 1] = *scalar++ * open;
      }
    }
  }
}

void Activation::backward(const Matrix& rows, const Matrix& gradient) const {
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const float* y = rows.data + r * rows.stride;
    float* d = gradient.data + r * gradient.stride;
    const float* scalar = tanh_.data() + r * values_;
    const float* gate = gate_.data() + r * values_;
    for (const auto& span : spans_) {
      const float* p = y + span.first;
      float* dp = d + span.first;
      if (span.has_value) {
        const float through = d[span.first - 1];
        for (std::size_t k = 0; k < span.gate.size(); ++k) {
          dp[k] += through * *scalar * span.gate[k];
        }
        d[span.first - 1] = through * *gate * (1.0F - *scalar * *scalar);
        ++scalar;
        ++gate;
      }
      float mean = 0.0F;
      for (std::size_t k = 0; k < span.modes; ++k) {
        mean += p[k] * dp[k];
      }
      for (std::size_t k = 0; k < span.modes; ++k) {
        dp[k] = kSharpness * p[k] * (dp[k] - mean);
      }
    }
  }
}

double Activation::condition_loss(const ConstMatrix& logits,
                                  const std::uint32_t* condition,
                                  const Matrix& gradient) const {
  double loss = 0.0;
  const float share = 1.0F / static_cast<float>(logits.rows);
  for (std::size_t r = 0; r < logits.rows; ++r) {
    const Span& span = spans_[span_of_condition_[condition[r]]];
    const std::size_t target = condition[r] - span.condition_first;
    const float* l = logits.data + r * logits.stride + span.first;
    float* d = gradient.data + r * gradient.stride + span.first;
    const float top = max_of(l, span.modes);
    for (std::size_t k = 0; k < span.modes; ++k) {
      scratch_[k] = l[k] - top;
    }
    exp_all(scratch_.data(), span.modes);
    float total = 0.0F;
    for (std::size_t k = 0; k < span.modes; ++k) {
      total += scratch_[k];
    }
    for (std::size_t k = 0; k < span.modes; ++k) {
      d[k] += share * scratch_[k] / total;
    }
    d[target] -= share;
    loss += static_cast<double>(std::log(total) - (l[target] - top));
  }
  return loss / static_cast<double>(logits.rows);
}

}  // namespace genesis::model
