#pragma once
// Shapes and seeded initial weights of the network. Plain C++: the aggregator starts a training
// without LibTorch.
//
// A row is a code for each of D columns. For each column there is a network that gives the
// distribution of its code from the codes of any other columns (Bengio, Bengio 2000; any order:
// Uria, Murray, Larochelle 2014):
//
//   e_i  = embedding.i of the code of column i, or of "unknown" where it is not given
//   h    = relu(sum over i of e_i input.i[column] + input.bias[column])
//   h'   = h + relu(hidden.column h)
//   p    = softmax(output.column h')
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/autoregressive/settings.hpp"
#include "common/base/error.hpp"
#include "common/base/tensors.hpp"

namespace genesis::autoregressive {

/// Sizes of a network.
struct Shape {
  std::size_t embedding = 0;
  std::size_t hidden = 0;
  std::vector<std::uint32_t> codes;  // of each column

  [[nodiscard]] std::size_t columns() const { return codes.size(); }
  bool operator==(const Shape&) const = default;
};

[[nodiscard]] inline Shape shape_of(const Settings& settings, std::vector<std::uint32_t> codes) {
  return {static_cast<std::size_t>(settings.embedding_dim),
          static_cast<std::size_t>(settings.hidden),
          std::move(codes)};
}

inline constexpr std::size_t kMaxParameters = 64U << 20;

/// All that is aggregated, and all that a released model holds, in this order:
///   embedding.I.weight (codes + 1, embedding)   for each column I; the last row is "unknown"
///   input.I.weight (embedding, columns, hidden)  for each column I; what it tells each network
///   input.bias (columns, hidden)
///   hidden.J.weight (hidden, hidden), hidden.J.bias (hidden),
///   output.J.weight (codes, hidden), output.J.bias (codes)   for each column J
/// Errors: kInvalidArgument where there is no column, kResourceExhausted above kMaxParameters.
[[nodiscard]] Result<std::vector<TensorSpec>> parameter_specs(const Shape& shape);

/// Embeddings are standard normal; weights and biases uniform in +-1/sqrt(fan_in).
[[nodiscard]] Result<Tensors> initial_parameters(const Shape& shape, std::uint64_t seed);

/// Where the tensors are in the flat list of values.
struct Places {
  explicit Places(const Shape& shape);
  std::vector<std::size_t> embedding;  // of each column
  std::vector<std::size_t> input;      // of each column
  std::size_t input_bias = 0;
  std::vector<std::size_t> hidden;       // of each column
  std::vector<std::size_t> hidden_bias;  // of each column
  std::vector<std::size_t> output;       // of each column
  std::vector<std::size_t> output_bias;  // of each column
  std::size_t size = 0;
};

}  // namespace genesis::autoregressive
