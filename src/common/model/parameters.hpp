#pragma once
// Shapes and seeded initial weights of a CTGAN (Xu et al. 2019, arXiv 1907.00503, sec. 4.4). Plain
// C++: the aggregator starts a training without LibTorch.
#include <cstdint>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::model {

struct CtganConfig {
  std::int64_t embedding_dim = 128;
  std::vector<std::int64_t> generator_dims = {256, 256};
  std::vector<std::int64_t> discriminator_dims = {256, 256};
  std::int64_t pac = 10;
};

/// Under differential privacy a discriminator judges each row by itself: with more of them together
/// one row would change what others bring. Errors: kInvalidArgument.
[[nodiscard]] Status check_private(const CtganConfig& config);

/// All that is aggregated, in this order: `generator.*` (weights, biases, batch-norm weight, bias,
/// running mean, running variance), then `discriminator.*`. Errors: kResourceExhausted when the
/// model would be larger than kMaxParameters.
inline constexpr std::size_t kMaxParameters = 64U << 20;
[[nodiscard]] Result<std::vector<TensorSpec>> parameter_specs(const CtganConfig& config,
                                                              const tabular::Layout& layout);

/// Weights and biases uniform in +-1/sqrt(fan_in), batch norms at (1, 0, 0, 1).
[[nodiscard]] Result<Tensors> initial_parameters(const CtganConfig& config,
                                                 const tabular::Layout& layout,
                                                 std::uint64_t seed);

/// The generator's tensors alone: what a released model holds.
[[nodiscard]] Tensors generator_of(const Tensors& parameters);

}  // namespace genesis::model
