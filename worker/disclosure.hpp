#pragma once
// What leaves a site, in plain words, before any of it does: for the log at each start, and for
// `genesis federated client` where it is asked to say so and do nothing else. Pure.
#include <span>
#include <string>
#include <vector>

#include "common/method/telemetry.hpp"
#include "common/policy/policy.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::worker {

struct Leaving {
  const spec::FederatedTraining& training;
  const policy::Policy& policy;
  std::span<const std::string> kept;  // columns of the file that stay
  const std::string& introduction;    // what the site joins with
  std::span<const method::TelemetryName> telemetry;
};

/// One line an item.
[[nodiscard]] std::vector<std::string> disclosure(const Leaving& leaving);

}  // namespace genesis::worker
