#include "common/aggregation/distribution_fold.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

namespace genesis::aggregation {
namespace {

struct Weighed {
  double value;
  double weight;
};

// The mean of the weighted quantiles between aside and 1 - aside; at 0.5 the median, of the two
// middle ones where the weights are halved between them. Rises with each value.
double middle_of(std::vector<Weighed>& values, double aside) {
  std::ranges::sort(values, [](const Weighed& a, const Weighed& b) {
    return a.value != b.value ? a.value < b.value : a.weight < b.weight;
  });
  double total = 0.0;
  for (const auto& each : values) {
    total += each.weight;
  }
  const double from = aside * total;
  const double to = total - from;
  double sum = 0.0;
  double weight = 0.0;
  double begin = 0.0;
  for (const auto& each : values) {
    const double end = begin + each.weight;
    if (to > from) {
      const double inside = std::max(0.0, std::min(end, to) - std::max(begin, from));
      sum += inside * each.value;
      weight += inside;
    } else if (begin <= from && from <= end) {
      sum += each.value;
      weight += 1.0;
    }
    begin = end;
  }
  return sum / weight;
}

}  // namespace

DistributionFold::DistributionFold(std::vector<std::size_t> groups,
                                   double aside,
                                   std::uint64_t max_total_rows)
    : groups_(std::move(groups)),
      words_(std::reduce(groups_.begin(), groups_.end(), std::size_t{0})),
      aside_(aside),
      rows_left_(max_total_rows) {}

Status DistributionFold::add(std::span<const std::uint64_t> counts, std::uint64_t rows) {
  if (counts.size() != words_ || rows == 0) {
    return fail(Errc::kInvalidArgument,
                std::to_string(counts.size()) + " counts of " + std::to_string(rows) +
                    " rows; expected " + std::to_string(words_) + " of at least one row");
  }
  if (rows > rows_left_) {
    return fail(Errc::kResourceExhausted, "more rows than the sites have together");
  }
  Site site{rows, {}};
  site.shares.reserve(words_);
  auto next = counts.begin();
  for (const auto length : groups_) {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < length; ++i, ++next) {
      if (*next > rows - seen) {
        return fail(Errc::kInvalidArgument, "counts of more rows than there are");
      }
      seen += *next;
      const auto share = static_cast<double>(seen) / static_cast<double>(rows);
      site.shares.push_back(static_cast<float>(share));
    }
    if (length > 0 && seen != rows) {
      return fail(Errc::kInvalidArgument, "counts of fewer rows than there are");
    }
  }
  sites_.push_back(std::move(site));
  rows_left_ -= rows;
  rows_ += rows;
  return {};
}

std::vector<double> DistributionFold::weights() const {
  std::vector<std::uint64_t> rows;
  std::ranges::transform(sites_, std::back_inserter(rows), &Site::rows);
  const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
  std::ranges::nth_element(rows, middle);
  std::vector<double> weights;
  std::ranges::transform(sites_, std::back_inserter(weights), [&](const Site& site) {
    return static_cast<double>(std::min(site.rows, *middle));
  });
  return weights;
}

Result<std::vector<std::uint64_t>> DistributionFold::aggregate() const {
  if (sites_.empty()) {
    return fail(Errc::kFailedPrecondition, "no site has counted yet");
  }
  const auto weights = this->weights();
  std::vector<std::uint64_t> counts;
  counts.reserve(words_);
  std::vector<Weighed> at(sites_.size());
  for (const auto length : groups_) {
    std::uint64_t given = 0;
    for (std::size_t i = 0; i < length; ++i) {
      for (std::size_t site = 0; site < sites_.size(); ++site) {
        at[site] = {sites_[site].shares[counts.size()], weights[site]};
      }
      const double rows = std::round(middle_of(at, aside_) * static_cast<double>(rows_));
      const bool is_last = i + 1 == length;
      const auto seen =
          is_last ? rows_ : std::clamp(static_cast<std::uint64_t>(rows), given, rows_);
      counts.push_back(seen - given);
      given = seen;
    }
  }
  return counts;
}

}  // namespace genesis::aggregation
