#pragma once
// The values that a continuous column can take: its smallest step, and the scale on which its modes
// are Gaussian. Pure.
#include <string>

#include "common/base/error.hpp"
#include "common/tabular/digits.hpp"
#include "common/tabular/schema.hpp"

namespace genesis::tabular {

/// A value is a whole number of steps of denominator / numerator: 10^-resolution for decimals, 1
/// for integers, the format's smallest unit for datetimes. With `significant` digits the step
/// depends on the value's magnitude.
struct Step {
  double numerator = 1.0;
  double denominator = 1.0;
  int significant = 0;

  [[nodiscard]] double to_steps(double value) const { return value * numerator / denominator; }
  [[nodiscard]] double from_steps(double steps) const { return steps * denominator / numerator; }
  /// Length of the step at `value`; 0 where values are as dense as doubles.
  [[nodiscard]] double size(double value) const;
  /// The nearest value; `value` itself where doubles are coarser than a step.
  [[nodiscard]] double rounded(double value) const;
  /// The nearest whole number of steps from the value up, or down; the value itself with
  /// `significant` digits.
  [[nodiscard]] double at_least(double value) const;
  [[nodiscard]] double at_most(double value) const;
};
/// Errors: kInvalidArgument for a datetime format that can't be read.
[[nodiscard]] Result<Step> step_of(Kind kind, const Rounding& rounding, const std::string& format);

/// Where `unit` is 0 the identity; else asinh((x - center) / unit): linear within a unit of the
/// center, logarithmic far from it on both sides.
struct Scale {
  double center = 0.0;
  double unit = 0.0;

  [[nodiscard]] double forward(double value) const;
  [[nodiscard]] double inverse(double position) const;
  bool operator==(const Scale&) const = default;
};

}  // namespace genesis::tabular
