// Discriminator::add_clipped: what each row brings, clipped, without any row's gradient written
// down.
//
// A layer's gradient by one row is a sum of three products of an input and a gradient of
// pre-activations: of the real row, of the fake one, and of the penalty, whose own gradient has
// that form too (see discriminator.hpp). So the square of its norm is a sum over pairs of them,
// product of the inputs times product of the gradients (Goodfellow 2015; Rochette, Manoel & Tramel
// 2019).
#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/check.hpp"
#include "common/model/discriminator.hpp"
#include "common/model/kernels.hpp"

namespace genesis::model {
namespace {

// What a row may bring is clipped a little below the norm that is asked for, which is more than
// sums of single precision are off,
constexpr double kRounding = 1.0 - 0x1p-10;
// also where its three parts cancel: a norm counts as at least so much of what they have together.
constexpr double kLeastShare = 0x1p-13;
constexpr double kParts = 3.0;

double paired(const ThreeProducts& inputs, const ThreeProducts& gradients) {
  return inputs.aa * gradients.aa + inputs.bb * gradients.bb + inputs.cc * gradients.cc +
         2.0 * (inputs.ab * gradients.ab + inputs.ac * gradients.ac + inputs.bc * gradients.bc);
}

// The three parts each by itself.
double apart(const ThreeProducts& inputs, const ThreeProducts& gradients) {
  return inputs.aa * gradients.aa + inputs.bb * gradients.bb + inputs.cc * gradients.cc;
}

}  // namespace

double Discriminator::squared_norm(const Input& input, std::size_t row) const {
  const auto of = [&](const std::vector<float>& buffer, std::size_t n, Section section) {
    return buffer.data() + (section * groups_ + row) * n;
  };
  const auto products = [&](const std::vector<float>& buffer, std::size_t n) {
    return products_of(of(buffer, n, kReal), of(buffer, n, kFake), of(buffer, n, kBetween), n);
  };
  // The first layer's inputs: of the real row, only what is not 0 is there.
  const float* const fake = input_gradient_.data() + row * inputs_;
  const float* const slope = input_gradient_.data() + (groups_ + row) * inputs_;
  ThreeProducts inputs = products_of(fake, fake, slope, dense_);
  inputs = {.aa = 0.0, .bb = inputs.aa, .cc = sum_of_squares(slope, inputs_), .bc = inputs.ac};
  const auto add_real = [&](std::size_t place, double value) {
    inputs.aa += value * value;
    inputs.ab += value * static_cast<double>(fake[place]);
    inputs.ac += value * static_cast<double>(slope[place]);
  };
  const RealRows& real = *input.real;
  for (std::size_t k = 0; k < real.modes_per_row; ++k) {
    add_real(real.modes[row * real.modes_per_row + k], 1.0);
  }
  for (std::size_t k = 0; k < real.values_per_row; ++k) {
    add_real(real.value_columns[k],
             static_cast<double>(real.values[row * real.values_per_row + k]));
  }
  if (network_->condition_width > 0) {
    const std::size_t of_real = input.real_condition[row];
    const std::size_t of_fake = input.fake_condition[row];
    inputs.aa += 1.0;
    inputs.bb += 1.0;
    inputs.ab += of_real == of_fake ? 1.0 : 0.0;
    inputs.ac += static_cast<double>(slope[dense_ + of_real]);
    inputs.bc += static_cast<double>(slope[dense_ + of_fake]);
  }

  double squares = 0.0;
  double parts = 0.0;
  for (std::size_t l = 0; l < network_->layers.size(); ++l) {
    const LinearPlace& place = network_->layers[l];
    const auto gradients = products(d_[l], place.outputs);
    squares += paired(inputs, gradients);
    parts += apart(inputs, gradients);
    // The penalty has no part in biases.
    squares += gradients.aa + gradients.bb + 2.0 * gradients.ab;
    parts += gradients.aa + gradients.bb;
    inputs = products(h_[l], place.outputs);
  }
  // The output's gradient is that of each score, -1, 1 and 1, times what it was made of.
  squares += inputs.aa + inputs.bb + inputs.cc + 2.0 * (inputs.bc - inputs.ab - inputs.ac);
  parts += inputs.aa + inputs.bb + inputs.cc;
  return std::max(squares, 0.0) + kLeastShare * kLeastShare * kParts * parts;
}

void Discriminator::scale_row(std::size_t row, float factor) {
  for (std::size_t section = 0; section < kSections; ++section) {
    const std::size_t at = section * groups_ + row;
    score_gradient_[at] *= factor;
    for (std::size_t l = 0; l < network_->layers.size(); ++l) {
      const std::size_t n = network_->layers[l].outputs;
      if (factor == 0.0F) {  // a row that is left out may not be finite
        std::fill_n(d_[l].data() + at * n, n, 0.0F);
        std::fill_n(h_[l].data() + at * n, n, 0.0F);
      } else {
        scale_all(d_[l].data() + at * n, factor, n);
      }
    }
  }
  if (factor == 0.0F) {
    std::fill_n(input_gradient_.data() + row * inputs_, inputs_, 0.0F);
    std::fill_n(input_gradient_.data() + (groups_ + row) * inputs_, inputs_, 0.0F);
  }
}

void Discriminator::add_clipped(const Input& input, double most, std::span<float> sum) {
  GENESIS_CHECK(network_->pac == 1, "a row is clipped by itself");
  GENESIS_CHECK(input.fake.rows <= groups_, "buffers are large enough");
  if (input.fake.rows == 0) {
    return;
  }
  const std::size_t room = std::exchange(groups_, input.fake.rows);
  both_ways(input, 1);
  for (std::size_t row = 0; row < groups_; ++row) {
    const double norm = std::sqrt(squared_norm(input, row));
    const double scaled = most * kRounding / norm;
    const float factor = std::isfinite(norm) ? static_cast<float>(std::min(1.0, scaled)) : 0.0F;
    if (factor != 1.0F) {
      scale_row(row, factor);
    }
  }
  clipped_.resize(sum.size());
  weight_gradients(input, clipped_);
  for (std::size_t k = 0; k < sum.size(); ++k) {
    sum[k] += clipped_[k];
  }
  groups_ = room;
}

}  // namespace genesis::model
