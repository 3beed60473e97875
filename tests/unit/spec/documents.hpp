#pragma once
// Short ways to say a document and what is wrong with it.
#include <string>
#include <string_view>
#include <vector>

#include "common/spec/parse.hpp"

namespace genesis::spec {

/// A FederatedTraining named x whose spec is `flow`, such as {rounds: {count: 3}}.
inline std::string a_training(std::string_view flow = "{}") {
  return "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\n"
         "metadata: {name: x}\nspec: " +
         std::string(flow) + "\n";
}

/// What parse() has against the text: "" when nothing.
inline std::string complaint(std::string_view text, const std::vector<Override>& overrides = {}) {
  const auto parsed = parse(text, "x.yaml", overrides);
  return parsed ? "" : parsed.error().message;
}

}  // namespace genesis::spec
