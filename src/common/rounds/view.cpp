#include "common/rounds/view.hpp"

#include <vector>

namespace genesis::rounds {

ClientView view(const State& state, const ClientId& client) {
  if (const auto refused = state.disqualified.find(client); refused != state.disqualified.end()) {
    return {"refused", refused->second};
  }
  if (state.evicted.contains(client)) {
    return {"evicted", "its certificates are refused"};
  }
  const auto member = state.members.find(client);
  if (member == state.members.end()) {
    return {"dropped", "did not answer within rounds.deadlineSeconds; it may join again"};
  }
  const auto& standing = member->second.standing;
  const bool is_drawn =
      state.phase == Phase::kCollecting && state.open.request.roster == Roster::kDrawn;
  if (!is_drawn) {
    return {"joined", standing.reason};
  }
  if (state.open.reported.contains(client)) {
    return {"reported", standing.reason};
  }
  if (standing.is_quarantined()) {
    return {"quarantined", why_quarantined(standing)};
  }
  if (standing.is_lost) {
    return {"lost", why_lost(standing)};
  }
  return {state.open.roster.contains(client) ? "training" : "waiting", standing.reason};
}

std::string who_is_missing(const State& state) {
  constexpr std::size_t kMostNames = 10;
  std::string text;
  std::size_t count = 0;
  for (const auto& [id, member] : state.members) {
    const auto seen = view(state, id);
    // Who was not drawn although available is not missing.
    if (state.open.reported.contains(id) || seen.state == "waiting" || ++count > kMostNames) {
      continue;
    }
    text += (text.empty() ? "" : ", ") + id.str() + " (" + std::string(seen.state) +
            (seen.reason.empty() ? "" : ": " + seen.reason) + ")";
  }
  if (count > kMostNames) {
    text += " and " + std::to_string(count - kMostNames) + " more";
  }
  return text.empty() ? "nobody else has joined" : text;
}

}  // namespace genesis::rounds
