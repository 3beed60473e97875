#pragma once
// What can happen to a training: each with all that the rules need to know of it.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/rounds/collection.hpp"
#include "common/rounds/contribution.hpp"

namespace genesis::rounds {

/// Who speaks: a client, and which of the processes that may run under its name.
struct Speaker {
  ClientId client;
  std::string instance = {};  // "" for a peer that names none
};

/// Which message of a collection of several stages.
struct StageStep {
  std::uint32_t attempt = 1;  // of the sum
  Stage stage = Stage::kKeys;
  bool operator==(const StageStep&) const = default;
};

/// A client wants to take part; the method has found its table fit.
struct ClientJoined {
  Speaker speaker;
  bool is_holder_gone = true;  // the process that took part as this client is known to have ended
};
/// It asks what to do.
struct TaskAsked {
  Speaker speaker;
};
/// A contribution is on its way: refused now, it need not travel.
struct ContributionAnnounced {
  Speaker speaker;
  CollectionId collection;
  std::optional<StageStep> step = {};  // of a collection of several stages
};
/// It has arrived, and the method has checked its content.
struct ContributionReceived {
  Speaker speaker;
  std::shared_ptr<const Contribution> contribution;  // shared with the effect that folds it
};
/// Its content was none that this training can use.
struct ContributionRefused {
  ClientId client;
  std::string reason;
};
/// What it has told of its table contradicts the spec or the majority of the sites: it takes part
/// no more, or never did.
struct ClientDisqualified {
  ClientId client;
  std::string reason;
};
/// Its certificates are refused from now on: it takes part no more.
struct ClientEvicted {
  ClientId client;
};
/// The method asks for this next; the state behind it is durable.
struct NextRequested {
  Request request;
  std::vector<ClientDisqualified> disqualified = {};  // by what the method has found on the way
};
/// Whoever administers the training wants it to go on after `round`, whose state is in place again.
struct RolledBack {
  RoundId round;
};
/// The method has released its model.
struct ModelReleased {};
/// An effect could not be carried out.
struct EffectFailed {
  std::string reason;
};
struct Tick {};

using Event = std::variant<ClientJoined,
                           TaskAsked,
                           ContributionAnnounced,
                           ContributionReceived,
                           ContributionRefused,
                           ClientDisqualified,
                           ClientEvicted,
                           NextRequested,
                           RolledBack,
                           ModelReleased,
                           EffectFailed,
                           Tick>;

}  // namespace genesis::rounds
