#pragma once
// The mixture at the server: asks for three collections of counts and fits the model to their sums.
// Needs no LibTorch.
#include <memory>
#include <optional>

#include "common/base/error.hpp"
#include "common/method/server_method.hpp"
#include "common/mixture/protection.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::mixture {

/// `protection` is what the sites' counts have; nothing: they are exact. Errors: kInvalidArgument
/// names the field of spec.model.
[[nodiscard]] Result<std::unique_ptr<method::ServerMethod>> make_server(
    const spec::FederatedTraining& training, std::optional<Protection> protection);

}  // namespace genesis::mixture
