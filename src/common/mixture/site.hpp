#pragma once
// The mixture at a site: counts rows as it is asked to and, under protection, adds its own noise.
// Nothing else leaves.
#include <memory>
#include <optional>

#include "common/base/error.hpp"
#include "common/method/site_method.hpp"
#include "common/mixture/protection.hpp"

namespace genesis::mixture {

/// Errors: kInvalidArgument names the field of spec.model or spec.table; kFailedPrecondition
/// without protection, unless sums are masked or all parts of the training are in one process.
[[nodiscard]] Result<std::unique_ptr<method::SiteMethod>> make_site(
    method::SiteSetup setup, std::optional<SiteProtection> protection);

}  // namespace genesis::mixture
