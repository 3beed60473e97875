#pragma once
// From the generator's last linear layer to an encoded row: tanh on scalars, Gumbel-softmax (Jang
// et al. 2017) at temperature 0.2 on each column's modes, and the gate. Private to this folder.
//
// The gate departs from the paper: modes such as spikes and "missing" have no scalar, and real rows
// carry 0 there. So the generated scalar is tanh(v) times the probability of the modes that have
// one.
#include <cstdint>
#include <span>
#include <vector>

#include "common/model/matrix.hpp"
#include "common/model/network.hpp"

namespace genesis::model {

class Activation {
 public:
  static constexpr float kTemperature = 0.2F;

  Activation(const Network& network, std::size_t batch);

  /// In: logits (batch, width) without bias, which is added to them; noise (batch, width) of unit
  /// exponentials (scalars' places are unused). Out: `rows` (batch, width), soft in training.
  void forward(const float* bias, const float* noise, const Matrix& logits, const Matrix& rows);

  /// In: d loss / d rows in `gradient`; out: d loss / d logits, in place. `rows` is forward's
  /// result.
  void backward(const Matrix& rows, const Matrix& gradient) const;

  /// Mean over the batch of the cross entropy between the conditioned column's logits and its
  /// category; adds its gradient to `gradient`. condition (batch): offsets in the conditional
  /// vector.
  double condition_loss(const ConstMatrix& logits,
                        const std::uint32_t* condition,
                        const Matrix& gradient) const;

 private:
  std::vector<Span> spans_;
  std::vector<std::uint32_t> span_of_condition_;  // conditional offset -> index into spans_
  std::size_t values_ = 0;                        // scalars a row
  std::vector<float> tanh_;                       // (batch, values_)
  std::vector<float> gate_;                       // (batch, values_): probability of a scalar
  mutable std::vector<float> scratch_;            // one column's softmax
};

}  // namespace genesis::model
