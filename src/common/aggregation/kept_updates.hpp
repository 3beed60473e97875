#pragma once
// The updates of a round as they came, for strategies that look at all values of a coordinate at
// once. Memory is O(updates).
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"

namespace genesis::aggregation {

/// More would make the sorting networks long; a round of so many clients wants a mean.
inline constexpr std::size_t kMaxKeptUpdates = 1024;

class KeptUpdates {
 public:
  /// Errors name `strategy`: kInvalidArgument for a size or max_updates of 0, kResourceExhausted
  /// above kMaxKeptUpdates.
  [[nodiscard]] static Result<KeptUpdates> create(std::string_view strategy,
                                                  const FoldBounds& bounds);

  /// As Fold::add.
  [[nodiscard]] Status add(std::span<const float> update, std::uint64_t rows);

  [[nodiscard]] const std::vector<std::vector<float>>& values() const { return values_; }
  [[nodiscard]] std::size_t count() const { return values_.size(); }
  /// A client weighs its rows, but no more than the median client's; 1 where all weigh the same.
  [[nodiscard]] std::vector<std::uint64_t> weights() const;

 private:
  explicit KeptUpdates(const FoldBounds& bounds)
      : size_(bounds.size), max_updates_(bounds.max_updates) {}

  std::size_t size_ = 0;
  std::uint64_t max_updates_ = 0;
  std::vector<std::vector<float>> values_;
  std::vector<std::uint64_t> rows_;
};

}  // namespace genesis::aggregation
