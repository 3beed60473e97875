#pragma once
// How counts are protected on their way to the aggregator: what noise a site adds to which, as a
// value that both halves of the method know alike, and the source of that noise, which is the
// site's alone. Pure.
//
// Every collection is one query: so many tables, to each of which a row adds at most 1 in one cell.
// A query of T tables that has the share s of a budget of mu^2 takes noise of the variance
// T / (s mu^2), and all queries together are mu-Gaussian differentially private (Dong, Roth & Su
// 2022, corollary 3.3), since the shares add up to at most 1.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::mixture {

/// Of one training, for each site's rows.
struct Protection {
  double mu = 0.0;                // above 0; of all that leaves the site
  std::uint32_t noisy_sites = 1;  // whose noise together is as much as a sum needs; 1: each site's
  bool operator==(const Protection&) const = default;
};

struct Query {
  std::string_view purpose;
  std::size_t tables = 0;  // its L2 sensitivity, squared
  double share = 0.0;      // of mu^2
};

/// Of the noise that one site adds to each count of a query whose answers are summed.
[[nodiscard]] double variance_of(const Protection& protection, const Query& query);
/// Of that which it adds where its answer is seen by itself.
[[nodiscard]] double variance_alone(const Protection& protection, const Query& query);

/// One ask of a run.
struct Asked {
  std::string run;
  std::uint32_t collection = 0;
  std::string sha256;  // of its purpose and of all documents that say what is to be counted
};

/// Seam: where a site's noise comes from. An implementation charges its ledger before it draws.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;

  /// Adds an integer to each count, of mean 0 and the given variance, which is this site's share of
  /// what the sum needs; the same ones where a run asks again what it has asked before. Errors:
  /// those of the ledger; then nothing may leave.
  [[nodiscard]] virtual Status add(const Asked& asked,
                                   const Query& query,
                                   double variance,
                                   std::span<std::int64_t> counts) = 0;

  using Named = std::pair<std::string, std::uint64_t>;  // a value and how many rows have it
  /// Which values of a column may be told by name, at the start; `variance` is that of the noise on
  /// their counts.
  [[nodiscard]] virtual Result<std::vector<std::string>> names(std::string_view column,
                                                               double variance,
                                                               std::span<const Named> values) = 0;
};

/// What a site has that a protected training asks for.
struct SiteProtection {
  Protection protection;
  std::unique_ptr<NoiseSource> noise;
};

/// A noisy count may be negative, but contributions are not: each goes as count + kOffset, and the
/// first word of a contribution is 1, so that its sum says how many offsets are in the others.
inline constexpr std::int64_t kOffset = std::int64_t{1} << 31;

/// [1, counts + kOffset], which fit into the words of secure sums; counts beyond [-2^31, 2^31) are
/// clamped to it.
[[nodiscard]] std::vector<std::uint64_t> to_words(std::span<const std::int64_t> counts);

struct Summed {
  std::uint64_t sites = 0;
  std::vector<std::int64_t> counts;
};
/// Errors: kInvalidArgument where the words are no sum of contributions.
[[nodiscard]] Result<Summed> from_words(std::span<const std::uint64_t> words);

}  // namespace genesis::mixture
