#include "aggregator/round_reporter.hpp"

namespace genesis::aggregator {

TrainMetrics metrics_of(const wire::UpdateMetadata& update) {
  return {.client = update.client.str(),
          .round = update.round.value,
          .rows = update.rows,
          .steps = update.steps,
          .generator_loss = update.generator_loss,
          .discriminator_loss = update.discriminator_loss,
          .update_norm = update.update_norm,
          .step_seconds = update.step_seconds};
}

RoundReporter::RoundReporter(RoundCallback on_round_complete,
                             MetricsCallback on_metrics,
                             std::int64_t total_rounds)
    : on_round_complete_(std::move(on_round_complete)),
      on_metrics_(std::move(on_metrics)),
      total_rounds_(total_rounds) {}

void RoundReporter::updated(const wire::UpdateMetadata& update) {
  folded_.push_back(metrics_of(update));
  if (on_metrics_) {
    on_metrics_(folded_.back());
  }
}

void RoundReporter::closed(RoundId round) {
  if (on_round_complete_ && round.value > 0) {
    RoundMetrics metrics;
    metrics.total_rounds = static_cast<std::uint32_t>(total_rounds_);
    const auto count = static_cast<double>(folded_.size());
    for (const auto& update : folded_) {
      metrics.generator_loss += update.generator_loss / count;
      metrics.discriminator_loss += update.discriminator_loss / count;
      metrics.update_norm += update.update_norm / count;
    }
    on_round_complete_(round.value, metrics, folded_.size());
  }
  folded_.clear();
}

}  // namespace genesis::aggregator
