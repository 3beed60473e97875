#pragma once
// What both halves of the test's programs take as the spec's protection.
#include "common/mixture/protection.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::mixture {

inline Protection test_protection(const spec::FederatedTraining& training) {
  return {.mu = 3.0, .noisy_sites = static_cast<std::uint32_t>(spec::noise_shares_of(training))};
}

}  // namespace genesis::mixture
