#pragma once
// The compiled-in CRD, and the schema of a whole document that is made from it.
#include <string_view>

#include "common/spec/schema.hpp"

namespace genesis::spec {

/// crds/federatedtrainings.yaml as it is.
[[nodiscard]] std::string_view crd_text();

/// Schema of a FederatedTraining with apiVersion, kind and metadata, whose checks an API server has
/// built in and the CRD therefore lacks. Without status, which is no input. Made once; any thread.
[[nodiscard]] const Schema& document_schema();

/// federated.genesis.dev/v1alpha1
[[nodiscard]] const std::string& api_version();

}  // namespace genesis::spec
