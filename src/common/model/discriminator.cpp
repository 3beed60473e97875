#include "common/model/discriminator.hpp"

#include <algorithm>
#include <cmath>

#include "common/model/kernels.hpp"

namespace genesis::model {
namespace {

double mean(const float* values, std::size_t count) {
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += static_cast<double>(values[i]);
  }
  return sum / static_cast<double>(count);
}

SparseRows sparse(const RealRows& rows) {
  return {.modes_per_row = rows.modes_per_row,
          .values_per_row = rows.values_per_row,
          .modes = rows.modes.data(),
          .value_columns = rows.value_columns.data(),
          .values = rows.values.data()};
}

// A conditional vector is a row with a single one.
SparseRows one_hot(std::span<const std::uint32_t> condition) {
  return {.modes_per_row = 1, .modes = condition.data()};
}

ConstMatrix weight_of(std::span<const float> weights, const LinearPlace& place) {
  return {weights.data() + place.weight, place.inputs, place.outputs, place.outputs};
}

}  // namespace

Discriminator::Discriminator(const Network& network, std::size_t groups)
    : network_(&network),
      groups_(groups),
      dense_(network.pac * network.width),
      inputs_(network.pac * (network.width + network.condition_width)),
      score_(kSections * groups),
      score_gradient_(kSections * groups),
      input_gradient_(2 * groups * inputs_) {
  for (const auto& layer : network.layers) {
    const std::size_t size = kSections * groups * layer.outputs;
    h_.emplace_back(size);
    slope_.emplace_back(size);
    d_.emplace_back(size);
    dropout_size_ += size;
  }
}

Matrix Discriminator::rows_of(std::vector<float>& buffer,
                              std::size_t n,
                              Section first,
                              std::size_t sections) const {
  return {buffer.data() + first * groups_ * n, sections * groups_, n, n};
}

void Discriminator::first_layer_fake(const float* weights,
                                     const ConstMatrix& fake,
                                     std::span<const std::uint32_t> condition) {
  const LinearPlace& place = network_->layers[0];
  const float* weight = weights + place.weight;
  const std::size_t n = place.outputs;
  const Matrix out = rows_of(h_[0], n, kFake, 1);
  // A group's rows lie one behind the other, as its dense inputs do.
  multiply({fake.data, groups_, dense_, dense_}, {weight, dense_, n, n}, out);
  if (network_->condition_width > 0) {
    add_sparse_rows(
        weight + dense_ * n, network_->condition_width, network_->pac, one_hot(condition), out);
  }
}

void Discriminator::first_layer_real(const float* weights, const Input& input) {
  const LinearPlace& place = network_->layers[0];
  const float* weight = weights + place.weight;
  const std::size_t n = place.outputs;
  const Matrix out = rows_of(h_[0], n, kReal, 1);
  std::fill_n(out.data, groups_ * n, 0.0F);
  add_sparse_rows(weight, network_->width, network_->pac, sparse(*input.real), out);
  if (network_->condition_width > 0) {
    add_sparse_rows(weight + dense_ * n,
                    network_->condition_width,
                    network_->pac,
                    one_hot(input.real_condition),
                    out);
  }
}

void Discriminator::forward(std::span<const float> weights,
                            std::span<const float> dropout,
                            Section first,
                            std::size_t sections) {
  const float* drop = dropout.data();
  for (std::size_t l = 0; l < network_->layers.size(); ++l) {
    const LinearPlace& place = network_->layers[l];
    const std::size_t n = place.outputs;
    const Matrix h = rows_of(h_[l], n, first, sections);
    if (l > 0) {
      const std::size_t inputs = place.inputs;
      multiply(view(rows_of(h_[l - 1], inputs, first, sections)), weight_of(weights, place), h);
    }
    leaky_relu_dropout(
        h, weights.data() + place.bias, drop, rows_of(slope_[l], n, first, sections).data);
    drop += h.rows * n;
  }
  const LinearPlace& output = network_->discriminator_output;
  row_dots(view(rows_of(h_.back(), output.inputs, first, sections)),
           weights.data() + output.weight,
           weights[output.bias],
           score_.data() + first * groups_);
}

void Discriminator::backward(std::span<const float> weights, Section first, std::size_t sections) {
  const std::size_t last = network_->layers.size() - 1;
  const LinearPlace& output = network_->discriminator_output;
  scaled_outer(score_gradient_.data() + first * groups_,
               weights.data() + output.weight,
               rows_of(slope_[last], output.inputs, first, sections).data,
               rows_of(d_[last], output.inputs, first, sections));
  for (std::size_t l = last; l > 0; --l) {
    const LinearPlace& place = network_->layers[l];
    const Matrix below = rows_of(d_[l - 1], place.inputs, first, sections);
    multiply(view(rows_of(d_[l], place.outputs, first, sections)),
             transpose(weight_of(weights, place)),
             below);
    scale_elementwise(below.data,
                      rows_of(slope_[l - 1], place.inputs, first, sections).data,
                      below.rows * below.columns);
  }
}

// The penalty, from d_[0]'s interpolated rows u: leaves d penalty / d g in input_gradient_'s lower
// half, where g = u W^T is the gradient of a score with respect to its group's input.
double Discriminator::penalty(std::span<const float> weights, std::size_t rows) {
  const LinearPlace& first = network_->layers[0];
  const Matrix g{input_gradient_.data() + groups_ * inputs_, groups_, inputs_, inputs_};
  multiply(
      view(rows_of(d_[0], first.outputs, kBetween, 1)), transpose(weight_of(weights, first)), g);
  double sum = 0.0;
  for (std::size_t r = 0; r < groups_; ++r) {
    float* row = g.data + r * inputs_;
    const double norm = std::sqrt(sum_of_squares(row, inputs_));
    const double excess = norm - 1.0;
    sum += excess * excess;
    // At norm 0 the slope is undefined; 0 as torch has it.
    const double slope = norm > 0.0 ? 2.0 * static_cast<double>(kPenaltyWeight) * excess /
                                          (static_cast<double>(rows) * norm)
                                    : 0.0;
    scale_all(row, static_cast<float>(slope), inputs_);
  }
  return static_cast<double>(kPenaltyWeight) * sum / static_cast<double>(rows);
}

// Upwards again: d penalty / d(u before its slope), layer by layer, into h_'s interpolated rows.
void Discriminator::penalty_chain(std::span<const float> weights) {
  ConstMatrix below{input_gradient_.data() + groups_ * inputs_, groups_, inputs_, inputs_};
  for (std::size_t l = 0; l < network_->layers.size(); ++l) {
    const LinearPlace& place = network_->layers[l];
    const Matrix h = rows_of(h_[l], place.outputs, kBetween, 1);
    multiply(below, weight_of(weights, place), h);
    scale_elementwise(
        h.data, rows_of(slope_[l], place.outputs, kBetween, 1).data, groups_ * place.outputs);
    below = view(h);
  }
}

void Discriminator::weight_gradients(const Input& input, std::span<float> gradient) {
  const std::size_t condition_width = network_->condition_width;
  const LinearPlace& first = network_->layers[0];
  const std::size_t n = first.outputs;
  float* weight = gradient.data() + first.weight;
  // Fake rows and the penalty's g meet their gradients in one product; g's conditional part alone.
  multiply(transpose(ConstMatrix{input_gradient_.data(), 2 * groups_, dense_, inputs_}),
           view(rows_of(d_[0], n, kFake, 2)),
           {weight, dense_, n, n});
  const ConstMatrix real = view(rows_of(d_[0], n, kReal, 1));
  scatter_sparse_rows(real, network_->width, network_->pac, sparse(*input.real), weight);
  if (condition_width > 0) {
    float* conditional = weight + dense_ * n;
    const std::size_t columns = inputs_ - dense_;
    multiply(transpose(ConstMatrix{
                 input_gradient_.data() + groups_ * inputs_ + dense_, groups_, columns, inputs_}),
             view(rows_of(d_[0], n, kBetween, 1)),
             {conditional, columns, n, n});
    scatter_sparse_rows(
        real, condition_width, network_->pac, one_hot(input.real_condition), conditional);
    scatter_sparse_rows(view(rows_of(d_[0], n, kFake, 1)),
                        condition_width,
                        network_->pac,
                        one_hot(input.fake_condition),
                        conditional);
  }
  for (std::size_t l = 0; l < network_->layers.size(); ++l) {
    const LinearPlace& place = network_->layers[l];
    if (l > 0) {
      multiply(transpose(rows_of(h_[l - 1], place.inputs, kReal, kSections)),
               view(rows_of(d_[l], place.outputs, kReal, kSections)),
               {gradient.data() + place.weight, place.inputs, place.outputs, place.outputs});
    }
    column_sums(view(rows_of(d_[l], place.outputs, kReal, 2)), gradient.data() + place.bias);
  }
  const LinearPlace& output = network_->discriminator_output;
  weighted_column_sums(view(rows_of(h_.back(), output.inputs, kReal, kSections)),
                       score_gradient_.data(),
                       gradient.data() + output.weight);
  gradient[output.bias] = 0.0F;  // -1 of the real groups and +1 of the fake
}

double Discriminator::both_ways(const Input& input, std::size_t rows) {
  const std::size_t n = network_->layers[0].outputs;
  first_layer_real(input.weights.data(), input);
  first_layer_fake(input.weights.data(), input.fake, input.fake_condition);
  // The first layer is linear: the interpolate's pre-activation is that of the two.
  blend_rows(input.share.data(),
             rows_of(h_[0], n, kReal, 1).data,
             rows_of(h_[0], n, kFake, 1).data,
             rows_of(h_[0], n, kBetween, 1));
  forward(input.weights, input.dropout, kReal, kSections);

  const float share = 1.0F / static_cast<float>(rows);
  std::fill_n(score_gradient_.data() + kReal * groups_, groups_, -share);
  std::fill_n(score_gradient_.data() + kFake * groups_, groups_, share);
  std::fill_n(score_gradient_.data() + kBetween * groups_, groups_, 1.0F);
  backward(input.weights, kReal, kSections);

  const double weighted = penalty(input.weights, rows);
  penalty_chain(input.weights);
  for (std::size_t r = 0; r < groups_; ++r) {
    std::copy_n(input.fake.data + r * dense_, dense_, input_gradient_.data() + r * inputs_);
  }
  return weighted;
}

Discriminator::Losses Discriminator::losses(const Input& input, std::span<float> gradient) {
  Losses losses;
  losses.penalty = both_ways(input, groups_);
  losses.real_score = mean(score_.data() + kReal * groups_, groups_);
  losses.fake_score = mean(score_.data() + kFake * groups_, groups_);
  weight_gradients(input, gradient);
  return losses;
}

double Discriminator::score_fake(const FakeInput& input, const Matrix& row_gradient) {
  first_layer_fake(input.weights.data(), input.fake, input.condition);
  forward(input.weights, input.dropout, kFake, 1);
  std::fill_n(
      score_gradient_.data() + kFake * groups_, groups_, -1.0F / static_cast<float>(groups_));
  backward(input.weights, kFake, 1);
  const LinearPlace& first = network_->layers[0];
  multiply(view(rows_of(d_[0], first.outputs, kFake, 1)),
           transpose(ConstMatrix{
               input.weights.data() + first.weight, dense_, first.outputs, first.outputs}),
           {row_gradient.data, groups_, dense_, dense_});
  return mean(score_.data() + kFake * groups_, groups_);
}

}  // namespace genesis::model
