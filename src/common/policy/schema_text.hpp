#pragma once
#include <string_view>

namespace genesis::policy {

/// src/common/policy/schema.yaml.
[[nodiscard]] std::string_view schema_text();

}  // namespace genesis::policy
