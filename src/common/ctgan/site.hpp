#pragma once
// CTGAN at a site: counts its rows, encodes them, trains locally from the global parameters and
// answers with the difference. Reaches LibTorch through common/model.
#include <memory>

#include "common/base/error.hpp"
#include "common/method/site_method.hpp"

namespace genesis::ctgan {

/// Errors: kInvalidArgument names the field of spec.model.
[[nodiscard]] Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup);

}  // namespace genesis::ctgan
