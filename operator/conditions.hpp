#pragma once
// Derives the status from a verdict: conditions, phase, progress, participants. Pure. A condition
// keeps the time of its last transition. What cannot be determined at the moment stays as it is in
// the status.
#include "operator/judge.hpp"
#include "operator/observed.hpp"
#include "operator/status.hpp"

namespace genesis::control {

[[nodiscard]] TrainingStatus status_after(const Training& training,
                                          const Observed& seen,
                                          const Verdict& verdict);

}  // namespace genesis::control
