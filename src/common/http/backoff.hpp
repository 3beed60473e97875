#pragma once
// How long to wait before trying again. Pure.
#include "common/base/clock.hpp"
#include "common/base/rng.hpp"

namespace genesis::http {

struct BackoffPolicy {
  Milliseconds first{200};       // ceiling of the first wait
  Milliseconds ceiling{10'000};  // of any wait; raising it slows recovery after a long outage
};

/// A wait for the `attempt`-th retry (from 0), uniform in [c/2, c] with c = min(ceiling, first *
/// 2^attempt): the random half keeps clients that failed together from coming back together.
Milliseconds backoff(unsigned attempt, Rng& jitter, const BackoffPolicy& policy = {});

}  // namespace genesis::http
