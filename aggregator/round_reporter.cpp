#include "aggregator/round_reporter.hpp"

#include "common/rounds/telemetry_mean.hpp"

namespace genesis::aggregator {

RoundReporter::RoundReporter(RoundCallback on_round_complete,
                             MetricsCallback on_metrics,
                             std::int64_t total_rounds)
    : on_round_complete_(std::move(on_round_complete)),
      on_metrics_(std::move(on_metrics)),
      total_rounds_(total_rounds) {}

void RoundReporter::folded(const Folded& update) {
  if (update.round.value == 0) {
    return;
  }
  folded_.insert_or_assign(update.client, update);
  if (on_metrics_) {
    on_metrics_({update.client.str(), update.round.value, update.rows, update.telemetry});
  }
}

void RoundReporter::closed(RoundId round) {
  if (on_round_complete_ && round.value > 0) {
    RoundMetrics metrics;
    metrics.total_rounds = static_cast<std::uint32_t>(total_rounds_);
    rounds::TelemetryMean mean;
    for (const auto& [client, update] : folded_) {
      mean.add(update.telemetry, update.rows);
    }
    metrics.telemetry = mean.mean();
    on_round_complete_(round.value, metrics, folded_.size());
  }
  folded_.clear();
}

}  // namespace genesis::aggregator
