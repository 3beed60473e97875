#include "common/http/backoff.hpp"

#include <algorithm>
#include <cstdint>

namespace genesis::http {

Milliseconds backoff(unsigned attempt, Rng& jitter, const BackoffPolicy& policy) {
  const std::int64_t most = std::max<std::int64_t>(policy.ceiling.count(), 0);
  std::int64_t ceiling = std::clamp<std::int64_t>(policy.first.count(), 0, most);
  for (unsigned i = 0; i < attempt && ceiling > 0 && ceiling < most; ++i) {
    ceiling = ceiling > most / 2 ? most : ceiling * 2;
  }
  const std::int64_t least = ceiling / 2;
  const auto spread = static_cast<std::uint64_t>(ceiling - least) + 1;
  return Milliseconds(least + static_cast<std::int64_t>(jitter.below(spread)));
}

}  // namespace genesis::http
