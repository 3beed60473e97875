#pragma once
// Why something ended or does not begin, from what the platform and the programs say of it. The
// platform's word comes first: the log of a process that was killed says what it did last, not why
// it ended. Pure.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "operator/observed.hpp"

namespace genesis::control {

/// The last line of a container's termination message or log, without control characters, at most
/// 500 bytes; the reason of the termination if there is none.
[[nodiscard]] std::string last_line(const Termination& termination);

/// Why the latest container of this pod, or the pod before it, ended: an eviction, a kill, or what
/// the program said last.
/// "" if none has ended.
[[nodiscard]] std::string why_ended(const Pod& pod);

/// Whether a container of this pod waits for something that will not come by itself: an image that
/// cannot be pulled, a Secret that is missing.
[[nodiscard]] bool is_stuck(const Pod& pod);

/// "ImagePullBackOff: …", of a container that waits.
[[nodiscard]] std::string why_waiting(const Pod& pod);

/// Why this participant cannot take part any more, or "" if it can.
[[nodiscard]] std::string why_lost(const Training& training,
                                   const spec::Participant& participant,
                                   const Children& children);

/// What keeps a participant from joining at the moment, from its pod: "" if nothing is known.
[[nodiscard]] std::string why_not_running(const Pod* pod);

struct LeftOut {
  std::string name;
  std::string why;
};

// States of participants that are over, in the status.
inline constexpr std::string_view kStateFailed = "Failed";
inline constexpr std::string_view kStateAbsent = "Absent";  // its rows are not in the model

/// The named participants whose rows the finished model lacks, from some round on or altogether.
/// `sites` is what the aggregator said at its end; empty if that is not known any more.
[[nodiscard]] std::vector<LeftOut> left_out(const Training& training,
                                            const Children& children,
                                            const std::map<std::string, SiteOutcome>& sites);

}  // namespace genesis::control
