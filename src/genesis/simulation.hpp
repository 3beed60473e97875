#pragma once
// A training in one process, without a network: the same Coordinator and Sites as across machines,
// so the same model bytes. Private to the library and `genesis run --simulate`.
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "aggregator/coordinator.hpp"
#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/spec/federated_training.hpp"
#include "common/wire/messages.hpp"
#include "genesis/federated_synthesizer.hpp"
#include "genesis/site_files.hpp"
#include "worker/link.hpp"
#include "worker/site.hpp"

namespace genesis {

/// The aggregator in the same process. Sites on several threads may share one.
class MemoryLink final : public worker::Link {
 public:
  /// Both outlive this.
  MemoryLink(aggregator::Coordinator& coordinator, const Clock& clock)
      : coordinator_(coordinator), clock_(clock) {}

  [[nodiscard]] Result<std::string> fetch(CollectionId collection,
                                          const wire::DocumentName& document) override;
  [[nodiscard]] Status send(const rounds::Contribution& contribution) override;

 private:
  std::mutex mutex_;  // guards the coordinator
  aggregator::Coordinator& coordinator_;
  const Clock& clock_;
};

struct SimulationObserver {
  std::function<void(const aggregator::Folded&)> on_folded = {};
  std::function<void(RoundId)> on_round = {};  // after each collection that has closed; 0: no round
  std::function<void(const wire::StatusReport&)> on_progress = {};
  std::stop_token stop = {};  // once asked, simulate() ends with kUnavailable
};

/// One for each of the spec's participants, with the rows given for it or at its data.path. Errors:
/// kInvalidArgument names the participant without rows, or file, line and column.
[[nodiscard]] Result<std::vector<worker::Site>> simulated_sites(
    const spec::FederatedTraining& training,
    const std::vector<SiteTable>& tables,
    const SiteFiles& files = {},
    std::stop_token stop = {});

/// The released model's bytes; trains on one thread per core. Errors: as Coordinator and Site give
/// them; kFailedPrecondition with the reason where the training failed.
[[nodiscard]] Result<std::string> simulate(const spec::FederatedTraining& training,
                                           std::vector<worker::Site> sites,
                                           const SimulationObserver& observer);

}  // namespace genesis
