#include "common/privacy/audit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
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

constexpr std::uint64_t kChunkCells = std::uint64_t{1} << 22;  // in memory at a time

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
    if (cost.is_training()) {
      return fail(Errc::kInvalidArgument, "audit: expected counts, got steps of training");
    }
    tables += cost.tables;
  }
  if (tables < 1 || tables > kMostAuditedTables) {
    return fail(Errc::kInvalidArgument,
                "audit: expected 1 to 10000 tables, got " + std::to_string(tables));
  }
  return {};
}

// The probability that the sum of `tables` draws of discrete noise is above `threshold`, with half
// of that of being on it.
double tail(double variance, std::uint64_t tables, double threshold) {
  constexpr double kSigmas = 12.0;
  const auto reach = static_cast<std::size_t>(
      std::ceil(kSigmas * std::sqrt(variance * static_cast<double>(tables)) + kSigmas));
  const std::size_t size =
      2 * reach + 1;  // of values -reach to reach; what is beyond is below 1e-30
  const auto convolved = [&](const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> sum(size, 0.0);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; a[i] > 0 && j < size; ++j) {
        const std::size_t at = i + j;
        if (at >= reach && at - reach < size) {
          sum[at - reach] += a[i] * b[j];
        }
      }
    }
    return sum;
  };
  std::vector<double> power(size);
  double total = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double n = static_cast<double>(i) - static_cast<double>(reach);
    power[i] = std::exp(-n * n / (2 * variance));
    total += power[i];
  }
  for (double& p : power) {
    p /= total;
  }
  std::vector<double> sum(size, 0.0);
  sum[reach] = 1.0;
  for (std::uint64_t left = tables; left > 0; left /= 2) {
    if (left % 2 == 1) {
      sum = convolved(sum, power);
    }
    if (left > 1) {
      power = convolved(power, power);
    }
  }
  double above = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double n = static_cast<double>(i) - static_cast<double>(reach);
    above += n > threshold ? sum[i] : n == threshold ? sum[i] / 2 : 0.0;
  }
  return above;
}

// The share of wrong guesses that remains where the noise is what was charged for. Scores of one
// kind of noise are on a lattice, which counts where there are few cells with little noise; beyond,
// the error of the continuous formula, z phi(z) / (24 variance), is taken off.
double least_errors(std::span<const Cost> costs) {
  constexpr double kLattice = 1024;  // variance of the sum up to which it is convolved
  double squared = 0;
  double least = std::numeric_limits<double>::infinity();
  std::uint64_t tables = 0;
  for (const auto& cost : costs) {
    const auto shift = static_cast<double>(cost.shift);
    squared += static_cast<double>(cost.tables) * shift * shift / cost.variance.value();
    least = std::min(least, static_cast<double>(cost.tables) * cost.variance.value());
    tables += cost.tables;
  }
  const bool is_one_kind = std::ranges::all_of(costs, [&](const Cost& cost) {
    return cost.variance == costs[0].variance && cost.shift == costs[0].shift;
  });
  const double variance = costs[0].variance.value();
  if (is_one_kind && static_cast<double>(tables) * variance < kLattice) {
    const double threshold = static_cast<double>(tables) * static_cast<double>(costs[0].shift) / 2;
    return tail(variance, tables, threshold);
  }
  constexpr double kSteepest = 0.2420;  // of z phi(z), at z = 1
  return std::max(0.0, normal_cdf(-std::sqrt(squared) / 2) - kSteepest / (24 * least));
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
  std::uint64_t most_tables = 1;
  for (const auto& cost : costs) {
    most_tables = std::max(most_tables, cost.tables);
  }
  const std::uint64_t chunk = std::max<std::uint64_t>(2, kChunkCells / most_tables);
  for (std::uint64_t done = 0; done < settings.canaries; done += chunk) {
    const auto is_member = toss(std::min(chunk, settings.canaries - done), bits);
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
  const std::uint64_t wrong = guesses.missed + guesses.accused;
  result.errors = static_cast<double>(wrong) / static_cast<double>(settings.canaries);
  result.least_errors = least_errors(costs);
  result.refuted =
      upper_bound(wrong, settings.canaries, 1 - settings.confidence) < result.least_errors;
  return result;
}

}  // namespace genesis::privacy
