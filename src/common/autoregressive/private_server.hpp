#pragma once
// The method at the server under differential privacy: columns' noisy counts first, as the mixture
// has them, and from these the encoding; then rounds of local training. Needs no LibTorch.
#include <memory>

#include "common/autoregressive/settings.hpp"
#include "common/base/error.hpp"
#include "common/method/server_method.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::autoregressive {

/// Errors: kInvalidArgument names the field of the spec.
[[nodiscard]] Result<std::unique_ptr<method::ServerMethod>> make_private_server(
    const spec::FederatedTraining& training, Settings settings);

}  // namespace genesis::autoregressive
