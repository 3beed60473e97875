#pragma once
// Where a training stands, judged from what was observed, and what is wrong with it. Pure. A
// verdict that it is over is final: it is read back from the status.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/observed.hpp"

namespace genesis::control {

enum class Stage {
  kInvalid,     // a spec that this operator can't read
  kHeld,        // suspended before it started: nothing is made
  kTraining,    // children are made, clients join, rounds run
  kSuspending,  // pods are going
  kSuspended,
  kGenerating,  // the model is there, rows are being made
  kComplete,
  kFailed,
};

/// What is wrong and may pass.
struct Problem {
  std::string_view reason;
  std::string message;
};

/// What the aggregator says at its end of a site.
struct SiteOutcome {
  std::int64_t rows = 0;
  std::int64_t last_round = 0;
};

struct Verdict {
  Stage stage = Stage::kTraining;
  std::string reason;  // of Complete or Failed
  std::string message;
  std::optional<ModelStatus> model;          // once it is there
  std::map<std::string, SiteOutcome> sites;  // with it, while the aggregator's pod is there
  std::vector<Problem> problems;             // the gravest first
  std::optional<SystemTime> look_again;      // when time alone may change the verdict
};

[[nodiscard]] Verdict judge(const Training& training,
                            const Observed& seen,
                            const Settings& settings);

/// The newest pod of that Job, or null.
[[nodiscard]] const Pod* newest_pod(const Children& children, std::string_view job);

/// Why this site can't take part any more, or "" where it can.
[[nodiscard]] std::string why_lost(const Training& training,
                                   const spec::Participant& participant,
                                   const Children& children);

/// Whether the aggregator counts on this client: one that is lost or dropped has to come back
/// first.
[[nodiscard]] bool is_joined(const wire::ClientReport& client);

/// Most bytes of one sentence of ours in a status, whatever it quotes: the schema allows no more of
/// participants[].reason, and one that is too long would keep all else from being written.
inline constexpr std::size_t kLongestSentence = 1024;

/// What its container said last: one line, at most 500 bytes, no control characters.
[[nodiscard]] std::string last_words(const Termination& termination);

/// Hash of what a started training does not let change.
[[nodiscard]] std::string spec_digest(const spec::FederatedTraining& spec);

}  // namespace genesis::control
