#pragma once
// What both halves of the test's programs take as the spec's protection.
#include "common/mixture/protection.hpp"

namespace genesis::mixture {

inline constexpr Protection kTestProtection{.mu = 3.0, .noisy_sites = 1};

}  // namespace genesis::mixture
