#pragma once
// Turns a training's updates and closed rounds into the callbacks of the library. Server and
// simulation feed it alike.
#include <vector>

#include "common/base/ids.hpp"
#include "common/wire/messages.hpp"
#include "genesis/callbacks.hpp"

namespace genesis::aggregator {

class RoundReporter {
 public:
  /// Either callback may be empty. `total_rounds` is the spec's rounds.count.
  RoundReporter(RoundCallback on_round_complete,
                MetricsCallback on_metrics,
                std::int64_t total_rounds);

  /// An update was folded into the open round.
  void updated(const wire::UpdateMetadata& update);
  /// The open round was closed (0: the encoder was agreed; nobody hears of it).
  void closed(RoundId round);

 private:
  RoundCallback on_round_complete_;
  MetricsCallback on_metrics_;
  std::int64_t total_rounds_;
  std::vector<TrainMetrics> folded_;  // into the open round
};

/// What the library says of one update.
[[nodiscard]] TrainMetrics metrics_of(const wire::UpdateMetadata& update);

}  // namespace genesis::aggregator
