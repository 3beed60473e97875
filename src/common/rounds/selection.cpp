#include "common/rounds/selection.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/rng.hpp"

namespace genesis::rounds {
namespace {

bool is_available(const Member& member, RoundId round) {
  return member.standing.is_active() && member.standing.first_round <= round;
}

// The first `count` places of a Fisher-Yates shuffle; all where there are no more.
void draw(std::vector<ClientId>& ids, std::size_t count, Rng rng) {
  count = std::min(count, ids.size());
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(ids[i], ids[i + rng.below(ids.size() - i)]);
  }
  ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end());
}

}  // namespace

Selection select_clients(const Config& config,
                         const std::map<ClientId, Member>& members,
                         RoundId round) {
  std::vector<ClientId> ids;
  for (const auto& [id, member] : members) {
    if (is_available(member, round)) {
      ids.push_back(id);
    }
  }
  Selection selection;
  selection.needed = needed_of(config.client_fraction, ids.size(), config.min_clients);
  draw(ids,
       drawn_for(selection.needed, config.over_selection),
       Rng(config.seed, round, "", "client selection"));
  selection.clients.insert(ids.begin(), ids.end());
  return selection;
}

std::vector<ClientId> awaited(const State& state) {
  std::vector<ClientId> ids;
  for (const auto& id : state.open.roster) {
    if (!state.open.reported.contains(id) && state.members.at(id).standing.is_active()) {
      ids.push_back(id);
    }
  }
  return ids;
}

std::vector<ClientId> replacements(const Config& config, const State& state) {
  const auto& open = state.open;
  const std::size_t expected = awaited(state).size() + open.reported.size();
  if (expected >= open.policy.needed) {
    return {};
  }
  std::vector<ClientId> ids;
  for (const auto& [id, member] : state.members) {
    if (is_available(member, open.request.round) && !open.roster.contains(id)) {
      ids.push_back(id);
    }
  }
  draw(ids,
       open.policy.needed - expected,
       Rng(config.seed, open.request.round, "", "replacement selection"));
  return ids;
}

}  // namespace genesis::rounds
