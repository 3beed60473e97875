#include "common/rounds/membership.hpp"

#include <string>

namespace genesis::rounds {
namespace {

Refused refusal(Errc code, const ClientId& client, const std::string& why) {
  return {code, "client " + client.str() + ": " + why};
}

}  // namespace

std::optional<Refused> why_not_join(const Config& config,
                                    const State& state,
                                    const Speaker& speaker,
                                    bool is_holder_gone) {
  const auto& [client, instance] = speaker;
  if (!config.participants.empty() && !config.participants.contains(client)) {
    return refusal(Errc::kPermissionDenied,
                   client,
                   "not among spec.participants of this training; add it there");
  }
  if (const auto known = state.members.find(client); known != state.members.end()) {
    const auto& holder = known->second;
    const bool is_other = instance != holder.instance;
    if (is_other && !is_holder_gone && !holder.standing.is_lost) {
      return refusal(Errc::kAlreadyExists,
                     client,
                     "another process takes part under this name; end it, or wait until it has "
                     "gone");
    }
    return std::nullopt;
  }
  if (state.is_over()) {
    return refusal(Errc::kFailedPrecondition, client, "the training is over");
  }
  const bool all_are_asked =
      state.phase == Phase::kCollecting && state.open.request.roster == Roster::kEveryone;
  if (all_are_asked) {
    return refusal(Errc::kUnavailable,
                   client,
                   "the sites are being asked for " + state.open.request.purpose +
                       "; it may join once they have answered");
  }
  if (state.members.size() >= config.max_clients) {
    return refusal(
        Errc::kFailedPrecondition,
        client,
        "rounds.maxClients: all " + std::to_string(config.max_clients) + " places are taken");
  }
  return std::nullopt;
}

std::optional<Refused> why_not_speak(const State& state, const Speaker& speaker) {
  const auto member = state.members.find(speaker.client);
  if (member == state.members.end()) {
    return refusal(Errc::kFailedPrecondition, speaker.client, "join first");
  }
  if (member->second.instance != speaker.instance) {
    return refusal(Errc::kPermissionDenied,
                   speaker.client,
                   "another process has joined under this name since; this one ends");
  }
  return std::nullopt;
}

}  // namespace genesis::rounds
