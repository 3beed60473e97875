#pragma once
// What the cluster should become, given what was observed of one training. Pure. Tests hold these
// laws: a plan that was carried out leaves nothing to plan; children have deterministic names; an
// object of somebody else is never changed; a training that has ended never starts again.
#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "operator/children.hpp"
#include "operator/observed.hpp"
#include "operator/renewal.hpp"

namespace genesis::control {

/// Creates the object or, with a uid, changes exactly that object to what `desired` says.
struct ApplyObject {
  Desired desired;
  std::string uid;  // "": the object must not exist yet
  // Once the change is made, an Event warns with it: somebody else has undone what the operator
  // did.
  std::string healed = {};
};

/// Begins to make the key of encrypted sums; a later pass stores it.
struct MakeKey {
  unsigned bits = 0;
};

/// Renews what a Secret with a certificate holds (renewal.hpp).
struct RenewSecret {
  Desired desired;
  std::string uid;
  Renewal renewal;
  std::string authorities;  // PEM: who is trusted from then on
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

using Action =
    std::variant<ApplyObject, MakeKey, RenewSecret, DeleteObject, PatchStatus, EmitEvent>;

struct Plan {
  /// In the order in which they are carried out: changes of objects, then the status, which reports
  /// them, then the Events of what the status says anew.
  std::vector<Action> actions;
  std::optional<std::chrono::seconds> requeue_after;
};

[[nodiscard]] Plan plan(const Observed& seen, const Settings& settings);

/// "create Job hospitals-aggregator". Identifies a change of an object within a pass.
[[nodiscard]] std::string describe(const Action& action);

}  // namespace genesis::control
