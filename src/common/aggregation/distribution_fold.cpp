#include "common/aggregation/distribution_fold.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

namespace genesis::aggregation {

Result<DistributionFold> DistributionFold::make(std::string_view strategy,
                                                std::vector<std::size_t> groups,
                                                FoldBounds bounds) {
  bounds.size = std::reduce(groups.begin(), groups.end(), std::size_t{0});
  GENESIS_ASSIGN(auto fold, make_fold(strategy, bounds));
  return DistributionFold(std::move(fold), std::move(groups));
}

Status DistributionFold::add(std::span<const std::uint64_t> counts, std::uint64_t rows) {
  const auto words = std::reduce(groups_.begin(), groups_.end(), std::size_t{0});
  if (counts.size() != words || rows == 0) {
    return fail(Errc::kInvalidArgument,
                std::to_string(counts.size()) + " counts of " + std::to_string(rows) +
                    " rows; expected " + std::to_string(words) + " of at least one row");
  }
  std::vector<float> shares;
  shares.reserve(words);
  auto next = counts.begin();
  for (const auto length : groups_) {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < length; ++i, ++next) {
      if (*next > rows - seen) {
        return fail(Errc::kInvalidArgument, "counts of more rows than there are");
      }
      seen += *next;
      shares.push_back(static_cast<float>(static_cast<double>(seen) / static_cast<double>(rows)));
    }
    if (length > 0 && seen != rows) {
      return fail(Errc::kInvalidArgument, "counts of fewer rows than there are");
    }
  }
  GENESIS_RETURN_IF_ERROR(fold_->add(shares, rows));
  rows_ += rows;
  return {};
}

Result<std::vector<std::uint64_t>> DistributionFold::aggregate() const {
  GENESIS_ASSIGN(const auto shares, fold_->aggregate());
  std::vector<std::uint64_t> counts;
  counts.reserve(shares.size());
  auto next = shares.begin();
  for (const auto length : groups_) {
    std::uint64_t given = 0;
    for (std::size_t i = 0; i < length; ++i, ++next) {
      const double upto = std::round(static_cast<double>(*next) * static_cast<double>(rows_));
      const bool is_last = i + 1 == length;
      const auto seen =
          is_last ? rows_ : std::clamp(static_cast<std::uint64_t>(upto), given, rows_);
      counts.push_back(seen - given);
      given = seen;
    }
  }
  return counts;
}

}  // namespace genesis::aggregation
