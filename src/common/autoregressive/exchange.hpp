#pragma once
// What the sites of the method tell beside their updates.
#include <array>

#include "common/method/telemetry.hpp"

namespace genesis::autoregressive {

// Telemetry beside that of all methods of rounds: a mean over the local steps.
inline constexpr const char* kTrainingLoss = "training_loss";

// Metrics show the loss of a round, and at the site its update's norm too (the server computes the
// norms itself).
inline constexpr std::array kTelemetry{
    method::TelemetryName{"training_loss",
                          "Negative log-likelihood of a row in nats, mean over the local steps."},
    method::TelemetryName{"update_norm", "Euclidean norm of the last update."},
};
inline constexpr std::size_t kRoundTelemetry = 1;  // the first ones

}  // namespace genesis::autoregressive
