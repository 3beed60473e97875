#pragma once
// The method at a site: counts its rows, codes them, trains locally from the global parameters and
// answers with the difference.
#include <memory>

#include "common/base/error.hpp"
#include "common/method/site_method.hpp"

namespace genesis::autoregressive {

/// Errors: kInvalidArgument names the field of spec.model.
[[nodiscard]] Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup);

}  // namespace genesis::autoregressive
