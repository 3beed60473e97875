#pragma once
// A Lease's spec and back. Pure. Private to this folder.
#include <chrono>

#include "common/k8s/json.hpp"
#include "common/k8s/leader_election.hpp"

namespace genesis::k8s {

/// Missing fields count as empty, and a duration of nothing as one second.
LeaseRecord parse_lease(const Json& lease);

/// `lease`, which may be null for a new one, with spec and name put in; what else it holds stays.
Json lease_with(Json lease, const ObjectKey& key, const LeaseRecord& record);

/// What `identity` writes to take or renew `seen`: taking counts a transition.
LeaseRecord claim(const std::optional<LeaseRecord>& seen,
                  const ElectionOptions& options,
                  std::chrono::system_clock::time_point wall);

/// What a holder writes when it releases the Lease: no holder, and a duration of a second for
/// clients that do not look at the holder.
LeaseRecord release(const LeaseRecord& held, std::chrono::system_clock::time_point wall);

}  // namespace genesis::k8s
