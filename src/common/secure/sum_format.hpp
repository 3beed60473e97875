#pragma once
// How integers and clipped floats become words of a secure sum, with head-room for the whole sum,
// and back. Overflow is refused before anything is masked, because nobody can see it afterwards.
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/secure/words.hpp"

namespace genesis::secure {

/// Integers of `value_bits` bits with their sign, times a weight; the weights of all members add up
/// to at most `max_total_weight`. With |v| <= 2^(value_bits - 1) - 1 and W <= 2^c, every sum has
/// |sum w v| <= W (2^(value_bits - 1) - 1) < 2^(value_bits + c - 1), half of the modulus of words
/// of value_bits + c bits: so it is read back exactly, with its sign.
class SumFormat {
 public:
  /// Errors: kInvalidArgument for fewer than 2 bits, no weight, or words of more than 62 bits.
  [[nodiscard]] static Result<SumFormat> make(unsigned value_bits, std::uint64_t max_total_weight);

  [[nodiscard]] unsigned value_bits() const { return value_bits_; }
  [[nodiscard]] unsigned word_bits() const { return word_bits_; }
  [[nodiscard]] std::uint64_t max_total_weight() const { return max_total_weight_; }
  /// 2^(value_bits - 1) - 1.
  [[nodiscard]] std::int64_t largest() const {
    return static_cast<std::int64_t>(low_bits(value_bits_ - 1));
  }

  /// values * weight modulo 2^word_bits. Errors: kInvalidArgument for a value beyond largest(),
  /// which it names by its place, or a weight of 0 or above max_total_weight.
  [[nodiscard]] Result<Words> encode(std::span<const std::int64_t> values,
                                     std::uint64_t weight) const;

  /// The sum with its sign. `total_weight` is that of the members that are in it. Errors:
  /// kDataLoss where a sum is beyond total_weight * largest(): a member has broken its bound.
  [[nodiscard]] Result<std::vector<std::int64_t>> decode(std::span<const std::uint64_t> sum,
                                                         std::uint64_t total_weight) const;

 private:
  SumFormat(unsigned value_bits, unsigned word_bits, std::uint64_t max_total_weight)
      : value_bits_(value_bits), word_bits_(word_bits), max_total_weight_(max_total_weight) {}

  unsigned value_bits_;
  unsigned word_bits_;
  std::uint64_t max_total_weight_;
};

/// Floats in [-clip, clip] as integers in [-largest, largest], to nearest even; what is beyond the
/// clip saturates. The scale is the training's, never a tensor's own: it would tell its maximum.
class FixedPoint {
 public:
  /// Errors: kInvalidArgument for a clip that is not positive and finite, or bits outside [2, 32].
  [[nodiscard]] static Result<FixedPoint> make(double clip, unsigned value_bits);

  struct Quantized {
    std::vector<std::int64_t> values;
    std::vector<float> residual;  // what rounding and clipping have taken away; stays at the site
    std::uint64_t saturated = 0;
  };
  /// Of the clipped values times `share`, in (0, 1]; the residual is in the unit of the values.
  /// Errors: kInvalidArgument for NaN or infinity, by its place.
  [[nodiscard]] Result<Quantized> quantize(std::span<const float> values, double share = 1.0) const;

  /// sum / total_weight in the unit of the floats.
  [[nodiscard]] std::vector<double> mean(std::span<const std::int64_t> sum,
                                         std::uint64_t total_weight) const;

 private:
  FixedPoint(double clip, double steps) : clip_(clip), steps_(steps) {}

  double clip_;
  double steps_;  // 2^(value_bits - 1) - 1 in a clip
};

}  // namespace genesis::secure
