#pragma once
// When a collection has enough: a value, and what follows from it. Other ways to close (a buffer
// that closes by count alone, a lag that is allowed) are other values of it. Pure.
#include <cstddef>
#include <cstdint>

#include "common/base/clock.hpp"

namespace genesis::rounds {

struct ClosePolicy {
  std::size_t quorum = 1;      // it never closes with fewer contributions
  std::size_t needed = 1;      // so many close it before its deadline
  Milliseconds deadline{0};    // of each attempt
  std::uint32_t retries = 0;   // further deadlines without a quorum, then the training fails
  bool waits_for_all = false;  // it goes on with fewer than `needed` at its deadline alone
  bool operator==(const ClosePolicy&) const = default;
};

/// How far a collection has come.
struct Progress {
  std::size_t reported = 0;
  std::size_t awaited = 0;    // asked, in good standing, and not reported
  std::uint32_t attempt = 1;  // from 1
  bool is_due = false;        // the attempt's deadline has passed
};

enum class Verdict {
  kOpen,             // wait
  kCloseComplete,    // it has what it needed
  kCloseNobodyLeft,  // it has its quorum, and nobody else is awaited
  kCloseAtDeadline,  // it has its quorum, and the deadline has passed
  kRetry,            // no quorum at the deadline: another attempt
  kFail,             // no quorum, and no attempt is left
};
[[nodiscard]] Verdict judge(const ClosePolicy& policy, const Progress& progress);

/// ceil(fraction * available), but at least the quorum.
[[nodiscard]] std::size_t needed_of(double fraction, std::size_t available, std::size_t quorum);
/// needed + ceil(over_selection * needed).
[[nodiscard]] std::size_t drawn_for(std::size_t needed, double over_selection);

}  // namespace genesis::rounds
