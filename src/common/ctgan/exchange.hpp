#pragma once
// What the two halves of CTGAN call the things that travel between them.
#include <array>
#include <string_view>

#include "common/method/telemetry.hpp"

namespace genesis::ctgan {

inline constexpr std::string_view kUpdates = "updates";        // purpose of a round's collection
inline constexpr std::string_view kParameters = "parameters";  // document: the global parameters

// Telemetry: means over the local steps, but for the norm (of the whole update), the number of
// steps and the seconds that all of them took.
inline constexpr const char* kGeneratorLoss = "generator_loss";
inline constexpr const char* kDiscriminatorLoss = "discriminator_loss";
inline constexpr const char* kUpdateNorm = "update_norm";
inline constexpr const char* kStepSeconds = "step_seconds";
inline constexpr const char* kTrainSeconds = "train_seconds";
inline constexpr const char* kSteps = "steps";

// Metrics show the losses of a round, and at the site its update's norm too (the server computes
// the norms itself).
inline constexpr std::array kTelemetry{
    method::TelemetryName{"generator_loss", "Loss of the generator, mean over the local steps."},
    method::TelemetryName{"discriminator_loss",
                          "Loss of the discriminator, mean over the local steps."},
    method::TelemetryName{"update_norm", "Euclidean norm of the last update."},
};
inline constexpr std::size_t kRoundTelemetry = 2;  // the first ones

}  // namespace genesis::ctgan
