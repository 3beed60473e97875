#pragma once
// CTGAN's generator, forward and backward by hand: residual blocks h = relu(batchnorm(linear(x))),
// x = concat(h, x), a last linear layer, Activation. Private to this folder.
//
// The dense part of x is one buffer, [h_last .. h_0 | z]: each layer reads a suffix of its columns
// and writes the section before it, so nothing is concatenated. The conditional vector is one-hot
// and never written out: its product with a weight is a row of that weight.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/model/activation.hpp"
#include "common/model/matrix.hpp"
#include "common/model/network.hpp"

namespace genesis::model {

class Generator {
 public:
  Generator(const Network& network, std::size_t batch);

  /// Where the caller puts z before forward(): (batch, embedding), in x's last columns.
  [[nodiscard]] Matrix latent() const;

  /// What forward() draws on. `weights` is Weights::generator, `noise` (batch, width) unit
  /// exponentials, `condition` (batch) offsets in the conditional vector (unread at width 0).
  struct Input {
    std::span<const float> weights;
    std::span<const std::uint32_t> condition;
    std::span<const float> noise;
  };

  /// Training mode: batch statistics, which also move `statistics` (Weights::statistics).
  void forward(const Input& input, std::span<float> statistics);

  /// (batch, width) soft rows of the last forward().
  [[nodiscard]] const Matrix& rows() const { return rows_; }

  /// Gradients of mean(loss whose d/d rows() is `row_gradient`) + cross entropy of the conditioned
  /// columns. Overwrites `row_gradient` and all of `gradient`. Returns the cross entropy.
  double backward(const Input& input, const Matrix& row_gradient, std::span<float> gradient);

 private:
  [[nodiscard]] Matrix dense_input(const LinearPlace& place) const;
  void linear_backward(const LinearPlace& place,
                       const Input& input,
                       const Matrix& output_gradient,
                       std::span<float> gradient);

  const Network* network_;  // outlives this: both belong to one Trainer
  std::size_t batch_;
  std::size_t hidden_ = 0;                      // columns of all blocks
  std::size_t stride_ = 0;                      // hidden_ + embedding
  std::vector<std::size_t> section_;            // block -> first column of its h
  mutable std::vector<float> x_;                // (batch, stride_)
  std::vector<float> dx_;                       // (batch, hidden_)
  std::vector<std::vector<float>> normalised_;  // block -> (batch, n)
  std::vector<std::vector<float>> mean_, variance_, inverse_std_;
  std::vector<float> logits_buffer_, rows_buffer_;
  Matrix logits_, rows_;
  Activation activation_;
};

}  // namespace genesis::model
