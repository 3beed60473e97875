#pragma once
// The condition types and reasons that a FederatedTraining's status may have (after KEP-1623), each
// with what it means. They are interface: alerts and scripts refer to them.
#include <string_view>

namespace genesis::control {

// Condition types.
inline constexpr std::string_view kQuorumReached = "QuorumReached";
inline constexpr std::string_view kTraining = "Training";
inline constexpr std::string_view kSuspended = "Suspended";
inline constexpr std::string_view kDegraded = "Degraded";
inline constexpr std::string_view kComplete = "Complete";
inline constexpr std::string_view kFailed = "Failed";
// The summary that tools read (kstatus, Argo CD): ready, on the way, or stopped until somebody
// acts.
inline constexpr std::string_view kReady = "Ready";
inline constexpr std::string_view kProgressing = "Progressing";
inline constexpr std::string_view kStalled = "Stalled";

namespace reason {
// QuorumReached.
inline constexpr std::string_view kWaitingForClients =
    "WaitingForClients";  // fewer than minClients
inline constexpr std::string_view kEnoughClients = "EnoughClients";
// Training.
inline constexpr std::string_view kNotStarted = "NotStarted";
inline constexpr std::string_view kAgreeingOnEncoding =
    "AgreeingOnEncoding";  // sites count their rows
inline constexpr std::string_view kRunningRounds = "RunningRounds";
inline constexpr std::string_view kTrainingFinished = "TrainingFinished";  // the model is complete
inline constexpr std::string_view kTrainingStopped = "TrainingStopped";    // suspended or failed
// Suspended.
inline constexpr std::string_view kSuspendedBySpec = "SuspendedBySpec";
inline constexpr std::string_view kSuspending = "Suspending";  // pods are being stopped
inline constexpr std::string_view kResumed = "Resumed";
inline constexpr std::string_view kNotSuspended = "NotSuspended";
// Degraded: the reason is that of the most serious problem; the message has all problems.
inline constexpr std::string_view kAsExpected = "AsExpected";
inline constexpr std::string_view kInvalidSpec = "InvalidSpec";  // this operator cannot read it
inline constexpr std::string_view kNotAllowed =
    "NotAllowed";  // a volume, image or Secret that the training must not use, or a policy that is
                   // not there
inline constexpr std::string_view kForeignObject = "ForeignObject";  // a name conflict
inline constexpr std::string_view kModelClaimExists =
    "ModelClaimExists";  // a deleted training of the same name has left its model
inline constexpr std::string_view kPaillierKeyUnusable =
    "PaillierKeyUnusable";  // the key of encrypted sums was deleted, or cannot be read
inline constexpr std::string_view kApplyFailed = "ApplyFailed";  // the API server refused a change
inline constexpr std::string_view kSpecChanged = "SpecChanged";  // after the start
inline constexpr std::string_view kParticipantFailed = "ParticipantFailed";
inline constexpr std::string_view kPrivacyBudgetExhausted =
    "PrivacyBudgetExhausted";  // a site's ledger has no room for this training
inline constexpr std::string_view kParticipantAbsent =
    "ParticipantAbsent";  // lost, dropped or quarantined by the aggregator
inline constexpr std::string_view kPodNotStarting = "PodNotStarting";  // image, volume, Secret
inline constexpr std::string_view kPodUnschedulable = "PodUnschedulable";
inline constexpr std::string_view kPodMissing = "PodMissing";  // quota, admission
inline constexpr std::string_view kClaimTerminating =
    "ClaimTerminating";  // somebody has deleted a claim that is in use
inline constexpr std::string_view kServicePending =
    "ServicePending";  // sites outside the cluster have no address to connect to
inline constexpr std::string_view kCertificateExpiring =
    "CertificateExpiring";  // the user's authority ends soon
inline constexpr std::string_view kAggregatorRestarting = "AggregatorRestarting";
inline constexpr std::string_view kAggregatorUnreachable = "AggregatorUnreachable";
inline constexpr std::string_view kJobSuspended =
    "JobSuspended";  // by somebody else, such as a queue; the operator leaves it so
inline constexpr std::string_view kTrainingWarning =
    "TrainingWarning";  // the aggregator warns: of a client that dominates, of divergence
// Events.
inline constexpr std::string_view kChildRestored =
    "ChildRestored";  // somebody has deleted or changed an object of the training
inline constexpr std::string_view kRetried = "Retried";  // spec.retry has started it again
inline constexpr std::string_view kCertificatesRenewed = "CertificatesRenewed";
inline constexpr std::string_view kJoinBundleRenewed =
    "JoinBundleRenewed";  // a site outside the cluster needs its bundle anew
inline constexpr std::string_view kExtended = "Extended";  // rounds.count was raised
inline constexpr std::string_view kJobReplaced =
    "JobReplaced";  // it had failed too often, but there was progress in between
// Complete.
inline constexpr std::string_view kInProgress = "InProgress";
inline constexpr std::string_view kModelReady = "ModelReady";
inline constexpr std::string_view kRowsReady = "RowsReady";  // model and synthetic rows
inline constexpr std::string_view kPartialParticipation =
    "PartialParticipation";  // complete, but without the rows of a named site
// Failed.
inline constexpr std::string_view kNoFailure = "NoFailure";
inline constexpr std::string_view kTrainingFailed = "TrainingFailed";  // the aggregator reports why
inline constexpr std::string_view kAggregatorFailed = "AggregatorFailed";  // its Job failed
inline constexpr std::string_view kQuorumImpossible = "QuorumImpossible";
inline constexpr std::string_view kStartDeadlineExceeded = "StartDeadlineExceeded";
inline constexpr std::string_view kDeadlineExceeded = "DeadlineExceeded";
inline constexpr std::string_view kModelLost = "ModelLost";  // its claim was deleted
inline constexpr std::string_view kGenerateFailed = "GenerateFailed";
}  // namespace reason

}  // namespace genesis::control
