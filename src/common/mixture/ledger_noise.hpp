#pragma once
// The mixture's noise from a site's privacy ledger: what every program uses.
#include <cstdint>
#include <memory>

#include "common/mixture/protection.hpp"
#include "common/privacy/account.hpp"

namespace genesis::mixture {

/// `account` is not null; `shares` is the number of sites whose noise protects the sums; `delta` is
/// what may be spent on the names of one column.
[[nodiscard]] std::unique_ptr<NoiseSource> ledger_noise(std::shared_ptr<privacy::Account> account,
                                                        std::uint32_t shares,
                                                        double delta);

}  // namespace genesis::mixture
