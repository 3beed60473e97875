#pragma once
// Lists of counts, added up. Exact, so neither order nor split changes the sum.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::aggregation {

class CountSum {
 public:
  explicit CountSum(std::size_t words) : total_(words, 0) {}

  /// No count or sum of counts is above this: exact as a double, with head-room in 64 bits.
  static constexpr std::uint64_t kLargest = std::uint64_t{1} << 53;

  /// On an error nothing has changed. Errors: kInvalidArgument for another number of counts or one
  /// above kLargest, kResourceExhausted where a sum would be.
  [[nodiscard]] Status add(std::span<const std::uint64_t> counts);

  [[nodiscard]] const std::vector<std::uint64_t>& total() const { return total_; }

 private:
  std::vector<std::uint64_t> total_;
};

}  // namespace genesis::aggregation
