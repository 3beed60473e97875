#include "common/tabular/grid.hpp"

#include <algorithm>
#include <cmath>

#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

Result<Step> step_of(Kind kind, int resolution, const std::string& format) {
  if (kind == Kind::kDatetime) {
    GENESIS_ASSIGN(const auto parsed, DatetimeFormat::parse(format));
    return parsed.step() < 1.0 ? Step{std::round(1.0 / parsed.step()), 1.0}
                               : Step{1.0, parsed.step()};
  }
  return Step{kind == Kind::kDecimal ? power_of_ten(resolution) : 1.0, 1.0};
}

double Step::rounded(double value) const {
  constexpr double kExactBound = 4503599627370496.0;  // 2^52: fractions end here
  const double steps = to_steps(value);
  return std::abs(steps) < kExactBound ? from_steps(std::nearbyint(steps)) + 0.0 : value;
}

double Step::at_least(double value) const {
  const double near = rounded(value);
  return near >= value ? near : from_steps(std::nearbyint(to_steps(value)) + 1.0);
}

double Step::at_most(double value) const {
  const double near = rounded(value);
  return near <= value ? near : from_steps(std::nearbyint(to_steps(value)) - 1.0);
}

Grid::Grid(double minimum, double maximum, Step step)
    : minimum_(minimum), range_(maximum - minimum), step_(step) {
  const double steps = std::nearbyint(step_.to_steps(range_));
  unit_ = steps < kMaxBins;
  bins_ = unit_ ? static_cast<std::uint32_t>(steps) + 1 : kMaxBins;
}

std::uint32_t Grid::bin_of(double value) const {
  const double offset = value - minimum_;
  const double bin = unit_ ? std::nearbyint(step_.to_steps(offset))
                           : std::floor(offset / range_ * static_cast<double>(bins_));
  return static_cast<std::uint32_t>(std::clamp(bin, 0.0, static_cast<double>(bins_ - 1)));
}

double Grid::middle(std::uint32_t bin) const {
  if (!unit_) {
    return (bin + 0.5) / bins_;
  }
  return bins_ == 1 ? 0.5 : static_cast<double>(bin) / (bins_ - 1);
}

double Grid::width() const {
  return unit_ ? 1.0 / std::max<std::uint32_t>(1, bins_ - 1) : 1.0 / bins_;
}

}  // namespace genesis::tabular
