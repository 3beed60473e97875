#pragma once
// What a step asks its caller to do, and what it answers whoever caused it.
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/contribution.hpp"

namespace genesis::rounds {

/// Work out what comes next: at the start, or from the sum of the collection that has just closed.
/// The answer comes back as NextRequested, ModelReleased or EffectFailed.
struct Advance {
  bool operator==(const Advance&) const = default;
};
/// Ask the roster of the state's open collection.
struct OpenCollection {
  CollectionId collection;
  bool operator==(const OpenCollection&) const = default;
};
struct Fold {
  std::shared_ptr<const Contribution> contribution;
  bool operator==(const Fold&) const = default;
};
/// The open collection's stage has all that it needed: what the next one asks is to be made of it,
/// for those who have answered.
struct CloseStage {
  CollectionId collection;
  bool operator==(const CloseStage&) const = default;
};
/// No quorum yet: the contributions so far stay, the rest get another deadline. Of a collection of
/// several stages RestartCollection begins another attempt, unless it only waits to be opened.
struct ExtendCollection {
  CollectionId collection;
  std::uint32_t attempt;
  bool operator==(const ExtendCollection&) const = default;
};
/// Silent for too long: nobody waits for it.
struct LoseClient {
  ClientId client;
  std::string reason;
  bool operator==(const LoseClient&) const = default;
};
struct QuarantineClient {
  ClientId client;
  std::string reason;
  bool operator==(const QuarantineClient&) const = default;
};
/// Lost or quarantined before; it may be drawn again.
struct ReadmitClient {
  ClientId client;
  bool operator==(const ReadmitClient&) const = default;
};
/// It has not answered what everyone is asked: it is no member any more, and may join again.
struct LeaveOut {
  ClientId client;
  bool operator==(const LeaveOut&) const = default;
};
/// It has been disqualified: it is no member any more, and may join again with other data.
struct DisqualifyClient {
  ClientId client;
  std::string reason;
  bool operator==(const DisqualifyClient&) const = default;
};
/// It has been evicted: it is no member any more, and nobody waits for it.
struct EvictClient {
  ClientId client;
  bool operator==(const EvictClient&) const = default;
};
/// The open collection has the contribution of a client that has been evicted: what has been folded
/// is void, and those who are left are asked for theirs again, which they have kept. Or its secure
/// sum can't be opened without members who have gone: another attempt begins.
struct RestartCollection {
  CollectionId collection;
  bool operator==(const RestartCollection&) const = default;
};
/// Takes part in the open collection after all.
struct DrawReplacement {
  ClientId client;
  bool operator==(const DrawReplacement&) const = default;
};
struct FinishTraining {
  bool operator==(const FinishTraining&) const = default;
};
struct FailTraining {
  std::string reason;
  bool operator==(const FailTraining&) const = default;
};
using Effect = std::variant<Advance,
                            OpenCollection,
                            Fold,
                            CloseStage,
                            ExtendCollection,
                            LoseClient,
                            QuarantineClient,
                            ReadmitClient,
                            LeaveOut,
                            DisqualifyClient,
                            EvictClient,
                            RestartCollection,
                            DrawReplacement,
                            FinishTraining,
                            FailTraining>;

struct Accepted {
  bool operator==(const Accepted&) const = default;
};
/// It has been taken already: answer as the first time.
struct Duplicate {
  bool operator==(const Duplicate&) const = default;
};
struct Refused {
  Errc code;
  std::string message;
  bool operator==(const Refused&) const = default;
};
using Reply = std::variant<Accepted, Duplicate, Refused>;

}  // namespace genesis::rounds
