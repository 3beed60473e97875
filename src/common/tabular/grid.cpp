#include "common/tabular/grid.hpp"

#include <cmath>

#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"

namespace genesis::tabular {

Result<Step> step_of(Kind kind, const Rounding& rounding, const std::string& format) {
  if (kind == Kind::kDatetime) {
    GENESIS_ASSIGN(const auto parsed, DatetimeFormat::parse(format));
    return parsed.step() < 1.0 ? Step{std::round(1.0 / parsed.step()), 1.0, 0}
                               : Step{1.0, parsed.step(), 0};
  }
  if (kind != Kind::kDecimal) {
    return Step{};
  }
  return Step{power_of_ten(rounding.decimals), 1.0, rounding.significant};
}

double Step::size(double value) const {
  if (significant == 0) {
    return denominator / numerator;
  }
  return significant >= kAllDigits || value == 0.0
             ? 0.0
             : std::pow(10.0, std::floor(std::log10(std::abs(value))) + 1.0 - significant);
}

double Step::rounded(double value) const {
  if (significant != 0) {
    return round_to_significant(value, significant) + 0.0;
  }
  constexpr double kExactBound = 4503599627370496.0;  // 2^52: fractions end here
  const double steps = to_steps(value);
  return std::abs(steps) < kExactBound ? from_steps(std::nearbyint(steps)) + 0.0 : value;
}

double Step::at_least(double value) const {
  const double near = significant == 0 ? rounded(value) : value;
  return near >= value ? near : from_steps(std::nearbyint(to_steps(value)) + 1.0);
}

double Step::at_most(double value) const {
  const double near = significant == 0 ? rounded(value) : value;
  return near <= value ? near : from_steps(std::nearbyint(to_steps(value)) - 1.0);
}

double Scale::forward(double value) const {
  return unit > 0.0 ? std::asinh((value - center) / unit) : value;
}

double Scale::inverse(double position) const {
  return unit > 0.0 ? center + unit * std::sinh(position) : position;
}

}  // namespace genesis::tabular
