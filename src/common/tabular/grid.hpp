#pragma once
// The shared grid of a continuous column: its smallest step, and its bins. Pure.
#include <cstdint>
#include <string>

#include "common/base/error.hpp"
#include "common/tabular/schema.hpp"

namespace genesis::tabular {

/// A value is a whole number of steps of denominator / numerator: 10^-resolution for decimals, 1
/// for integers, the format's smallest unit for datetimes.
struct Step {
  double numerator = 1.0;
  double denominator = 1.0;

  [[nodiscard]] double to_steps(double value) const { return value * numerator / denominator; }
  [[nodiscard]] double from_steps(double steps) const { return steps * denominator / numerator; }
  [[nodiscard]] double size() const { return denominator / numerator; }
  /// The nearest whole number of steps; the value itself where doubles are coarser than a step.
  [[nodiscard]] double rounded(double value) const;
  /// The nearest whole number of steps from the value up, or down.
  [[nodiscard]] double at_least(double value) const;
  [[nodiscard]] double at_most(double value) const;
};
/// Errors: kInvalidArgument for a datetime format that can't be read.
[[nodiscard]] Result<Step> step_of(Kind kind, int resolution, const std::string& format);

class Grid {
 public:
  /// `minimum` <= `maximum`, both finite.
  Grid(double minimum, double maximum, Step step);

  /// Bins that the domain needs: one a value, at most kMaxBins.
  [[nodiscard]] std::uint32_t bins() const { return bins_; }
  /// Bin of a value of [minimum, maximum].
  [[nodiscard]] std::uint32_t bin_of(double value) const;
  /// Middle and width of a bin, in units where the domain is [0, 1].
  [[nodiscard]] double middle(std::uint32_t bin) const;
  [[nodiscard]] double width() const;

 private:
  double minimum_;
  double range_;
  Step step_;
  bool unit_;  // one bin a value
  std::uint32_t bins_;
};

}  // namespace genesis::tabular
