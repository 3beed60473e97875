#pragma once
// The life of a training as a pure machine: (state, event, now) -> (state, effects). No socket, no
// clock, no weights: the aggregator and the simulation carry the effects out. Joining, then
// summaries, then rounds (McMahan et al. 2017, Algorithm 1), each with a deadline out of it.
//
// A round closes once it has the updates that it needs, or once nobody else is awaited and the
// quorum is met, or at its deadline with the quorum. Without the quorum it is tried again (the
// updates so far stay), then the training fails and names who was missing. A client that is silent
// for as long as a round may take is lost until it asks for a task again; one that fails
// max_failures times in a row is set aside and sits out 1, 2, 4, … rounds. With over_selection 0
// and nobody lost, late or set aside, which updates are folded does not depend on time.
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/state.hpp"

namespace genesis::rounds {

// Events.
struct ClientJoined {  // late joiners: its table fits the agreed encoding
  ClientId client;
};
struct TaskAsked {
  ClientId client;
};
struct SummaryReceived {
  ClientId client;
};
struct UpdateAnnounced {  // it is on its way: refused now, it need not travel
  ClientId client;
  RoundId round;
};
struct UpdateReceived {  // its content has been checked
  ClientId client;
  RoundId round;
};
struct UpdateRefused {  // its content was no update of this training
  ClientId client;
  std::string reason;
};
struct Tick {};
using Event = std::variant<ClientJoined,
                           TaskAsked,
                           SummaryReceived,
                           UpdateAnnounced,
                           UpdateReceived,
                           UpdateRefused,
                           Tick>;

// Effects.
struct AdmitClient {
  ClientId client;
  bool operator==(const AdmitClient&) const = default;
};
struct RefuseClient {
  ClientId client;
  std::string reason;
  bool operator==(const RefuseClient&) const = default;
};
struct DeferClient {  // it may join a little later
  ClientId client;
  std::string reason;
  bool operator==(const DeferClient&) const = default;
};
struct RequestSummaries {
  bool operator==(const RequestSummaries&) const = default;
};
struct AddSummary {
  ClientId client;
  bool operator==(const AddSummary&) const = default;
};
struct FitEncoder {
  bool operator==(const FitEncoder&) const = default;
};
struct OpenRound {
  RoundId round;
  bool operator==(const OpenRound&) const = default;
};
struct FoldUpdate {
  ClientId client;
  bool operator==(const FoldUpdate&) const = default;
};
struct IgnoreDuplicate {  // already folded: answer as the first time
  ClientId client;
  bool operator==(const IgnoreDuplicate&) const = default;
};
struct RejectStale {  // not awaited: too late, of another round, or from a client that sits out
  ClientId client;
  RoundId current;
  std::string reason;
  bool operator==(const RejectStale&) const = default;
};
struct LoseClient {  // silent for too long: nobody waits for it
  ClientId client;
  std::string reason;
  bool operator==(const LoseClient&) const = default;
};
struct SetAsideClient {
  ClientId client;
  std::string reason;
  bool operator==(const SetAsideClient&) const = default;
};
struct TakeBackClient {  // lost or set aside before; it may be drawn again
  ClientId client;
  bool operator==(const TakeBackClient&) const = default;
};
struct DrawReplacement {  // takes part in the open round after all
  ClientId client;
  bool operator==(const DrawReplacement&) const = default;
};
struct CloseRound {
  RoundId round;
  bool operator==(const CloseRound&) const = default;
};
struct ExtendRound {  // no quorum yet: the updates so far stay, the rest get another deadline
  RoundId round;
  std::uint32_t attempt;
  bool operator==(const ExtendRound&) const = default;
};
struct FinishTraining {
  bool operator==(const FinishTraining&) const = default;
};
struct FailTraining {
  std::string reason;
  bool operator==(const FailTraining&) const = default;
};
using Effect = std::variant<AdmitClient,
                            RefuseClient,
                            DeferClient,
                            RequestSummaries,
                            AddSummary,
                            FitEncoder,
                            OpenRound,
                            FoldUpdate,
                            IgnoreDuplicate,
                            RejectStale,
                            LoseClient,
                            SetAsideClient,
                            TakeBackClient,
                            DrawReplacement,
                            CloseRound,
                            ExtendRound,
                            FinishTraining,
                            FailTraining>;

struct Step {
  State state;
  std::vector<Effect> effects;
};

/// The state before anyone has joined.
[[nodiscard]] State start(const Config& config, Instant now);
[[nodiscard]] Step step(const Config& config, State state, const Event& event, Instant now);

/// Goes on after `closed` (0: no round yet) with the members that a checkpoint names: opens the
/// next round, or finishes. All of them count as seen now.
[[nodiscard]] Step resume(const Config& config,
                          std::map<ClientId, Member> members,
                          RoundId closed,
                          Instant now);

}  // namespace genesis::rounds
