#pragma once
// What the two halves of the method call the things that travel between them.
#include <array>
#include <string_view>

#include "common/method/telemetry.hpp"

namespace genesis::autoregressive {

inline constexpr std::string_view kUpdates = "updates";        // purpose of a round's collection
inline constexpr std::string_view kParameters = "parameters";  // document: the global parameters

// Telemetry: the loss is a mean over the local steps; the norm is of the whole update, and the
// seconds are those that all steps took.
inline constexpr const char* kTrainingLoss = "training_loss";
inline constexpr const char* kUpdateNorm = "update_norm";
inline constexpr const char* kStepSeconds = "step_seconds";
inline constexpr const char* kTrainSeconds = "train_seconds";
inline constexpr const char* kSteps = "steps";

// Metrics show the loss of a round, and at the site its update's norm too (the server computes the
// norms itself).
inline constexpr std::array kTelemetry{
    method::TelemetryName{"training_loss",
                          "Negative log-likelihood of a row in nats, mean over the local steps."},
    method::TelemetryName{"update_norm", "Euclidean norm of the last update."},
};
inline constexpr std::size_t kRoundTelemetry = 1;  // the first ones

}  // namespace genesis::autoregressive
