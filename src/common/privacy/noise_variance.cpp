#include "common/privacy/noise_variance.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace genesis::privacy {

Result<NoiseVariance> NoiseVariance::of_units(std::uint64_t units) {
  if (units < kLeast || units > kMost) {
    return fail(Errc::kInvalidArgument,
                "noise variance: " + std::to_string(units) + " / 2^20 is outside [1/4, 2^33]");
  }
  return NoiseVariance(units);
}

Result<NoiseVariance> NoiseVariance::at_least(double variance) {
  const double units = std::ceil(std::max(variance, 0.25) / kUnit);
  if (!(variance <= 0x1p33)) {  // NaN too
    return fail(Errc::kInvalidArgument,
                "noise variance: " + std::to_string(variance) +
                    " exceeds 2^33; ask fewer tables, or allow a larger epsilon");
  }
  return NoiseVariance(static_cast<std::uint64_t>(units));
}

}  // namespace genesis::privacy
