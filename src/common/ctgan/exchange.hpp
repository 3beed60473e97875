#pragma once
// What the sites of CTGAN tell beside their updates.
#include <array>

#include "common/method/telemetry.hpp"

namespace genesis::ctgan {

// Telemetry beside that of all methods of rounds: means over the local steps.
inline constexpr const char* kGeneratorLoss = "generator_loss";
inline constexpr const char* kDiscriminatorLoss = "discriminator_loss";

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
