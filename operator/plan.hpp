#pragma once
// What the cluster should become, given what was seen of one training. Pure; the laws, which tests
// hold: a plan that has been carried out plans nothing more; children have deterministic names; an
// object that is not ours is never changed; what has ended never starts again.
#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "operator/children.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

/// Makes the object, or, with a uid, changes that very object to what is said here.
struct ApplyObject {
  Desired desired;
  std::string uid;  // "": it must not be there yet
};

struct DeleteObject {
  k8s::Resource resource;
  std::string name;
  std::string uid;
};

/// Replaces the whole status.
struct PatchStatus {
  TrainingStatus status;
};

struct EmitEvent {
  bool is_warning = false;
  std::string reason;
  std::string message;
};

using Action = std::variant<ApplyObject, DeleteObject, PatchStatus, EmitEvent>;

struct Plan {
  std::vector<Action> actions;
  std::optional<std::chrono::seconds> requeue_after;
};

[[nodiscard]] Plan plan(const Observed& seen, const Settings& settings);

/// "ApplyObject Job hospitals-aggregator": for logs and tests.
[[nodiscard]] std::string describe(const Action& action);

}  // namespace genesis::control
