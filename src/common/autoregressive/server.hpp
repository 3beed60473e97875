#pragma once
// The method at the server: sites agree on one encoding, then average N rounds of local training
// (McMahan et al. 2017, Algorithm 1). Needs no LibTorch.
#include <memory>

#include "common/base/error.hpp"
#include "common/method/server_method.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::autoregressive {

/// Errors: kInvalidArgument names the field of spec.model.
[[nodiscard]] Result<std::unique_ptr<method::ServerMethod>> make_server(
    const spec::FederatedTraining& training);

}  // namespace genesis::autoregressive
