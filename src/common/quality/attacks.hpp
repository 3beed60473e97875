#pragma once
// Attacks on a finished synthetic table, by somebody who has nothing else: singling out,
// linkability and inference (Giomi et al. 2023, "A unified framework for quantifying privacy risk
// in synthetic data"; the package anonymeter), and membership. Each is made on rows that the
// generator was trained on, on held-out rows (what the population as a whole gives away) and by
// guessing without the synthetic table. Pure; reads rows, so its result is not private.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/table.hpp"

namespace genesis::quality {

/// How often something succeeded.
struct Tries {
  std::uint64_t tries = 0;
  std::uint64_t successes = 0;
};

/// Centre and half width of Wilson's interval, at 95%.
struct Estimate {
  double value = 0.0;
  double error = 0.0;
};
[[nodiscard]] Estimate success_rate(const Tries& tries);

struct Attack {
  std::string name;
  Tries trained;   // on rows of training
  Tries holdout;   // on held-out rows
  Tries baseline;  // by guesses
  /// What training adds to the success on held-out rows, as a part of what it could add:
  /// (trained - holdout) / (1 - holdout). 0 where nothing is learned of single rows.
  [[nodiscard]] Estimate risk() const;
  /// False where the attack is no better than guesses: then its risk says nothing.
  [[nodiscard]] bool is_strong() const;
};

struct AttackOptions {
  std::uint64_t tries = 500;  // of each attack
  std::optional<std::string> secret =
      {};  // column that is inferred; the last one where it is absent
  std::uint64_t seed = 0;
};

/// Compares by the kinds of `real`, as evaluate() does. Errors: kInvalidArgument for tables that
/// cannot be compared, an unknown column, or fewer than two columns.
[[nodiscard]] Result<std::vector<Attack>> attack(const tabular::Table& real,
                                                 const tabular::Table& synthetic,
                                                 const tabular::Table& holdout,
                                                 const AttackOptions& options);

[[nodiscard]] std::string print(const std::vector<Attack>& attacks);
[[nodiscard]] std::string to_json(const std::vector<Attack>& attacks);

}  // namespace genesis::quality
