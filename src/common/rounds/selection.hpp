#pragma once
// Who is asked in a round. Drawn from a stream that is named by seed and round, so the same
// members in the same standing give the same clients.
#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include "common/base/ids.hpp"
#include "common/rounds/state.hpp"

namespace genesis::rounds {

struct Selection {
  std::size_t needed = 0;      // max(ceil(client_fraction * available), min_clients)
  std::set<ClientId> clients;  // needed + ceil(over_selection * needed) of them, or all
};

/// The clients of `round`, drawn without replacement from the members that are available: active,
/// and joined before it. Fewer than needed where fewer are available.
[[nodiscard]] Selection select_clients(const Config& config,
                                       const std::map<ClientId, Member>& members,
                                       RoundId round);

/// Members that the open collection still waits for: in its roster, not reported, active.
[[nodiscard]] std::vector<ClientId> awaited(const State& state);

/// Clients to draw into the open collection after all, where those awaited and reported are fewer
/// than it needs.
[[nodiscard]] std::vector<ClientId> replacements(const Config& config, const State& state);

}  // namespace genesis::rounds
