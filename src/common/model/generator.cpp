#include "common/model/generator.hpp"

#include <algorithm>

#include "common/model/kernels.hpp"

namespace genesis::model {

Generator::Generator(const Network& network, std::size_t batch)
    : network_(&network), batch_(batch), activation_(network, batch) {
  for (const auto& block : network.blocks) {
    hidden_ += block.linear.outputs;
  }
  stride_ = hidden_ + network.embedding;
  std::size_t end = hidden_;
  for (const auto& block : network.blocks) {
    const std::size_t n = block.linear.outputs;
    end -= n;
    section_.push_back(end);
    normalised_.emplace_back(batch * n);
    mean_.emplace_back(n);
    variance_.emplace_back(n);
    inverse_std_.emplace_back(n);
  }
  x_.resize(batch * stride_);
  dx_.resize(batch * hidden_);
  logits_buffer_.resize(batch * network.width);
  rows_buffer_.resize(batch * network.width);
  logits_ = {logits_buffer_.data(), batch, network.width, network.width};
  rows_ = {rows_buffer_.data(), batch, network.width, network.width};
}

Matrix Generator::latent() const {
  return {x_.data() + hidden_, batch_, network_->embedding, stride_};
}

// The suffix of x that a layer reads, less the conditional vector.
Matrix Generator::dense_input(const LinearPlace& place) const {
  const std::size_t columns = place.inputs - network_->condition_width;
  return {x_.data() + (stride_ - columns), batch_, columns, stride_};
}

void Generator::forward(const Input& input, std::span<float> statistics) {
  const bool conditional = network_->condition_width > 0;
  // The dense part of a linear layer; returns the rows that the conditional vector adds.
  const auto linear = [&](const LinearPlace& place, const Matrix& out) -> IndexedRows {
    const Matrix x = dense_input(place);
    const float* weight = input.weights.data() + place.weight;  // (in, out)
    multiply(view(x), {weight, x.columns, place.outputs, place.outputs}, out);
    return {weight + x.columns * place.outputs, conditional ? input.condition.data() : nullptr};
  };
  for (std::size_t i = 0; i < network_->blocks.size(); ++i) {
    const BlockPlace& block = network_->blocks[i];
    const std::size_t n = block.linear.outputs;
    const Matrix a{normalised_[i].data(), batch_, n, n};
    const IndexedRows extra = linear(block.linear, a);
    // The linear layer's bias only moves the mean, which the batch norm takes out again.
    batch_norm_relu(a,
                    extra,
                    input.weights.data() + block.gamma,
                    input.weights.data() + block.beta,
                    {mean_[i].data(), variance_[i].data(), inverse_std_[i].data()},
                    {x_.data() + section_[i], batch_, n, stride_});
    const float* bias = input.weights.data() + block.linear.bias;
    const float unbiased =
        batch_ > 1 ? static_cast<float>(batch_) / static_cast<float>(batch_ - 1) : 1.0F;
    for (std::size_t j = 0; j < n; ++j) {
      float& mean = statistics[block.running_mean + j];
      float& variance = statistics[block.running_var + j];
      mean += kBatchNormMomentum * (mean_[i][j] + bias[j] - mean);
      variance += kBatchNormMomentum * (variance_[i][j] * unbiased - variance);
    }
  }
  const LinearPlace& output = network_->generator_output;
  const IndexedRows extra = linear(output, logits_);
  if (conditional) {
    add_indexed_rows(logits_, extra.table, extra.index);
  }
  activation_.forward(input.weights.data() + output.bias, input.noise.data(), logits_, rows_);
}

// Weight gradients of one layer: dense rows by a product, conditional rows by scattering.
void Generator::linear_backward(const LinearPlace& place,
                                const Input& input,
                                const Matrix& output_gradient,
                                std::span<float> gradient) {
  const Matrix x = dense_input(place);
  float* weight = gradient.data() + place.weight;
  multiply(transpose(x), view(output_gradient), {weight, x.columns, place.outputs, place.outputs});
  if (network_->condition_width > 0) {
    float* conditional = weight + x.columns * place.outputs;
    std::fill_n(conditional, network_->condition_width * place.outputs, 0.0F);
    scatter_rows(view(output_gradient), conditional, input.condition.data());
  }
}

double Generator::backward(const Input& input,
                           const Matrix& row_gradient,
                           std::span<float> gradient) {
  activation_.backward(rows_, row_gradient);
  double loss = 0.0;
  if (network_->condition_width > 0) {
    loss = activation_.condition_loss(view(logits_), input.condition.data(), row_gradient);
  }
  const LinearPlace& output = network_->generator_output;
  linear_backward(output, input, row_gradient, gradient);
  column_sums(view(row_gradient), gradient.data() + output.bias);
  // d loss / d h of every block, from the last layer; earlier blocks add theirs.
  const float* weights = input.weights.data();
  multiply(view(row_gradient),
           transpose(ConstMatrix{weights + output.weight, hidden_, output.outputs, output.outputs}),
           {dx_.data(), batch_, hidden_, hidden_});

  for (std::size_t i = network_->blocks.size(); i-- > 0;) {
    const BlockPlace& block = network_->blocks[i];
    const std::size_t n = block.linear.outputs;
    const Matrix a{normalised_[i].data(), batch_, n, n};
    batch_norm_relu_backward({dx_.data() + section_[i], batch_, n, hidden_},
                             {x_.data() + section_[i], batch_, n, stride_},
                             weights + block.gamma,
                             inverse_std_[i].data(),
                             a,
                             gradient.data() + block.gamma,
                             gradient.data() + block.beta);
    linear_backward(block.linear, input, a, gradient);
    std::fill_n(gradient.data() + block.linear.bias, n, 0.0F);  // see forward()
    const std::size_t earlier = hidden_ - (section_[i] + n);
    if (earlier > 0) {
      multiply_add(view(a),
                   transpose(ConstMatrix{weights + block.linear.weight, earlier, n, n}),
                   {dx_.data() + section_[i] + n, batch_, earlier, hidden_});
    }
  }
  return loss;
}

}  // namespace genesis::model
