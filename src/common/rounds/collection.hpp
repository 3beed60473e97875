#pragma once
// One thing that sites are asked for, and how far the answers have come. The join, what a method
// asks of everyone, and each round are collections; a protocol that takes several messages a site
// (key exchange, masked input, unmasking) is a longer list of stages. Values.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/close_policy.hpp"

namespace genesis::rounds {

/// What a site has to send next for a collection. A sum in the clear has the stage kInput alone; a
/// masked one and an encrypted one have several, each with those who have answered the one before.
enum class Stage {
  kInput,
  kKeys,
  kShares,
  kMasked,
  kConfirm,
  kReveal,
  kEncrypted,
  kAccept,
  kDecrypt,
};
[[nodiscard]] std::string_view to_string(Stage stage);
[[nodiscard]] std::optional<Stage> parse_stage(std::string_view text);

[[nodiscard]] std::vector<Stage> masked_stages();
[[nodiscard]] std::vector<Stage> encrypted_stages();

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
  std::set<ClientId> asked;     // in the first stage
  std::set<ClientId> roster;    // who is asked in the open stage
  std::set<ClientId> reported;  // who has answered the open stage
  ClosePolicy policy;
  std::uint32_t attempt = 1;      // deadlines that it has had, and has
  std::uint32_t sum_attempt = 1;  // times that its stages have begun
  Instant deadline;               // of the attempt

  /// It takes several messages of each site.
  [[nodiscard]] bool is_staged() const { return stages.size() > 1; }
  [[nodiscard]] bool is_last_stage() const { return stage + 1 == stages.size(); }
  /// Who is in the sum does not change any more: what opens it is being collected.
  [[nodiscard]] bool is_settled() const {
    const Stage open = stages[stage];
    return open == Stage::kConfirm || open == Stage::kReveal || open == Stage::kAccept ||
           open == Stage::kDecrypt;
  }
  [[nodiscard]] bool awaits(const ClientId& client) const {
    return roster.contains(client) && !reported.contains(client);
  }
};

/// "round 3", or its purpose where it belongs to no round.
[[nodiscard]] std::string name_of(const Request& request);

}  // namespace genesis::rounds
