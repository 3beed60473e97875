#pragma once
// Where each parameter lies in memory while it trains. Outside, tensors are shaped as
// torch.nn.Linear has them, (out, in). Inside, a weight is stored transposed, (in, out), because a
// one-hot input then reads one contiguous row; and the first layer of the discriminator has its
// input regrouped: the `pac` encoded rows first, then their `pac` conditional vectors, so that the
// dense rows of a generated batch meet one contiguous block. Private to this folder and its tests.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"
#include "common/model/matrix.hpp"
#include "common/model/parameters.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::model {

/// The encoded row as the model sees it: one span of modes per column, maybe after a scalar.
struct Span {
  std::size_t column = 0;  // in Layout::columns
  std::size_t first = 0;   // offset of the modes in the encoded row
  std::size_t modes = 0;
  bool has_value = false;   // the scalar is at first - 1
  std::vector<float> gate;  // per mode 1 where the scalar counts; empty: everywhere
  bool conditional = false;
  std::size_t condition_first = 0;  // offset in the conditional vector
};

struct LinearPlace {
  std::size_t weight = 0;  // (in, out)
  std::size_t bias = 0;    // (out)
  std::size_t inputs = 0;
  std::size_t outputs = 0;
};

struct BlockPlace {
  LinearPlace linear;
  std::size_t gamma = 0, beta = 0;                // among the trainable
  std::size_t running_mean = 0, running_var = 0;  // among the statistics
};

/// One public tensor and its place inside.
struct Placement {
  enum class Area { kGenerator, kDiscriminator, kStatistics };
  Area area = Area::kGenerator;
  std::size_t offset = 0;   // in its area
  std::size_t outputs = 0;  // matrices: (outputs, inputs) outside, (inputs, outputs) inside
  std::size_t inputs = 0;   // 0 for vectors
  std::size_t count = 0;
  bool regrouped = false;  // the discriminator's first weight
};

struct Network {
  static Result<Network> create(const CtganConfig& config, const tabular::Layout& layout);

  std::size_t embedding = 0, width = 0, condition_width = 0, pac = 0;
  std::vector<Span> spans;
  std::vector<BlockPlace> blocks;
  LinearPlace generator_output;
  std::vector<LinearPlace> layers;
  LinearPlace discriminator_output;
  std::size_t generator_size = 0, discriminator_size = 0, statistics_size = 0;
  std::vector<TensorSpec> specs;      // public
  std::vector<Placement> placements;  // parallel to specs
};

/// The three flat arrays of a model in training.
struct Weights {
  std::vector<float> generator, discriminator, statistics;
};

/// The same without the discriminator: for sampling.
[[nodiscard]] Network generator_part(Network network);

/// Copies between the public layout (`values` holds the tensors of network.specs) and the inner
/// one.
void load(const Network& network, std::span<const float> values, Weights& weights);
void store(const Network& network, const Weights& weights, std::span<float> values);

/// Errors: kInvalidArgument names the first tensor that differs in name or shape, or is not finite.
Status check_tensors(const std::vector<TensorSpec>& expected, const Tensors& actual);

}  // namespace genesis::model
