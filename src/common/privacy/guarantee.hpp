#pragma once
// (epsilon, delta) as types: a guarantee in hand is one that means something. Used by the spec's
// readers, the accountant and the ledger.
#include "common/base/error.hpp"

namespace genesis::privacy {

struct Epsilon {
  double value = 0;
  auto operator<=>(const Epsilon&) const = default;
};

struct Delta {
  double value = 0;
  auto operator<=>(const Delta&) const = default;
};

/// Above this, (epsilon, delta) differential privacy promises next to nothing: the odds of any
/// guess about a row may change by more than e^20.
inline constexpr double kMeaninglessEpsilon = 20;

/// An (epsilon, delta) that a mechanism can be built for.
class Guarantee {
 public:
  /// Errors: kInvalidArgument for an epsilon that is not a finite number above 0, and for a delta
  /// outside [kSmallestDelta, 1).
  [[nodiscard]] static Result<Guarantee> of(Epsilon epsilon, Delta delta);

  [[nodiscard]] Epsilon epsilon() const { return epsilon_; }
  [[nodiscard]] Delta delta() const { return delta_; }
  /// True where epsilon is above kMeaninglessEpsilon; whoever takes the guarantee from a user
  /// warns.
  [[nodiscard]] bool is_meaningless() const { return epsilon_.value > kMeaninglessEpsilon; }

  bool operator==(const Guarantee&) const = default;

 private:
  Guarantee(Epsilon epsilon, Delta delta) : epsilon_(epsilon), delta_(delta) {}
  Epsilon epsilon_;
  Delta delta_;
};

/// Below this the accountant's numerical error would no longer be small beside delta
/// (loss_distribution.hpp).
inline constexpr double kSmallestDelta = 1e-10;

}  // namespace genesis::privacy
