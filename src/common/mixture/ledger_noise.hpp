#pragma once
// The mixture's noise from a site's privacy ledger: what every program uses.
#include <memory>

#include "common/mixture/protection.hpp"
#include "common/privacy/account.hpp"

namespace genesis::mixture {

/// `account` is not null; `delta` is what may be spent on the names of one column.
[[nodiscard]] std::unique_ptr<NoiseSource> ledger_noise(std::shared_ptr<privacy::Account> account,
                                                        double delta);

}  // namespace genesis::mixture
