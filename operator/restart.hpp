#pragma once
// What is started again: a failed training when spec.retry is raised, a complete one when
// spec.rounds.count is, and a Job that has failed too often although there was progress since it
// was created. Pure.
#include <string>
#include <vector>

#include "operator/observed.hpp"

namespace genesis::control {

struct Restarts {
  Observed seen;                      // without the Jobs, pods and spec that are to go
  bool is_retried = false;            // the failed training starts again
  bool is_extended = false;           // the complete training goes on
  std::vector<std::string> replaced;  // Jobs whose limit counts anew
};

/// Whether the training has failed and spec.retry starts it again.
[[nodiscard]] bool is_to_be_retried(const Training& training);

/// Whether the training is complete and spec.rounds.count asks for more rounds than it has had.
[[nodiscard]] bool is_to_be_extended(const Training& training);

/// Marks the Jobs that are to be deleted, so that new ones take their place. Until they have gone,
/// they and their pods count for nothing.
[[nodiscard]] Restarts restarted(const Observed& seen);

}  // namespace genesis::control
