#pragma once
// How far one client can be counted on: what it has missed or sent in vain, whether it is still
// heard of, and until when it sits out. Values and the few rules over them; rounds::step decides
// when they apply.
#include <chrono>
#include <cstdint>
#include <string>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"

namespace genesis::rounds {

struct Standing {
  Instant last_seen;                // the last thing that it asked or sent
  bool is_lost = false;             // silent for longer than a round may take
  std::chrono::seconds silence{0};  // how long it had been silent when it was taken for lost
  RoundId first_round;  // it may be drawn from this round on: late joiners wait for the next
  RoundId returns_in;   // quarantined: may be drawn again from this round on; 0: not quarantined
  std::string reason;   // of its last failure; "" after an update that was taken
  std::uint32_t failures = 0;  // in a row: rounds missed and updates refused for their content
  std::uint32_t times_quarantined = 0;
  std::uint64_t late_updates = 0;  // of the whole training
  std::uint64_t invalid_updates = 0;

  [[nodiscard]] bool is_quarantined() const { return returns_in.value != 0; }
  /// May be drawn, if it joined in time.
  [[nodiscard]] bool is_active() const { return !is_lost && !is_quarantined(); }
  bool operator==(const Standing&) const = default;
};

/// Rounds that a client sits out when it is quarantined for the `times`-th time: 1, 2, 4, … up
/// to 64.
[[nodiscard]] std::uint32_t rounds_to_sit_out(std::uint32_t times);

/// An update was taken: failures are forgiven, the times that it was quarantined are not.
void succeed(Standing& standing);

/// One more failure in `round`. True where it is the `max_failures`-th in a row or a later one and
/// quarantines the client: it sits out whole rounds after this one.
[[nodiscard]] bool fail_once(Standing& standing,
                             std::string reason,
                             RoundId round,
                             std::uint32_t max_failures);

/// A client that was quarantined asks for a task in `round`. True where it has sat out its rounds:
/// it may be drawn again, and its next failure quarantines it at once.
[[nodiscard]] bool try_return(Standing& standing, RoundId round, std::uint32_t max_failures);

/// Why it is quarantined and until when.
[[nodiscard]] std::string why_quarantined(const Standing& standing);
/// Why it counts as lost; the same words for as long as it does, so that who watches sees no
/// change.
[[nodiscard]] std::string why_lost(const Standing& standing);

}  // namespace genesis::rounds
