#include "common/privacy/guarantee.hpp"

#include <cmath>
#include <sstream>
#include <string>

namespace genesis::privacy {
namespace {

std::string text_of(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace

Result<Guarantee> Guarantee::of(Epsilon epsilon, Delta delta) {
  if (!std::isfinite(epsilon.value) || epsilon.value <= 0) {
    return fail(Errc::kInvalidArgument,
                "epsilon: " + text_of(epsilon.value) +
                    " is no finite number above 0; choose one such as 1 or 3");
  }
  // Written so that NaN fails.
  if (!(delta.value >= kSmallestDelta && delta.value < 1)) {
    return fail(Errc::kInvalidArgument,
                "delta: " + text_of(delta.value) + " is outside [" + text_of(kSmallestDelta) +
                    ", 1); choose one well below 1 / rows, such as 1e-5");
  }
  return Guarantee(epsilon, delta);
}

}  // namespace genesis::privacy
