#pragma once
// One mechanism's privacy loss on a grid (loss_distribution.hpp). Internal to privacy. Pure.
#include <cstdint>
#include <vector>

#include "common/privacy/loss_distribution.hpp"

namespace genesis::privacy {

/// Which neighbour the outcome is drawn from: the data with the row, or without it.
enum class Direction { kRemove, kAdd };

/// Probabilities of the losses first * step, (first + 1) * step, … of one execution, and of an
/// infinite loss; it is executed `count` times.
struct GridLoss {
  std::int64_t first = 0;
  std::vector<double> probabilities;
  double infinite = 0;
  std::uint64_t count = 1;
};

/// The largest and smallest loss of one execution that `tail` leaves inside the grid.
struct LossRange {
  double least = 0;
  double most = 0;
};

/// `tail`: the probability that one execution may leave outside of the grid on either side; on the
/// upper side it counts as infinite loss, on the lower side as the least loss.
[[nodiscard]] LossRange loss_range(const Mechanism& mechanism, double tail);
[[nodiscard]] GridLoss on_grid(const Mechanism& mechanism,
                               Direction direction,
                               double step,
                               double tail);

/// How often the mechanism is executed: tables, or steps.
[[nodiscard]] std::uint64_t executions(const Mechanism& mechanism);

/// True where adding and removing a row have the same loss.
[[nodiscard]] bool is_symmetric(const Mechanism& mechanism);

}  // namespace genesis::privacy
