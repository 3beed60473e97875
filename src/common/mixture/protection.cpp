#include "common/mixture/protection.hpp"

#include <algorithm>

#include "common/privacy/cost.hpp"

namespace genesis::mixture {
namespace {

constexpr std::uint64_t kMostSites = 4096;  // so that no sum is above what sums of counts may be

}  // namespace

double variance_alone(const Protection& protection, const Query& query) {
  return static_cast<double>(query.tables) / (query.share * protection.mu * protection.mu);
}

double variance_of(const Protection& protection, const Query& query) {
  const double alone = variance_alone(protection, query);
  return protection.noisy_sites == 1
             ? alone
             : std::max(alone / protection.noisy_sites, privacy::kLeastSharedVariance);
}

std::vector<std::uint64_t> to_words(std::span<const std::int64_t> counts) {
  std::vector<std::uint64_t> words{1};
  words.reserve(counts.size() + 1);
  for (const auto count : counts) {
    words.push_back(static_cast<std::uint64_t>(std::clamp(count, -kOffset, kOffset - 1) + kOffset));
  }
  return words;
}

Result<Summed> from_words(std::span<const std::uint64_t> words) {
  Summed summed;
  if (words.empty() || words[0] == 0 || words[0] > kMostSites) {
    return fail(Errc::kInvalidArgument, "counts: the first one says how many sites there are");
  }
  summed.sites = words[0];
  const std::uint64_t most = 2 * static_cast<std::uint64_t>(kOffset) * summed.sites;
  for (const auto word : words.subspan(1)) {
    if (word > most) {
      return fail(Errc::kInvalidArgument, "counts: one is beyond 2^31 rows");
    }
    summed.counts.push_back(static_cast<std::int64_t>(word) -
                            kOffset * static_cast<std::int64_t>(summed.sites));
  }
  return summed;
}

}  // namespace genesis::mixture
