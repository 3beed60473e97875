#pragma once
// A FederatedTraining from and to its document.
#include "common/spec/federated_training.hpp"
#include "common/spec/json.hpp"

namespace genesis::spec {

/// Of a document that is defaulted and valid.
[[nodiscard]] FederatedTraining from_json(const Json& document);

/// apiVersion, kind, metadata.name and spec, in the order of fields.cpp.
[[nodiscard]] Json to_json(const FederatedTraining& training);

}  // namespace genesis::spec
