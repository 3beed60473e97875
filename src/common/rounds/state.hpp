#pragma once
// What the rules of a training are and where it stands, as values.
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/standing.hpp"

namespace genesis::rounds {

struct Config {
  std::uint64_t seed = 0;
  std::uint32_t total_rounds = 10;
  std::size_t min_clients = 1;  // quorum of the start and of every round
  std::size_t max_clients = 100;
  std::size_t expected_clients = 1;  // once so many have joined, nobody is waited for
  double client_fraction = 1.0;
  double over_selection = 0.0;  // this share more is drawn than a round needs
  Milliseconds round_deadline{
      300'000};  // of the summaries too; and the silence that loses a client
  Milliseconds start_deadline{600'000};
  std::uint32_t retries = 2;       // further deadlines of a round without a quorum, then it fails
  std::uint32_t max_failures = 3;  // in a row, then a client is set aside
};

enum class Phase { kJoining, kSummarizing, kTraining, kComplete, kFailed };

struct Member {
  bool has_summary = false;
  RoundId last_round;
  Standing standing;
  bool operator==(const Member&) const = default;
};

/// Ordered by client id everywhere, so that nothing depends on the order of arrival.
struct State {
  Phase phase = Phase::kJoining;
  Instant deadline;
  std::map<ClientId, Member> members;
  RoundId round;
  std::uint32_t attempt = 0;
  std::size_t needed = 0;  // updates that close the round before its deadline
  std::set<ClientId> selected;
  std::set<ClientId> reported;
  std::string last_close;  // why the round before this one closed, for those who came too late
  std::string reason;      // why it failed
};

}  // namespace genesis::rounds
