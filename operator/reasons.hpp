#pragma once
// Every condition type and reason that a FederatedTraining's status may carry (after KEP-1623),
// each with what it tells a person. They are interface: alerts and scripts name them.
#include <string_view>

namespace genesis::control {

// Condition types.
inline constexpr std::string_view kQuorumReached = "QuorumReached";
inline constexpr std::string_view kTraining = "Training";
inline constexpr std::string_view kSuspended = "Suspended";
inline constexpr std::string_view kDegraded = "Degraded";
inline constexpr std::string_view kComplete = "Complete";
inline constexpr std::string_view kFailed = "Failed";

namespace reason {
// QuorumReached.
inline constexpr std::string_view kWaitingForClients =
    "WaitingForClients";  // fewer than minClients
inline constexpr std::string_view kEnoughClients = "EnoughClients";
// Training.
inline constexpr std::string_view kNotStarted = "NotStarted";
inline constexpr std::string_view kAgreeingOnEncoding = "AgreeingOnEncoding";  // sites count
inline constexpr std::string_view kRunningRounds = "RunningRounds";
inline constexpr std::string_view kTrainingFinished = "TrainingFinished";  // the model is there
inline constexpr std::string_view kTrainingStopped = "TrainingStopped";    // suspended or failed
// Suspended.
inline constexpr std::string_view kSuspendedBySpec = "SuspendedBySpec";
inline constexpr std::string_view kSuspending = "Suspending";  // pods are still going
inline constexpr std::string_view kResumed = "Resumed";
inline constexpr std::string_view kNotSuspended = "NotSuspended";
// Degraded: the first of what is wrong, the gravest first; the message has all.
inline constexpr std::string_view kAsExpected = "AsExpected";
inline constexpr std::string_view kInvalidSpec = "InvalidSpec";      // this operator can't read it
inline constexpr std::string_view kForeignObject = "ForeignObject";  // a name of ours is taken
inline constexpr std::string_view kApplyFailed = "ApplyFailed";  // the API server refused a child
inline constexpr std::string_view kSpecChanged = "SpecChanged";  // after the start
inline constexpr std::string_view kParticipantFailed = "ParticipantFailed";
inline constexpr std::string_view kParticipantAbsent =
    "ParticipantAbsent";  // lost or set aside by the aggregator
inline constexpr std::string_view kPodNotStarting = "PodNotStarting";  // image, volume, Secret
inline constexpr std::string_view kPodUnschedulable = "PodUnschedulable";
inline constexpr std::string_view kPodMissing = "PodMissing";  // quota, admission
inline constexpr std::string_view kAggregatorRestarting = "AggregatorRestarting";
inline constexpr std::string_view kAggregatorUnreachable = "AggregatorUnreachable";
// Complete.
inline constexpr std::string_view kInProgress = "InProgress";
inline constexpr std::string_view kModelReady = "ModelReady";
inline constexpr std::string_view kRowsReady = "RowsReady";  // model and synthetic rows
// Failed.
inline constexpr std::string_view kNoFailure = "NoFailure";
inline constexpr std::string_view kTrainingFailed = "TrainingFailed";  // the aggregator says why
inline constexpr std::string_view kAggregatorFailed = "AggregatorFailed";  // it does not stay up
inline constexpr std::string_view kQuorumImpossible = "QuorumImpossible";
inline constexpr std::string_view kStartDeadlineExceeded = "StartDeadlineExceeded";
inline constexpr std::string_view kDeadlineExceeded = "DeadlineExceeded";
inline constexpr std::string_view kGenerateFailed = "GenerateFailed";
}  // namespace reason

}  // namespace genesis::control
