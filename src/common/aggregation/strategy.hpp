#pragma once
// How the updates of a round become one: strategies by name. A new strategy is one file (its Fold)
// and one line in the table of strategy.cpp. Pure; used by the aggregator and by simulation.
//
//   fedavg    every update counts the same (McMahan et al. 2017, arXiv 1602.05629)
//   weighted  by row count (the same paper, with its n_k / n)
//   fedprox   by row count; its proximal term is in the worker's loss (Li et al., arXiv 1812.06127)
//   median    coordinate-wise median (Yin et al. 2018, arXiv 1803.01498)
//   trimmed-mean  coordinate-wise mean without the ends (the same paper)
//
// In the last two a client weighs its rows, but no more than the median client's.
//
// All are exact functions of the set of updates: neither order of arrival nor thread count changes
// a bit.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::aggregation {

/// Values beyond this are refused: no sane update holds them, and the bound buys the exact sums
/// their resolution.
inline constexpr float kMaxMagnitude = 32768.0F;

/// Left out at each end by trimmed-mean, where nothing else is said.
inline constexpr double kDefaultTrimmedShare = 0.2;

/// What is known before the first update; sums are laid out so that they can't overflow within it.
struct FoldBounds {
  std::size_t size = 0;                         // floats in each update
  std::uint64_t max_updates = 0;                // of one round
  std::uint64_t max_total_rows = 0;             // of all its clients together
  double trimmed_share = kDefaultTrimmedShare;  // of trimmed-mean
  unsigned threads = 1;                         // the result does not depend on it
};

/// The updates of one round, folding. Not for use from several threads at once.
class Fold {
 public:
  virtual ~Fold() = default;

  /// Takes one update of `bounds.size` values from a client with `rows` rows. On an error nothing
  /// has changed. Errors: kInvalidArgument for another size, no rows, or a value that is not finite
  /// or beyond kMaxMagnitude (with its index); kResourceExhausted beyond the bounds.
  [[nodiscard]] virtual Status add(std::span<const float> update, std::uint64_t rows) = 0;

  /// The aggregate of all updates so far. Errors: kFailedPrecondition before the first.
  [[nodiscard]] virtual Result<std::vector<float>> aggregate() const = 0;

  [[nodiscard]] virtual std::size_t count() const = 0;
};

struct Strategy {
  std::string_view name;
  /// Errors: kInvalidArgument or kResourceExhausted for bounds that it can't keep.
  Result<std::unique_ptr<Fold>> (*make)(const FoldBounds& bounds);
};

/// All strategies, in the order in which help texts list them.
[[nodiscard]] std::span<const Strategy> strategies();

/// Errors: kInvalidArgument for an unknown name (and lists the known), or as Strategy::make.
[[nodiscard]] Result<std::unique_ptr<Fold>> make_fold(std::string_view strategy,
                                                      const FoldBounds& bounds);

}  // namespace genesis::aggregation
