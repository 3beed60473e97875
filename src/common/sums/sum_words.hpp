#pragma once
// How what sites answer becomes words of a secure sum, and the sum one answer again, whatever the
// method: the same at all sites and at the aggregator, from the spec alone. Pure.
//
// Counts are words as they are. An update of weight w and values x, with W the largest weight, is
//   q_i = round(clip(x_i, +-c) w / W * (2^(b-1) - 1) / c), and then the 15 low bits of w and the
// others; so the mean is sum(q_i) / sum(w), in the unit of x, and no site's weight is told.
// Rounding is to nearest even, so that equal answers give equal words.
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"
#include "common/method/server_method.hpp"
#include "common/rounds/contribution.hpp"
#include "common/secure/sum_format.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::sums {

/// The weight of a site with that many rows or more, where not all participants[].maxRows are
/// declared: without rows told, no share of a sum can be bounded.
inline constexpr std::uint64_t kLargestWeight = std::uint64_t{1} << 20;
/// Words of updates are no longer than this by default.
inline constexpr unsigned kUsualWordBits = 35;

class SumWords {
 public:
  /// From privacy.secureAggregation, which is given. Errors: kInvalidArgument names the field.
  [[nodiscard]] static Result<SumWords> make(const spec::FederatedTraining& training);

  /// Of a sum of that form.
  [[nodiscard]] std::size_t words(const method::Combine& combine) const;
  [[nodiscard]] unsigned word_bits(const method::Combine& combine) const;

  struct Encoded {
    secure::Words words;
    unsigned word_bits = 0;
    std::vector<float> residual;  // of an update: what clip and rounding have taken away
    std::uint64_t clipped = 0;    // values beyond the clip
  };
  /// Of a site with `rows` rows. Errors: kInvalidArgument for a count beyond the words, or a value
  /// that is not finite.
  [[nodiscard]] Result<Encoded> encode(const std::variant<rounds::Counts, Tensors>& values,
                                       std::uint64_t rows) const;

  /// What the sum over `members` sites says. Errors: kDataLoss where it can't be one of what
  /// encode() gives: at least one site has sent something else, and nobody can tell which.
  [[nodiscard]] Result<method::Sum> decode(const secure::Words& sum,
                                           const method::Combine& combine,
                                           std::size_t members) const;

 private:
  SumWords(secure::SumFormat counts, secure::SumFormat updates, secure::FixedPoint fixed)
      : counts_(counts), updates_(updates), fixed_(fixed) {}
  [[nodiscard]] std::uint64_t weight_of(std::uint64_t rows) const;

  secure::SumFormat counts_;
  secure::SumFormat updates_;
  secure::FixedPoint fixed_;
  bool is_weighted_ = true;
  std::uint64_t largest_weight_ = kLargestWeight;
};

}  // namespace genesis::sums
