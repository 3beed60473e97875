#pragma once
// Turns a training's folded updates and closed rounds into the callbacks of the library. Server and
// simulation feed it alike.
#include <cstdint>
#include <map>

#include "aggregator/coordinator.hpp"
#include "common/base/ids.hpp"
#include "genesis/callbacks.hpp"

namespace genesis::aggregator {

class RoundReporter {
 public:
  /// Either callback may be empty. `total_rounds` is Coordinator::total_rounds.
  RoundReporter(RoundCallback on_round_complete,
                MetricsCallback on_metrics,
                std::int64_t total_rounds);

  /// A contribution was folded into the open collection.
  void folded(const Folded& update);
  /// What this client has sent to the open collection is not in its sum after all.
  void discard(const ClientId& client) { folded_.erase(client); }
  /// The collection of this round was closed (0: of no round; nobody hears of it).
  void closed(RoundId round);

 private:
  RoundCallback on_round_complete_;
  MetricsCallback on_metrics_;
  std::int64_t total_rounds_;
  std::map<ClientId, Folded> folded_;  // of the open round
};

}  // namespace genesis::aggregator
