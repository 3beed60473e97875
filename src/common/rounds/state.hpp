#pragma once
// What the rules of a training are and where it stands, as values.
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/collection.hpp"
#include "common/rounds/standing.hpp"

namespace genesis::rounds {

struct Config {
  std::uint64_t seed = 0;
  std::set<ClientId> participants;  // who may join; empty: anyone
  std::size_t min_clients = 1;      // quorum of every collection
  std::size_t max_clients = 100;
  std::size_t expected_clients = 1;      // once so many have joined, nobody is waited for
  double client_fraction = 1.0;          // of the available clients, in a drawn collection
  double over_selection = 0.0;           // this share more is drawn than is needed
  Milliseconds round_deadline{300'000};  // of a collection's attempt; and the silence that loses a
                                         // client
  Milliseconds start_deadline{600'000};
  std::uint32_t retries = 2;       // further attempts of a drawn collection without a quorum
  std::uint32_t max_failures = 3;  // in a row, then a client is quarantined
  /// Of secure sums: how many of so many members have to be in one. Empty where sums are in the
  /// clear.
  std::function<std::size_t(std::size_t members)> threshold = {};
  std::vector<Stage> sum_stages = masked_stages();  // of these
};

enum class Phase {
  kJoining,     // the open collection is the join
  kCollecting,  // sites are asked for the open collection
  kAdvancing,   // it is closed, and what comes next is being worked out
  kComplete,
  kFailed,
};

struct Member {
  std::string instance;          // of the process that takes part as this client
  CollectionId last_collection;  // the last that it contributed to: its idempotency key
  RoundId last_round;            // that collection's round
  Standing standing;
  bool operator==(const Member&) const = default;
};

/// Ordered by client id everywhere, so that nothing depends on the order of arrival.
struct State {
  Phase phase = Phase::kJoining;
  Collection open;  // the last one that was opened
  std::map<ClientId, Member> members;
  std::map<ClientId, std::string> disqualified;  // and why; until they join with other data
  std::set<ClientId> evicted;  // until they join again, if their certificates are accepted again
  std::string last_close;  // why the collection before the open one closed, for who came too late
  std::string reason;      // why the training failed

  [[nodiscard]] bool is_over() const {
    return phase == Phase::kComplete || phase == Phase::kFailed;
  }
};

}  // namespace genesis::rounds
