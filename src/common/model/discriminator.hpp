#pragma once
// CTGAN's discriminator with its WGAN-GP loss (Gulrajani et al. 2017), forward and backward by
// hand. Private to this folder.
//
// One score per group of `pac` rows. Between leaky ReLUs and dropout the network is linear, so the
// gradient of a score with respect to its input is a chain of masked products,
// g = ((w3 * s2) W2 * s1) W1 with slopes s, and the penalty's own gradients are a few products
// more: no graph of a graph. Slopes are constant almost everywhere, so nothing flows through them,
// and biases get nothing.
//
// Real, fake and interpolated groups are stacked in one buffer. The interpolated rows of "gradients
// of pre-activations" then hold the chain above, and the same rows of "activations" are overwritten
// with the penalty's derivative: each weight's gradient is one product over the stack.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/model/matrix.hpp"
#include "common/model/network.hpp"

namespace genesis::model {

/// Real rows as indices: no one-hot row is ever made. Per row, in the same number for every row.
struct RealRows {
  std::size_t modes_per_row = 0;
  std::size_t values_per_row = 0;
  std::vector<std::uint32_t> modes;          // (rows, modes_per_row) places of the ones
  std::vector<std::uint32_t> value_columns;  // (values_per_row) places of the scalars
  std::vector<float> values;                 // (rows, values_per_row)
};

class Discriminator {
 public:
  static constexpr float kPenaltyWeight = 10.0F;

  /// `groups` = batch / pac.
  Discriminator(const Network& network, std::size_t groups);

  /// Floats of dropout() for all layers: 3 * groups rows a layer, layer after layer.
  [[nodiscard]] std::size_t dropout_size() const { return dropout_size_; }

  struct Losses {
    double real_score = 0.0;  // means over the groups
    double fake_score = 0.0;
    double penalty = 0.0;  // weighted
    [[nodiscard]] double total() const { return fake_score - real_score + penalty; }
  };

  struct Input {
    std::span<const float> weights;  // Weights::discriminator
    const RealRows* real = nullptr;
    std::span<const std::uint32_t> real_condition;  // (batch), unread at condition width 0
    ConstMatrix fake;                               // (batch, width), contiguous
    std::span<const std::uint32_t> fake_condition;
    std::span<const float> share;    // (groups): of the real row in the interpolate
    std::span<const float> dropout;  // 0 or 2 each; layers of (real, fake, between)
  };
  /// mean D(fake) - mean D(real) + penalty, and its gradients (all of `gradient` is overwritten).
  Losses losses(const Input& input, std::span<float> gradient);

  /// Under differential privacy. Adds to `sum` what each row's whole loss, penalty included, has as
  /// gradient by all weights, scaled down to the norm `most`; one that is not finite counts as 0.
  /// No row's gradient is written down. For pac 1, and at most `groups` rows.
  void add_clipped(const Input& input, double most, std::span<float> sum);

  struct FakeInput {
    std::span<const float> weights;
    ConstMatrix fake;
    std::span<const std::uint32_t> condition;
    std::span<const float> dropout;  // layers of (groups) rows
  };
  /// mean D(fake); d(-mean)/d fake goes to `row_gradient` (batch, width), contiguous.
  double score_fake(const FakeInput& input, const Matrix& row_gradient);

 private:
  enum Section : std::size_t { kReal = 0, kFake = 1, kBetween = 2, kSections = 3 };

  [[nodiscard]] Matrix rows_of(std::vector<float>& buffer,
                               std::size_t n,
                               Section first,
                               std::size_t sections) const;
  void first_layer_fake(const float* weights,
                        const ConstMatrix& fake,
                        std::span<const std::uint32_t> condition);
  void first_layer_real(const float* weights, const Input& input);
  /// From pre-activations of the first layer to scores; sections first, first + 1, ...
  void forward(std::span<const float> weights,
               std::span<const float> dropout,
               Section first,
               std::size_t sections);
  /// From score_gradient_ down to the first layer's pre-activations.
  void backward(std::span<const float> weights, Section first, std::size_t sections);
  /// As a mean over `rows`; 1: as a sum.
  double penalty(std::span<const float> weights, std::size_t rows);
  void penalty_chain(std::span<const float> weights);
  /// From the input to both ends of each layer's gradient, for a mean over `rows` or a sum.
  double both_ways(const Input& input, std::size_t rows);
  void weight_gradients(const Input& input, std::span<float> gradient);
  /// Of add_clipped(): the squared norm of one row's gradient, not less than it is.
  [[nodiscard]] double squared_norm(const Input& input, std::size_t row) const;
  /// Of add_clipped(): what weight_gradients() multiplies, of one row.
  void scale_row(std::size_t row, float factor);

  const Network* network_;  // outlives this: both belong to one Trainer
  std::size_t groups_;
  std::size_t dense_;   // inputs of a group that are encoded rows: pac * width
  std::size_t inputs_;  // and with the conditional vectors
  std::size_t dropout_size_ = 0;
  std::vector<std::vector<float>> h_;          // layer -> (3 groups, n)
  std::vector<std::vector<float>> slope_;      // layer -> (3 groups, n)
  std::vector<std::vector<float>> d_;          // layer -> (3 groups, n)
  std::vector<float> score_, score_gradient_;  // (3 groups)
  std::vector<float>
      input_gradient_;          // (2 groups, inputs_): fake rows, then the penalty's gradient
  std::vector<float> clipped_;  // of add_clipped(): one sum
};

}  // namespace genesis::model
