#pragma once
// One thing that sites are asked for, and how far the answers have come. The join, what a method
// asks of everyone, and each round are collections; a protocol that takes several messages a site
// (key exchange, masked input, unmasking) is a longer list of stages. Values.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/close_policy.hpp"

namespace genesis::rounds {

/// What a site has to send next for a collection. A plain sum has one stage.
enum class Stage { kInput };

/// Who is asked.
enum class Roster {
  kEveryone,  // every member, once; who has not answered at the deadline leaves the training
  kDrawn,     // rounds.clientFraction of the members in good standing, drawn by seed and round
};

/// What a method wants next, as far as the rules need to know.
struct Request {
  std::string purpose;  // "summaries", "updates": for people
  Roster roster = Roster::kDrawn;
  RoundId round;  // of the training; 0 for what precedes the rounds
  bool operator==(const Request&) const = default;
};

struct Collection {
  CollectionId id;  // 0 is the join
  Request request;
  std::vector<Stage> stages{Stage::kInput};
  std::size_t stage = 0;        // the open one of `stages`
  std::set<ClientId> roster;    // who is asked
  std::set<ClientId> reported;  // who has answered the open stage
  ClosePolicy policy;
  std::uint32_t attempt = 1;
  Instant deadline;  // of the attempt

  [[nodiscard]] bool awaits(const ClientId& client) const {
    return roster.contains(client) && !reported.contains(client);
  }
};

/// "round 3", or its purpose where it belongs to no round.
[[nodiscard]] std::string name_of(const Request& request);

}  // namespace genesis::rounds
