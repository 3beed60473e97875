#pragma once
// Adam over one network's flat weights, with FedProx's term and gradient clipping before it.
// Used by this folder and by methods that train other networks.
//
// Order in a step: gradient of the loss; plus mu (w - w_global), which is the gradient of FedProx's
// term of the loss (Li et al. 2020); clipped; plus weight decay inside Adam, as torch.optim.Adam
// has it.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace genesis::model {

/// One tensor in the flat arrays.
struct Extent {
  std::size_t offset = 0;
  std::size_t count = 0;
};

struct GradientRules {
  double proximal_mu = 0.0;
  std::optional<double> max_grad_norm;
  bool clip_per_layer = false;
};

struct Moments {
  std::vector<float> first, second;
  std::uint64_t steps = 0;
};

/// Factors for the gradient of each extent (one factor for all unless clip_per_layer), as
/// torch.nn.utils.clip_grad_norm_: max / (norm + 1e-6), at most 1.
std::vector<float> clip_factors(const GradientRules& rules,
                                std::span<const Extent> extents,
                                std::span<const float> gradient);

/// How fast the moments forget.
struct AdamBetas {
  double first = 0.0;
  double second = 0.0;
};
inline constexpr AdamBetas kGanBetas{0.5, 0.9};      // of the ctgan package
inline constexpr AdamBetas kUsualBetas{0.9, 0.999};  // torch's defaults

struct AdamOptions {
  double learning_rate = 0.0;
  double weight_decay = 0.0;
  AdamBetas betas = kGanBetas;
};

/// One step on `weights`; `gradient` is used up. `anchor` holds w_global (unread when mu is 0).
void step(const AdamOptions& options,
          const GradientRules& rules,
          std::span<const Extent> extents,
          std::span<const float> anchor,
          std::span<float> gradient,
          Moments& moments,
          std::span<float> weights);

}  // namespace genesis::model
