#pragma once
// The life of a training as a pure machine: (state, event, now) -> (state, reply, effects). No
// socket, no clock, no weights: the aggregator and the simulation carry the effects out. First the
// join, then whatever the method asks for, collection after collection (for federated averaging:
// McMahan et al. 2017, Algorithm 1), each with a deadline out of it.
//
// A drawn collection closes once it has the contributions that it needs, or once nobody else is
// awaited and the quorum is met, or at its deadline with the quorum. Without the quorum it is tried
// again (the contributions so far stay), then the training fails and names who was missing. A
// client that is silent for as long as a collection may take is lost until it asks for a task
// again; one that fails max_failures times in a row is quarantined and sits out 1, 2, 4, … rounds.
// With over_selection 0 and nobody lost, late or quarantined, which contributions are folded does
// not depend on time.
//
// A secure sum is a collection of several stages: each closes as above, with those who have
// answered it, and is followed by the next among them. Without the quorum all stages begin again,
// unless the stages that open the sum have begun: these wait for those who are missing.
//
// One process takes part as a client at a time. While it lives, another one of the same name is
// refused: its optimizer would not be the one that the model has been trained with so far.
#include <map>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/effect.hpp"
#include "common/rounds/event.hpp"
#include "common/rounds/state.hpp"

namespace genesis::rounds {

struct Step {
  State state;
  Reply reply;  // to whoever caused the event
  std::vector<Effect> effects;
};

/// The state before anyone has joined.
[[nodiscard]] State start(const Config& config, Instant now);
[[nodiscard]] Step step(const Config& config, State state, const Event& event, Instant now);

/// Goes on after the collection `closed`, which was of `round`, with the members that a checkpoint
/// names: the method is asked what comes next. All of them count as seen now.
[[nodiscard]] Step resume(const Config& config,
                          std::map<ClientId, Member> members,
                          CollectionId closed,
                          RoundId round,
                          Instant now);

/// What `client`, a member, is to do now.
struct Wait {
  bool operator==(const Wait&) const = default;
};
struct Contribute {
  CollectionId collection;
  std::uint32_t attempt = 1;  // of the collection, or of its secure sum
  Stage stage = Stage::kInput;
  Milliseconds remaining{0};  // until the attempt's deadline
  bool operator==(const Contribute&) const = default;
};
struct Finish {
  bool operator==(const Finish&) const = default;
};
struct GiveUp {
  std::string reason;
  bool operator==(const GiveUp&) const = default;
};
using Todo = std::variant<Wait, Contribute, Finish, GiveUp>;
[[nodiscard]] Todo todo(const State& state, const ClientId& client, Instant now);

}  // namespace genesis::rounds
