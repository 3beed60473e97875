#pragma once
// All methods, at the server: a new one is one line in the table.
#include <memory>
#include <span>
#include <string_view>

#include "common/base/error.hpp"
#include "common/method/server_method.hpp"
#include "common/privacy/query_plan.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::methods {

struct ServerEntry {
  std::string_view name;  // spec.model.method
  Result<std::unique_ptr<method::ServerMethod>> (*make)(const spec::FederatedTraining& training);
  /// What it is going to ask under differential privacy; null where it has no such form.
  Result<privacy::QueryPlan> (*plan)(const spec::FederatedTraining& training) = nullptr;
  /// What it would ask instead if the spec declared more; null as above.
  Result<std::vector<privacy::DeclaredPlan>> (*plans_if_declared)(
      const spec::FederatedTraining& training) = nullptr;
};

/// A function of its own, so that a program that links another definition has other methods.
[[nodiscard]] std::span<const ServerEntry> server_methods();

}  // namespace genesis::methods
