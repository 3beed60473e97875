#include "operator/causes.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>

#include "common/base/exit_code.hpp"
#include "common/base/text.hpp"
#include "operator/naming.hpp"

namespace genesis::control {
namespace {

constexpr std::size_t kLongestLine = 500;
// A shell's and Kubernetes' exit code of a process that a signal ended, less the signal.
constexpr int kSignalBase = 128;

std::string signal_name(int number) {
  switch (number) {
    case SIGKILL:
      return "SIGKILL";
    case SIGTERM:
      return "SIGTERM";
    case SIGSEGV:
      return "SIGSEGV";
    case SIGABRT:
      return "SIGABRT";
    case SIGBUS:
      return "SIGBUS";
    default:
      return "signal " + std::to_string(number);
  }
}

const ParticipantStatus* known(const Training& training, const std::string& name) {
  const auto& participants = training.status.participants;
  const auto found = std::ranges::find(participants, name, &ParticipantStatus::name);
  return found == participants.end() ? nullptr : &*found;
}

// The last round that has an update of this site; nothing where that cannot be told.
std::optional<std::int64_t> last_round(const std::string& name,
                                       const ParticipantStatus* before,
                                       const std::map<std::string, SiteOutcome>& sites) {
  if (const auto site = sites.find(name); site != sites.end()) {
    return site->second.last_round;
  }
  if (!sites.empty()) {
    return 0;
  }
  return before == nullptr ? std::nullopt : before->last_round;
}

}  // namespace

std::string last_line(const Termination& termination) {
  std::string_view text = termination.message;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  const auto end = text.rfind('\n');
  std::string line(end == std::string_view::npos ? text : text.substr(end + 1));
  if (line.empty()) {
    line = termination.reason == "Error" ? "" : termination.reason;
  }
  return printable(line, kLongestLine);
}

std::string why_ended(const Pod& pod) {
  if (!pod.reason.empty()) {  // the kubelet ended the pod: Evicted, NodeShutdown
    return printable(pod.reason + (pod.message.empty() ? "" : ": " + pod.message), kLongestLine);
  }
  const auto& end = pod.last ? pod.last : pod.before;
  if (!end) {
    return "";
  }
  const int code = end->exit_code;
  if (end->reason == "OOMKilled") {
    return "OOMKilled: it needed more memory than its limit; raise resources.limits.memory";
  }
  if (code > kSignalBase) {
    return "exit code " + std::to_string(code) + " (" + signal_name(code - kSignalBase) + ")";
  }
  const std::string line = last_line(*end);
  return line.empty() ? "exit code " + std::to_string(code) : line;
}

bool is_stuck(const Pod& pod) {
  constexpr std::array<std::string_view, 6> kBad = {"ErrImagePull",
                                                    "ImagePullBackOff",
                                                    "InvalidImageName",
                                                    "CreateContainerConfigError",
                                                    "CreateContainerError",
                                                    "RunContainerError"};
  return std::ranges::find(kBad, pod.waiting_reason) != kBad.end();
}

std::string why_waiting(const Pod& pod) {
  const std::string why =
      pod.waiting_reason + (pod.waiting_message.empty() ? "" : ": " + pod.waiting_message);
  return printable(why, kLongestLine);
}

std::string why_not_running(const Pod* pod) {
  if (pod == nullptr || pod->is_running || pod->is_deleting) {
    return "";
  }
  if (!pod->reason.empty() || (pod->last && pod->last->exit_code != 0)) {
    return why_ended(*pod);
  }
  if (is_stuck(*pod)) {
    return why_waiting(*pod);
  }
  if (!pod->unschedulable.empty()) {
    return printable(pod->unschedulable, kLongestLine);
  }
  return pod->before && pod->before->exit_code != 0 ? why_ended(*pod) : "";
}

std::string why_lost(const Training& training,
                     const spec::Participant& participant,
                     const Children& children) {
  const std::string name = Names(training.name).worker(participant.name);
  const auto* const job = children.job(name);
  if (participant.external || job == nullptr) {
    return "";
  }
  const auto* const pod = children.newest_pod(name);
  const bool is_permanent = pod != nullptr && !pod->is_running && pod->last &&
                            pod->last->exit_code == kExitPermanentError;
  if (!job->is_failed && !is_permanent) {
    return "";
  }
  if (std::string why = pod != nullptr ? why_ended(*pod) : ""; !why.empty()) {
    return why;
  }
  // The Job controller has deleted the pod. What it ended with was noted while it was there.
  const auto* const before = known(training, participant.name);
  return before == nullptr || before->reason.empty() ? job->message : before->reason;
}

std::vector<LeftOut> left_out(const Training& training,
                              const Children& children,
                              const std::map<std::string, SiteOutcome>& sites) {
  std::vector<LeftOut> out;
  for (const auto& participant : training.spec.participants) {
    const auto* const before = known(training, participant.name);
    const auto last = last_round(participant.name, before, sites);
    if (last && *last >= training.spec.rounds.count) {
      continue;
    }
    std::string why = why_lost(training, participant, children);
    const bool has_gone =
        !why.empty() ||
        (before != nullptr && (before->state == kStateFailed || before->state == kStateAbsent));
    // Where not all sites are drawn in each round, one may never have been.
    const bool is_drawn_by_lot =
        training.spec.rounds.client_fraction < 1.0 && sites.contains(participant.name);
    const bool is_missing = last && *last == 0 && !is_drawn_by_lot;
    if (!has_gone && !is_missing) {
      continue;
    }
    if (why.empty() && before != nullptr) {
      why = before->reason;
    }
    if (why.empty()) {
      why = "it did not take part";
    }
    const std::string until =
        last && *last > 0 ? "not after round " + std::to_string(*last) + ": " : "";
    out.push_back({participant.name, until + why});
  }
  return out;
}

}  // namespace genesis::control
