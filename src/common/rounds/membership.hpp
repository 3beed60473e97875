#pragma once
// Who may take part, and which process may speak for a client. Pure.
#include <optional>

#include "common/rounds/effect.hpp"
#include "common/rounds/event.hpp"
#include "common/rounds/state.hpp"

namespace genesis::rounds {

/// nullopt where `speaker` may join, anew or again. Its table is the method's to judge. Refused:
///   kPermissionDenied    not among the participants
///   kAlreadyExists       another process takes part under this name
///   kUnavailable         everyone is being asked for something: try again
///   kFailedPrecondition  all places are taken, or the training is over
[[nodiscard]] std::optional<Refused> why_not_join(const Config& config,
                                                  const State& state,
                                                  const Speaker& speaker,
                                                  bool is_holder_gone);

/// nullopt where `speaker` is the process that takes part as its client. Refused:
///   kFailedPrecondition  it has not joined: join first
///   kPermissionDenied    another process has joined under this name since
[[nodiscard]] std::optional<Refused> why_not_speak(const State& state, const Speaker& speaker);

}  // namespace genesis::rounds
