#pragma once
// Counts of several sites as one list, of which no minority of sites decides. What is combined is
// each group's cumulative shares: at each place their median (or trimmed mean) over sites. Such a
// median of distribution functions is a distribution function itself, so the result adds up
// whatever the sites count, and a group spread over many rare values is not lost, as it would be in
// a median of each count alone. A site weighs its rows, but no more than the median site's: neither
// many small sites nor a site that claims to be large decides for the others. Pure, and a function
// of the set of sites: their order changes no count.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::aggregation {

class DistributionFold {
 public:
  /// `groups` are the lengths of consecutive lists of counts, each of which adds up to the rows of
  /// its site. Of the sites' weight `aside` is left out at each end of each place; the median is
  /// what is left at 0.5. Sites have at most `max_total_rows` together.
  DistributionFold(std::vector<std::size_t> groups, double aside, std::uint64_t max_total_rows);

  /// On an error nothing has changed. Errors: kInvalidArgument for another number of counts, no
  /// rows, or a group that does not add up to them; kResourceExhausted beyond max_total_rows.
  [[nodiscard]] Status add(std::span<const std::uint64_t> counts, std::uint64_t rows);

  /// Of as many rows as all sites have together: each group adds up to them. Errors:
  /// kFailedPrecondition before the first.
  [[nodiscard]] Result<std::vector<std::uint64_t>> aggregate() const;

 private:
  struct Site {
    std::uint64_t rows = 0;
    std::vector<float> shares;  // cumulative within each group
  };
  [[nodiscard]] std::vector<double> weights() const;

  std::vector<std::size_t> groups_;
  std::size_t words_;
  double aside_;
  std::uint64_t rows_left_;
  std::uint64_t rows_ = 0;
  std::vector<Site> sites_;
};

}  // namespace genesis::aggregation
