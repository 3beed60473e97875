#pragma once
// The mixture's noise from a site's privacy ledger: what every program uses.
#include <memory>

#include "common/mixture/protection.hpp"
#include "common/privacy/account.hpp"

namespace genesis::mixture {

/// `account` is not null.
[[nodiscard]] std::unique_ptr<NoiseSource> ledger_noise(std::shared_ptr<privacy::Account> account);

}  // namespace genesis::mixture
