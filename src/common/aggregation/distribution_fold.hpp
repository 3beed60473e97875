#pragma once
// Counts of several sites as one list, by a strategy that no minority of sites decides. What the
// strategy combines is each group's cumulative shares: a coordinate-wise median (or trimmed mean)
// of distribution functions is one itself, so the result adds up whatever the sites count, and a
// group spread over many rare values is not lost, as it would be in a median of each count alone.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"

namespace genesis::aggregation {

class DistributionFold {
 public:
  /// `groups` are the lengths of consecutive lists of counts, each of which adds up to the rows of
  /// its site. Errors: as make_fold gives them for these bounds (whose size follows from groups).
  [[nodiscard]] static Result<DistributionFold> make(std::string_view strategy,
                                                     std::vector<std::size_t> groups,
                                                     FoldBounds bounds);

  /// On an error nothing has changed. Errors: kInvalidArgument for another number of counts, no
  /// rows, or a group that does not add up to them; kResourceExhausted beyond the bounds.
  [[nodiscard]] Status add(std::span<const std::uint64_t> counts, std::uint64_t rows);

  /// Of as many rows as all sites have together: each group adds up to them. Errors:
  /// kFailedPrecondition before the first.
  [[nodiscard]] Result<std::vector<std::uint64_t>> aggregate() const;

 private:
  DistributionFold(std::unique_ptr<Fold> fold, std::vector<std::size_t> groups)
      : fold_(std::move(fold)), groups_(std::move(groups)) {}

  std::unique_ptr<Fold> fold_;
  std::vector<std::size_t> groups_;
  std::uint64_t rows_ = 0;
};

}  // namespace genesis::aggregation
