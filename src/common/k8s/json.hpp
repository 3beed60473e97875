#pragma once
// Objects of the cluster are JSON values; headers here only forward-declare them, so include
// <nlohmann/json.hpp> where you touch one.
#include <nlohmann/json_fwd.hpp>

namespace genesis::k8s {
using Json = nlohmann::json;
}  // namespace genesis::k8s
