#pragma once
// What the sites of the method tell beside their updates.
#include <array>
#include <span>

#include "common/method/rounds_exchange.hpp"
#include "common/method/telemetry.hpp"

namespace genesis::autoregressive {

// Telemetry beside that of all methods of rounds: a mean over the local steps.
inline constexpr const char* kTrainingLoss = "training_loss";

// Metrics show the losses of a round, and at the site its update's norm too (the server computes
// the norms itself).
inline constexpr std::array kTelemetry{
    method::TelemetryName{"holdout_loss",
                          "Negative log-likelihood in nats of a row that was kept out of training, "
                          "by the model before the round."},
    method::TelemetryName{"training_loss",
                          "Negative log-likelihood of a row in nats, mean over the local steps."},
    method::TelemetryName{"update_norm", "Euclidean norm of the last update."},
};
/// Those of a site, or of a round; the first only where rows are kept out of training.
[[nodiscard]] constexpr std::span<const method::TelemetryName> site_telemetry(bool has_holdout) {
  return std::span(kTelemetry).subspan(has_holdout ? 0 : 1);
}
[[nodiscard]] constexpr std::span<const method::TelemetryName> round_telemetry(bool has_holdout) {
  return site_telemetry(has_holdout).first(has_holdout ? 2 : 1);
}

}  // namespace genesis::autoregressive
