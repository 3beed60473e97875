#pragma once
// The life of a training as a pure machine: (state, event, now) -> (state, effects). No socket, no
// clock, no weights: the aggregator and the simulation carry the effects out. Joining, then
// summaries, then rounds (McMahan et al. 2017, Algorithm 1), each with a deadline out of it.
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"

namespace genesis::rounds {

struct Config {
  std::uint64_t seed = 0;
  std::uint32_t total_rounds = 10;
  std::size_t min_clients = 1;  // quorum of the start and of every round
  std::size_t max_clients = 100;
  std::size_t expected_clients = 1;  // once so many have joined, nobody is waited for
  double client_fraction = 1.0;
  Milliseconds round_deadline{300'000};  // of the summaries too
  Milliseconds start_deadline{600'000};
  std::uint32_t round_attempts = 3;  // deadlines without a quorum before the training fails
};

enum class Phase { kJoining, kSummarizing, kTraining, kComplete, kFailed };

struct Member {
  bool has_summary = false;
  RoundId last_round;
  bool operator==(const Member&) const = default;
};

/// Ordered by client id everywhere, so that nothing depends on the order of arrival.
struct State {
  Phase phase = Phase::kJoining;
  Instant deadline;
  std::map<ClientId, Member> members;
  RoundId round;
  std::uint32_t attempt = 0;
  std::set<ClientId> selected;
  std::set<ClientId> reported;
  std::string reason;  // why it failed
};

// Events.
struct ClientJoined {
  ClientId client;
};
struct SummaryReceived {
  ClientId client;
};
struct UpdateReceived {  // its content has been checked
  ClientId client;
  RoundId round;
};
struct Tick {};
using Event = std::variant<ClientJoined, SummaryReceived, UpdateReceived, Tick>;

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
struct RejectStale {
  ClientId client;
  RoundId current;
  bool operator==(const RejectStale&) const = default;
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
                            RequestSummaries,
                            AddSummary,
                            FitEncoder,
                            OpenRound,
                            FoldUpdate,
                            IgnoreDuplicate,
                            RejectStale,
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
/// next round, or finishes.
[[nodiscard]] Step resume(const Config& config,
                          std::map<ClientId, Member> members,
                          RoundId closed,
                          Instant now);

/// The clients of `round`: ceil(fraction * members), at least min_clients, drawn without
/// replacement from a stream named by seed and round.
[[nodiscard]] std::set<ClientId> select_clients(const Config& config,
                                                const std::map<ClientId, Member>& members,
                                                RoundId round);

}  // namespace genesis::rounds
