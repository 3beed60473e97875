#pragma once
// Turns a training's folded updates and closed rounds into the callbacks of the library. Server and
// simulation feed it alike.
#include <cstddef>
#include <cstdint>

#include "aggregator/coordinator.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/telemetry_mean.hpp"
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
  /// The collection of this round was closed (0: of no round; nobody hears of it).
  void closed(RoundId round);

 private:
  RoundCallback on_round_complete_;
  MetricsCallback on_metrics_;
  std::int64_t total_rounds_;
  rounds::TelemetryMean mean_;  // of the open round
  std::size_t count_ = 0;
};

}  // namespace genesis::aggregator
