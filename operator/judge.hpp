#pragma once
// Where a training stands, judged from what was observed, and what is wrong with it. Pure. Complete
// and Failed are final: they are read back from the status.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/observed.hpp"

namespace genesis::control {

enum class Stage {
  kInvalid,     // this operator cannot read the spec
  kHeld,        // suspended before its start: no children are created
  kRefused,     // asks for what it must not use: it has not started, and no children are created
  kTraining,    // children are created, clients join, rounds run
  kSuspending,  // pods are being stopped
  kSuspended,
  kGenerating,  // the model is complete, synthetic rows are being generated
  kComplete,
  kFailed,
};

/// Something that is wrong now and may be resolved.
struct Problem {
  std::string_view reason;
  std::string message;
};

struct Verdict {
  Stage stage = Stage::kTraining;
  std::string reason;  // of Complete or Failed
  std::string message;
  std::optional<ModelStatus> model;          // once it is complete
  std::map<std::string, SiteOutcome> sites;  // likewise, while the aggregator's pod exists
  std::vector<Problem> problems;             // the most serious first
  std::optional<SystemTime> look_again;      // when the passing of time may change the verdict
};

[[nodiscard]] Verdict judge(const Training& training,
                            const Observed& seen,
                            const Settings& settings);

/// The longest message in a status, in bytes, whatever it quotes. The schema allows no more in
/// participants[].reason, and one message that is too long would keep the whole status from being
/// written.
inline constexpr std::size_t kLongestMessage = 1024;

/// Digest of the part of the spec that must not change once the training has started.
[[nodiscard]] std::string spec_digest(const spec::FederatedTraining& spec);

}  // namespace genesis::control
