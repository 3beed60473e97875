#pragma once
// What a network's trainer is told of steps of DP-SGD.
#include <cstdint>

namespace genesis::privacy {

/// Steps of DP-SGD (Abadi et al. 2016): what they reveal of a row follows from these numbers alone.
struct PrivateSteps {
  std::uint64_t steps = 1;     // of one call of train_privately()
  std::uint64_t sampling = 0;  // rows take part with this probability (Cost::sampling)
  double max_grad_norm = 1.0;  // that a row's gradient is clipped to
  double multiplier = 1.0;     // deviation of the noise in the sum over that norm
};

}  // namespace genesis::privacy
