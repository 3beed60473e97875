#include "common/model/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "common/model/kernels.hpp"

namespace genesis::model {
namespace {

float clip_factor(double norm_limit, double squares) {
  return static_cast<float>(std::min(1.0, norm_limit / (std::sqrt(squares) + 1e-6)));
}

}  // namespace

std::vector<float> clip_factors(const GradientRules& rules,
                                std::span<const Extent> extents,
                                std::span<const float> gradient) {
  std::vector<float> factors(extents.size(), 1.0F);
  if (!rules.max_grad_norm) {
    return factors;
  }
  double total = 0.0;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const double squares = sum_of_squares(gradient.data() + extents[i].offset, extents[i].count);
    factors[i] = clip_factor(*rules.max_grad_norm, squares);
    total += squares;
  }
  if (!rules.clip_per_layer) {
    std::ranges::fill(factors, clip_factor(*rules.max_grad_norm, total));
  }
  return factors;
}

void step(const AdamOptions& options,
          const GradientRules& rules,
          std::span<const Extent> extents,
          std::span<const float> anchor,
          std::span<float> gradient,
          Moments& moments,
          std::span<float> weights) {
  ++moments.steps;
  const auto t = static_cast<double>(moments.steps);
  const auto& betas = options.betas;
  const AdamStep adam{
      .beta1 = static_cast<float>(betas.first),
      .beta2 = static_cast<float>(betas.second),
      .learning_rate = static_cast<float>(options.learning_rate / (1.0 - std::pow(betas.first, t))),
      .second_scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(betas.second, t))),
      .weight_decay = static_cast<float>(options.weight_decay)};
  if (rules.proximal_mu != 0.0) {
    add_proximal(static_cast<float>(rules.proximal_mu),
                 weights.data(),
                 anchor.data(),
                 gradient.data(),
                 weights.size());
  }
  const std::vector<float> factors = clip_factors(rules, extents, gradient);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const std::size_t at = extents[i].offset;
    adam_update(adam,
                factors[i],
                gradient.data() + at,
                moments.first.data() + at,
                moments.second.data() + at,
                weights.data() + at,
                extents[i].count);
  }
}

}  // namespace genesis::model
