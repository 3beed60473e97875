#pragma once
// The status that follows from a verdict: conditions, phase, progress, participants. Pure. A
// condition keeps the time at which it changed last; what nobody can tell at the moment stays as it
// was said before.
#include "operator/judge.hpp"
#include "operator/observed.hpp"
#include "operator/status.hpp"

namespace genesis::control {

[[nodiscard]] TrainingStatus status_after(const Training& training,
                                          const Observed& seen,
                                          const Verdict& verdict);

}  // namespace genesis::control
