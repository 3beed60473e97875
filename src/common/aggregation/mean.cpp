#include "common/aggregation/mean.hpp"

#include <bit>
#include <cmath>
#include <string>

#include "common/aggregation/exact_sum.hpp"
#include "common/aggregation/parallel.hpp"
#include "common/aggregation/validity.hpp"
#include "common/base/check.hpp"

namespace genesis::aggregation {
namespace {

constexpr int kSumBits = 62;
constexpr int kMagnitudeBits = 15;
static_assert(kMaxMagnitude == static_cast<float>(1 << kMagnitudeBits));
static_assert(kMaxTotalWeight >> (kSumBits - kMagnitudeBits) == 0);

int ceil_log2(std::uint64_t value) {
  return static_cast<int>(std::bit_width(value - 1));
}

// Takes the first `added` values of each range out again.
void take_back(std::span<std::uint64_t> sums,
               std::span<const float> update,
               double scale,
               std::span<const Range> ranges,
               std::span<const std::size_t> added) {
  for (std::size_t part = 0; part < ranges.size(); ++part) {
    const std::size_t removed = add_scaled(sums.subspan(ranges[part].begin, added[part]),
                                           update.subspan(ranges[part].begin, added[part]),
                                           -scale);
    GENESIS_CHECK(removed == added[part], "what was added can be taken out");
  }
}

}  // namespace

Result<MeanFold> MeanFold::create(const FoldBounds& bounds, Weighting weighting) {
  const std::uint64_t max_total_weight =
      weighting == Weighting::kEqual ? bounds.max_updates : bounds.max_total_rows;
  if (bounds.size == 0 || max_total_weight == 0) {
    return fail(Errc::kInvalidArgument,
                "mean: needs at least 1 value an update and a total weight of at least 1");
  }
  if (max_total_weight > kMaxTotalWeight) {
    return fail(Errc::kResourceExhausted,
                "mean: a total weight of " + std::to_string(max_total_weight) + " exceeds " +
                    std::to_string(kMaxTotalWeight) + "; too few bits would be left for values");
  }
  return MeanFold(bounds, weighting, max_total_weight);
}

MeanFold::MeanFold(const FoldBounds& bounds, Weighting weighting, std::uint64_t max_total_weight)
    : sums_(bounds.size, 0),
      weighting_(weighting),
      max_total_weight_(max_total_weight),
      fraction_bits_(kSumBits - kMagnitudeBits - ceil_log2(max_total_weight)),
      threads_(bounds.threads) {}

Status MeanFold::add(std::span<const float> update, std::uint64_t rows) {
  GENESIS_RETURN_IF_ERROR(check_shape(update.size(), sums_.size(), rows));
  const std::uint64_t weight = weighting_ == Weighting::kEqual ? 1 : rows;
  if (weight > kMaxWeight || weight > max_total_weight_ - total_weight_) {
    return fail(Errc::kResourceExhausted,
                "update: its weight of " + std::to_string(weight) +
                    " is more than is left of the " + std::to_string(max_total_weight_) +
                    " that were announced, or than " + std::to_string(kMaxWeight));
  }
  const double scale = std::ldexp(static_cast<double>(weight), fraction_bits_);
  const std::vector<Range> ranges = split(sums_.size(), threads_);
  std::vector<std::size_t> added(ranges.size());
  const auto add_range = [&](std::size_t part) {
    const auto [begin, end] = ranges[part];
    added[part] = add_scaled(
        std::span(sums_).subspan(begin, end - begin), update.subspan(begin, end - begin), scale);
  };
  run_parts(ranges.size(), add_range);

  // Checking all values first would read the update twice from memory. Exact sums can go back
  // instead.
  for (std::size_t part = 0; part < ranges.size(); ++part) {
    if (added[part] != ranges[part].end - ranges[part].begin) {
      take_back(sums_, update, scale, ranges, added);
      const std::size_t bad = first_invalid(update).value_or(0);
      return invalid_value(bad, update[bad]);
    }
  }
  total_weight_ += weight;
  ++count_;
  return {};
}

Result<std::vector<float>> MeanFold::aggregate() const {
  if (count_ == 0) {
    return fail(Errc::kFailedPrecondition, "mean: no update has been added");
  }
  const double unit = std::ldexp(static_cast<double>(total_weight_), fraction_bits_);
  std::vector<float> means(sums_.size());
  for (std::size_t i = 0; i < means.size(); ++i) {
    const auto sum = static_cast<std::int64_t>(sums_[i]);
    means[i] = static_cast<float>(static_cast<double>(sum) / unit);
  }
  return means;
}

}  // namespace genesis::aggregation
