#pragma once
// An attack on the mechanism itself, as strong as there can be one, to compare with what is
// claimed: canaries, rows with cells that no other row has, take part or not by a coin each, and
// are guessed from the noisy cells by their likelihood ratio. Fewer wrong guesses than the noise
// that was charged for leaves refute the claim. Errors of both kinds also bound mu of a Gaussian
// mechanism from below with a stated confidence, and so epsilon, which shows how close the claim
// is. One run is as many independent trials as there are canaries.
//
// It sees noise that is too small or missing, and answers that are given twice and charged once. It
// does not see one noise stream used for several tables: that is for the tests of the noise.
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/privacy/cost.hpp"
#include "common/privacy/guarantee.hpp"
#include "common/privacy/noise_bits.hpp"

namespace genesis::privacy {

struct AuditSettings {
  std::uint64_t canaries = 100'000;
  double confidence = 0.999;
  Delta delta{1e-5};
};

struct AuditResult {
  Epsilon claimed{};
  Epsilon lower_bound{};    // with that confidence the mechanism has no smaller epsilon
  double mu = 0;            // the bound as the mu of a Gaussian mechanism
  double errors = 0;        // share of guesses that were wrong
  double least_errors = 0;  // that the noise of the claim leaves
  bool refuted = false;
  /// The claim is refuted: a sound mechanism gives this once in 1 / (1 - confidence) audits.
  [[nodiscard]] bool is_refuted() const { return refuted; }
};

/// Tables that one audit has at most.
inline constexpr std::uint64_t kMostAuditedTables = 10'000;

/// Noisy cells of one answer of that cost from exact ones: what is audited.
using AnswerCells = std::function<std::vector<std::int64_t>(const Cost& cost,
                                                            std::span<const std::uint64_t> cells)>;

/// What a site does: add_noise() with the variance of the cost.
[[nodiscard]] AnswerCells site_answers(NoiseBits& bits);

/// All answers together, each as often as it is listed. `bits` toss the canaries' coins. What is
/// claimed is what the answers cost by this site's own noise. Errors: kInvalidArgument for settings
/// out of range.
[[nodiscard]] Result<AuditResult> audit(std::span<const Cost> costs,
                                        const AnswerCells& answer,
                                        NoiseBits& bits,
                                        const AuditSettings& settings);

}  // namespace genesis::privacy
