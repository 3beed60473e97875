#include "common/aggregation/count_sum.hpp"

#include <string>

namespace genesis::aggregation {

Status CountSum::add(std::span<const std::uint64_t> counts) {
  if (counts.size() != total_.size()) {
    return fail(
        Errc::kInvalidArgument,
        std::to_string(counts.size()) + " counts; expected " + std::to_string(total_.size()));
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > kLargest) {
      return fail(Errc::kInvalidArgument, "count " + std::to_string(i) + " is above 2^53");
    }
    if (total_[i] > kLargest - counts[i]) {
      return fail(Errc::kResourceExhausted,
                  "count " + std::to_string(i) + ": the sum is above 2^53");
    }
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total_[i] += counts[i];
  }
  return {};
}

}  // namespace genesis::aggregation
