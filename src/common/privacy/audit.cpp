#include "common/privacy/audit.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/base/check.hpp"
#include "common/privacy/binomial.hpp"
#include "common/privacy/gaussian.hpp"
#include "common/privacy/noisy_counts.hpp"
#include "common/privacy/normal.hpp"

namespace genesis::privacy {
namespace {

constexpr std::uint64_t kChunk = 4096;  // canaries whose cells are in memory at a time

// Guesses of canaries, counted.
struct Guesses {
  std::uint64_t members = 0;
  std::uint64_t missed = 0;  // members that were guessed to be none
  std::uint64_t others = 0;
  std::uint64_t accused = 0;  // others that were guessed to be members
};

std::vector<bool> toss(std::uint64_t count, NoiseBits& bits) {
  std::vector<std::uint64_t> words((count + 63) / 64);
  bits.fill(words);
  std::vector<bool> coins(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    coins[i] = ((words[i / 64] >> (i % 64)) & 1U) != 0;
  }
  return coins;
}

// Adds each canary's part of the likelihood ratio: shift (y - shift / 2) / variance, summed over
// its cells of all tables.
Status add_scores(const Cost& cost,
                  const AnswerCells& answer,
                  const std::vector<bool>& is_member,
                  std::vector<double>& scores) {
  std::vector<std::uint64_t> cells(is_member.size() * cost.tables);
  for (std::size_t i = 0; i < is_member.size(); ++i) {
    std::fill_n(cells.begin() + static_cast<std::ptrdiff_t>(i * cost.tables),
                cost.tables,
                is_member[i] ? cost.shift : 0);
  }
  const auto noisy = answer(cost, cells);
  GENESIS_CHECK(noisy.size() == cells.size(), "an answer has the cells that were asked");
  const auto shift = static_cast<double>(cost.shift);
  for (std::size_t i = 0; i < is_member.size(); ++i) {
    double sum = 0;
    for (std::size_t t = 0; t < cost.tables; ++t) {
      sum += static_cast<double>(noisy[i * cost.tables + t]);
    }
    scores[i] +=
        shift * (sum - static_cast<double>(cost.tables) * shift / 2) / cost.variance.value();
  }
  return {};
}

Status check(std::span<const Cost> costs, const AuditSettings& settings) {
  if (settings.canaries < 100 || settings.canaries > 100'000'000) {
    return fail(Errc::kInvalidArgument, "canaries: expected 100 to 1e8");
  }
  if (!(settings.confidence >= 0.5 && settings.confidence < 1)) {
    return fail(Errc::kInvalidArgument, "confidence: expected a number in [0.5, 1), such as 0.999");
  }
  std::uint64_t tables = 0;
  for (const auto& cost : costs) {
    GENESIS_RETURN_IF_ERROR(privacy::check(cost));
    tables += cost.tables;
  }
  constexpr std::uint64_t kMostTables = 10'000;  // of which a chunk's cells fit into memory
  if (tables < 1 || tables > kMostTables) {
    return fail(Errc::kInvalidArgument,
                "audit: expected 1 to 10000 tables, got " + std::to_string(tables));
  }
  return {};
}

}  // namespace

AnswerCells site_answers(NoiseBits& bits) {
  // The tables of a sampler take longer to make than a chunk's noise.
  auto samplers = std::make_shared<std::map<NoiseVariance, DiscreteGaussian>>();
  return [samplers, &bits](const Cost& cost, std::span<const std::uint64_t> cells) {
    const auto [sampler, made] = samplers->try_emplace(cost.variance, cost.variance);
    return add_noise(cells, sampler->second, bits);
  };
}

Result<AuditResult> audit(std::span<const Cost> costs,
                          const AnswerCells& answer,
                          NoiseBits& bits,
                          const AuditSettings& settings) {
  GENESIS_RETURN_IF_ERROR(check(costs, settings));
  AuditResult result;
  GENESIS_ASSIGN(result.claimed, epsilon_of(costs, settings.delta, Adversary::kAllOthers));
  Guesses guesses;
  for (std::uint64_t done = 0; done < settings.canaries; done += kChunk) {
    const auto is_member = toss(std::min(kChunk, settings.canaries - done), bits);
    std::vector<double> scores(is_member.size());
    for (const auto& cost : costs) {
      GENESIS_RETURN_IF_ERROR(add_scores(cost, answer, is_member, scores));
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
      // The threshold is fixed beforehand, so that all canaries serve the bound. A score on it is
      // guessed by the canary's parity: a coin that the noise knows nothing of.
      const bool guessed = scores[i] > 0 || (scores[i] == 0 && i % 2 == 0);
      if (is_member[i]) {
        ++guesses.members;
        guesses.missed += guessed ? 0 : 1;
      } else {
        ++guesses.others;
        guesses.accused += guessed ? 1 : 0;
      }
    }
  }
  if (guesses.members == 0 || guesses.others == 0) {
    return fail(Errc::kInternal, "audit: all coins fell on the same side; use more canaries");
  }
  const double error = (1 - settings.confidence) / 2;
  const double miss = upper_bound(guesses.missed, guesses.members, error);
  const double alarm = upper_bound(guesses.accused, guesses.others, error);
  result.mu = std::max(0.0, -normal_quantile(miss) - normal_quantile(alarm));
  if (std::isfinite(result.mu) && result.mu > 0) {
    result.lower_bound = epsilon_of(GaussianPrivacy{result.mu}, settings.delta);
  }
  return result;
}

}  // namespace genesis::privacy
