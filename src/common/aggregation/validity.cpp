#include "common/aggregation/validity.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace genesis::aggregation {

std::optional<std::size_t> first_invalid(std::span<const float> values) {
  constexpr std::size_t kBlock = 4096;
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
    if (!all_valid(block.data(), block.size())) {
      const auto bad = std::find_if_not(
          block.begin(), block.end(), [](const float& value) { return all_valid(&value, 1); });
      return begin + static_cast<std::size_t>(bad - block.begin());
    }
  }
  return std::nullopt;
}

tl::unexpected<Error> invalid_value(std::size_t index, float value) {
  const std::string what = std::isfinite(value)
                               ? std::to_string(value) + ", beyond the bound of " +
                                     std::to_string(static_cast<int>(kMaxMagnitude))
                               : (std::isnan(value) ? "NaN" : "infinite");
  return fail(Errc::kInvalidArgument,
              "update: element " + std::to_string(index) + " is " + what +
                  "; the client's training has diverged");
}

Status check_shape(std::size_t received, std::size_t expected, std::uint64_t rows) {
  if (received != expected) {
    return fail(Errc::kInvalidArgument,
                "update: expected " + std::to_string(expected) + " values but received " +
                    std::to_string(received));
  }
  if (rows == 0) {
    return fail(Errc::kInvalidArgument, "update: it comes from no rows");
  }
  return {};
}

}  // namespace genesis::aggregation
