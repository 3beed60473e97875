#pragma once
// A training in one process, without a network: the same Coordinator and Participants as across
// machines, so the same model bytes. Private to the library and `genesis run --simulate`.
#include <functional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/federated_training.hpp"
#include "common/wire/messages.hpp"
#include "genesis/federated_synthesizer.hpp"
#include "worker/participant.hpp"

namespace genesis {

struct SimulationObserver {
  std::function<void(const wire::UpdateMetadata&)> on_update = {};
  std::function<void(RoundId)> on_round = {};  // after each closed round
  std::function<void(const wire::StatusReport&)> on_progress = {};
};

/// One for each of the spec's participants, with the rows given for it or at its data.path. Errors:
/// kInvalidArgument names the participant without rows, or file, line and column.
[[nodiscard]] Result<std::vector<worker::Participant>> simulated_participants(
    const spec::FederatedTraining& training, const std::vector<SiteTable>& tables);

/// The released model's bytes; trains on one thread per core. Errors: as Coordinator and
/// Participant give them; kFailedPrecondition with the reason where the training failed.
[[nodiscard]] Result<std::string> simulate(const spec::FederatedTraining& training,
                                           std::vector<worker::Participant> participants,
                                           const SimulationObserver& observer);

}  // namespace genesis
