#pragma once
// What the two halves of a method that trains in rounds call the things that travel between them.
#include <string_view>

namespace genesis::method {

inline constexpr std::string_view kUpdates = "updates";        // purpose of a round's collection
inline constexpr std::string_view kParameters = "parameters";  // document: the global parameters

// Telemetry of every such method, beside its losses: the norm of the whole update, the number of
// steps, their mean time and the seconds that all of them took.
inline constexpr const char* kUpdateNorm = "update_norm";
inline constexpr const char* kStepSeconds = "step_seconds";
inline constexpr const char* kTrainSeconds = "train_seconds";
inline constexpr const char* kSteps = "steps";
// Where spec.rounds.stopCondition asks for it.
inline constexpr const char* kHoldoutLoss = "holdout_loss";

}  // namespace genesis::method
