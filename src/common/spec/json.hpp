#pragma once
// Documents inside this folder: JSON values whose objects keep the order of their keys.
#include <nlohmann/json.hpp>

namespace genesis::spec {
using Json = nlohmann::ordered_json;
}  // namespace genesis::spec
