#include "common/secure/sum_format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "common/base/check.hpp"

namespace genesis::secure {
namespace {

constexpr unsigned kMinValueBits = 2;
constexpr unsigned kMaxFloatBits = 32;

tl::unexpected<Error> refused(std::string message) {
  return fail(Errc::kInvalidArgument, std::move(message));
}

}  // namespace

Result<SumFormat> SumFormat::make(unsigned value_bits, std::uint64_t max_total_weight) {
  if (value_bits < kMinValueBits || value_bits > kMaxWordBits) {
    return refused("valueBits: " + std::to_string(value_bits) + " is outside 2 to 62");
  }
  if (max_total_weight == 0) {
    return refused("a sum needs a weight of at least 1");
  }
  const auto head_room = static_cast<unsigned>(std::bit_width(max_total_weight - 1));
  if (value_bits + head_room > kMaxWordBits) {
    return refused("valueBits: " + std::to_string(value_bits) + " bits and " +
                   std::to_string(head_room) + " for a total weight of " +
                   std::to_string(max_total_weight) +
                   " exceed words of 62 bits; lower valueBits or the weights");
  }
  return SumFormat(value_bits, value_bits + head_room, max_total_weight);
}

Result<Words> SumFormat::encode(std::span<const std::int64_t> values, std::uint64_t weight) const {
  if (weight == 0 || weight > max_total_weight_) {
    return refused("the weight " + std::to_string(weight) + " is outside 1 to " +
                   std::to_string(max_total_weight_));
  }
  const std::int64_t most = largest();
  Words words(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] > most || values[i] < -most) {
      return refused("value " + std::to_string(i) + " does not fit into " +
                     std::to_string(value_bits_) + " bits with its sign; raise valueBits");
    }
    // Two's complement: a product modulo 2^64 is the product modulo 2^word_bits.
    words[i] = static_cast<std::uint64_t>(values[i]) * weight & low_bits(word_bits_);
  }
  return words;
}

Result<std::vector<std::int64_t>> SumFormat::decode(std::span<const std::uint64_t> sum,
                                                    std::uint64_t total_weight) const {
  GENESIS_CHECK(total_weight <= max_total_weight_, "the head-room is for that much");
  const std::int64_t most = largest() * static_cast<std::int64_t>(total_weight);
  const std::uint64_t sign = std::uint64_t{1} << (word_bits_ - 1);
  std::vector<std::int64_t> values(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const std::uint64_t word = sum[i] & low_bits(word_bits_);
    values[i] = static_cast<std::int64_t>(word) -
                ((word & sign) != 0 ? std::int64_t{1} << word_bits_ : std::int64_t{0});
    if (values[i] > most || values[i] < -most) {
      return fail(Errc::kDataLoss,
                  "the sum at " + std::to_string(i) +
                      " is beyond what its members may send: at least one has broken its bound, "
                      "and the sum does not tell which");
    }
  }
  return values;
}

Result<FixedPoint> FixedPoint::make(double clip, unsigned value_bits) {
  if (!std::isfinite(clip) || clip <= 0) {
    return refused("clip: must be a positive number");
  }
  if (value_bits < kMinValueBits || value_bits > kMaxFloatBits) {
    return refused("valueBits: " + std::to_string(value_bits) + " is outside 2 to 32");
  }
  return FixedPoint(clip, static_cast<double>(low_bits(value_bits - 1)));
}

Result<FixedPoint::Quantized> FixedPoint::quantize(std::span<const float> values,
                                                   double share) const {
  Quantized quantized;
  quantized.values.resize(values.size());
  quantized.residual.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    if (!std::isfinite(value)) {
      return refused("value " + std::to_string(i) + " is not a finite number");
    }
    const double scaled = value / clip_ * steps_;
    const double nearest = std::nearbyint(std::clamp(scaled, -steps_, steps_) * share);
    quantized.saturated += std::abs(scaled) > steps_ ? 1 : 0;
    quantized.values[i] = static_cast<std::int64_t>(nearest);
    quantized.residual[i] = static_cast<float>(value - nearest / steps_ * clip_ / share);
  }
  return quantized;
}

std::vector<double> FixedPoint::mean(std::span<const std::int64_t> sum,
                                     std::uint64_t total_weight) const {
  GENESIS_CHECK(total_weight > 0, "a mean has members");
  std::vector<double> values(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i) {
    values[i] = static_cast<double>(sum[i]) / static_cast<double>(total_weight) / steps_ * clip_;
  }
  return values;
}

}  // namespace genesis::secure
