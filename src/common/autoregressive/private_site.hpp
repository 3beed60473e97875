#pragma once
// The method at a site under differential privacy: its columns' counts with noise, then steps of
// DP-SGD, all charged to the ledger of its rows before anything is drawn.
#include <memory>

#include "common/autoregressive/settings.hpp"
#include "common/base/error.hpp"
#include "common/method/site_method.hpp"

namespace genesis::autoregressive {

/// `setup.account` is not null, and its table is one of texts. Errors: kInvalidArgument names the
/// field of the spec or the column; those of the ledger.
[[nodiscard]] Result<std::unique_ptr<method::SiteMethod>> make_private_site(method::SiteSetup setup,
                                                                            Settings settings);

}  // namespace genesis::autoregressive
