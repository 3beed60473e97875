#pragma once
// Do the values of one column have the same distribution in both tables? Pure. Missing cells are
// left out. Nothing where either side has no value.
#include <cstdint>
#include <optional>
#include <span>

#include "common/quality/evaluate.hpp"

namespace genesis::quality {

/// 1 - the largest distance between the two empirical distribution functions (two-sample
/// Kolmogorov-Smirnov statistic). NaN is missing.
[[nodiscard]] std::optional<double> ks_complement(std::span<const double> real,
                                                  std::span<const double> synthetic);

/// The values below which the shares of kQuantiles lie, each one of the values; nothing where there
/// is none. NaN is missing.
[[nodiscard]] std::optional<Quantiles> quantiles_of(std::span<const double> numbers);

/// 1 - half the sum over categories of the difference of their shares (total variation distance).
/// Codes are below `categories`, or tabular::kMissingCode.
[[nodiscard]] std::optional<double> tv_complement(std::span<const std::uint32_t> real,
                                                  std::span<const std::uint32_t> synthetic,
                                                  std::uint32_t categories);

}  // namespace genesis::quality
