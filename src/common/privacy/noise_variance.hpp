#pragma once
// The variance of a cell's noise as an exact number, the same in the ledger, in the accountant and
// in the sampler. Pure.
#include <cstdint>

#include "common/base/error.hpp"

namespace genesis::privacy {

/// A multiple of 2^-20 in [1/4, 2^33].
class NoiseVariance {
 public:
  static constexpr double kUnit = 1.0 / (1U << 20U);
  static constexpr std::uint64_t kLeast = std::uint64_t{1} << 18U;
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 53U;

  /// Errors: kInvalidArgument outside of the range.
  [[nodiscard]] static Result<NoiseVariance> of_units(std::uint64_t units);
  /// The least variance that is not below `variance`, nor below 1/4. Errors: kInvalidArgument above
  /// 2^33, and for NaN.
  [[nodiscard]] static Result<NoiseVariance> at_least(double variance);

  [[nodiscard]] std::uint64_t units() const { return units_; }
  /// Exact: the units have at most 53 bits.
  [[nodiscard]] double value() const { return static_cast<double>(units_) * kUnit; }

  auto operator<=>(const NoiseVariance&) const = default;

 private:
  explicit NoiseVariance(std::uint64_t units) : units_(units) {}
  std::uint64_t units_;
};

}  // namespace genesis::privacy
