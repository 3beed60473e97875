#include "common/quality/attacks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <span>

#include <nlohmann/json.hpp>

#include "common/base/rng.hpp"
#include "common/base/text.hpp"
#include "common/quality/compare.hpp"
#include "common/quality/draw.hpp"

namespace genesis::quality {
namespace {

using Columns = std::span<const ComparedColumn>;
using CellsOf = Cells ComparedColumn::*;
using Subset = std::vector<std::size_t>;  // of the columns

bool is_number(const ComparedColumn& column) {
  return tabular::is_continuous(column.kind);
}

std::size_t rows_of(Columns columns, CellsOf table) {
  const Cells& cells = columns[0].*table;
  return std::max(cells.numbers.size(), cells.codes.size());
}

// A cell as a number in which a code or a missing cell is one too.
double value_of(const ComparedColumn& column, CellsOf table, std::size_t row) {
  const Cells& cells = column.*table;
  if (is_number(column)) {
    return cells.numbers[row];
  }
  return cells.codes[row] == tabular::kMissingCode ? std::numeric_limits<double>::quiet_NaN()
                                                   : static_cast<double>(cells.codes[row]);
}

// Gower's distance: 0 to 1 a column.
double distance(const ComparedColumn& column, double a, double b) {
  if (std::isnan(a) || std::isnan(b)) {
    return std::isnan(a) == std::isnan(b) ? 0.0 : 1.0;
  }
  if (!is_number(column)) {
    return a == b ? 0.0 : 1.0;
  }
  const double range = column.maximum - column.minimum;
  return range > 0.0 ? std::min(std::abs(a - b) / range, 1.0) : (a == b ? 0.0 : 1.0);
}

struct Near {
  std::size_t row = 0;
  double distance = std::numeric_limits<double>::infinity();
};

// The synthetic row that is closest to a row of `table` by the columns of `subset`.
Near closest_synthetic(Columns columns, const Subset& subset, CellsOf table, std::size_t row) {
  std::vector<double> wanted;
  for (const auto c : subset) {
    wanted.push_back(value_of(columns[c], table, row));
  }
  Near nearest;
  const std::size_t rows = rows_of(columns, &ComparedColumn::synthetic);
  for (std::size_t s = 0; s < rows; ++s) {
    double sum = 0.0;
    for (std::size_t i = 0; i < subset.size() && sum < nearest.distance; ++i) {
      const auto& column = columns[subset[i]];
      sum += distance(column, wanted[i], value_of(column, &ComparedColumn::synthetic, s));
    }
    if (sum < nearest.distance) {
      nearest = {s, sum};
    }
  }
  return nearest;
}

// What is asked of one column: a value, or to be on one side of it.
struct Predicate {
  enum class Is { kEqual, kAtLeast, kAtMost };
  std::size_t column = 0;
  Is is = Is::kEqual;
  double value = 0.0;

  [[nodiscard]] bool holds(double x) const {
    if (std::isnan(value) || std::isnan(x)) {
      return std::isnan(value) && std::isnan(x);
    }
    return is == Is::kEqual ? x == value : is == Is::kAtLeast ? x >= value : x <= value;
  }
};
using Query = std::vector<Predicate>;

bool singles_out(Columns columns, const Query& query, CellsOf table) {
  std::size_t found = 0;
  const std::size_t rows = rows_of(columns, table);
  for (std::size_t row = 0; row < rows && found < 2; ++row) {
    found += std::ranges::all_of(query,
                                 [&](const Predicate& one) {
                                   return one.holds(value_of(columns[one.column], table, row));
                                 })
                 ? 1
                 : 0;
  }
  return found == 1;
}

std::vector<double> medians_of(Columns columns) {
  std::vector<double> medians;
  for (const auto& column : columns) {
    std::vector<double> values;
    for (const double x : column.synthetic.numbers) {
      if (!std::isnan(x)) {
        values.push_back(x);
      }
    }
    if (values.empty()) {
      medians.push_back(0.0);
      continue;
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    medians.push_back(*middle);
  }
  return medians;
}

class Attacker {
 public:
  Attacker(Columns columns, const AttackOptions& options)
      : columns_(columns), options_(options), medians_(medians_of(columns)) {
    all_.resize(columns.size());
    std::iota(all_.begin(), all_.end(), std::size_t{0});
  }

  // Queries of three columns that single out one synthetic row are hoped to single out a real one.
  [[nodiscard]] Attack singling_out() const {
    constexpr std::size_t kColumns = 3;
    constexpr std::uint64_t kAttempts = 100;  // for a query
    Attack made{"singling out", {}, {}, {}};
    auto rng = stream("singling out");
    const std::size_t rows = rows_of(columns_, &ComparedColumn::synthetic);
    for (std::uint64_t i = 0; i < kAttempts * options_.tries && made.trained.tries < options_.tries;
         ++i) {
      const auto subset = some(std::min(kColumns, columns_.size()), rng);
      const std::size_t row = rng.below(rows);
      Query query;
      Query guess;
      for (const auto c : subset) {
        query.push_back(predicate(c, row));
        guess.push_back(predicate(c, rng.below(rows)));
      }
      if (singles_out(columns_, query, &ComparedColumn::synthetic)) {
        count(made.trained, singles_out(columns_, query, &ComparedColumn::real));
        count(made.holdout, singles_out(columns_, query, &ComparedColumn::holdout));
        count(made.baseline, singles_out(columns_, guess, &ComparedColumn::real));
      }
    }
    return made;
  }

  // Two halves of a row, which two parties know, are linked where both are closest to the same
  // synthetic row.
  [[nodiscard]] Attack linkability() const {
    Subset one;
    Subset other;
    for (const auto c : all_) {
      (c % 2 == 0 ? one : other).push_back(c);
    }
    Attack made{"linkability", {}, {}, {}};
    auto rng = stream("linkability");
    const std::size_t rows = rows_of(columns_, &ComparedColumn::synthetic);
    const auto links = [&](CellsOf table, std::size_t row) {
      return closest_synthetic(columns_, one, table, row).row ==
             closest_synthetic(columns_, other, table, row).row;
    };
    for (const auto row : targets(&ComparedColumn::real)) {
      count(made.trained, links(&ComparedColumn::real, row));
      count(made.baseline, rng.below(rows) == rng.below(rows));
    }
    for (const auto row : targets(&ComparedColumn::holdout)) {
      count(made.holdout, links(&ComparedColumn::holdout, row));
    }
    return made;
  }

  // The secret cell of a row of which all others are known is guessed from the closest synthetic
  // row; a number within 5% counts.
  [[nodiscard]] Attack inference(std::size_t secret) const {
    Subset known = all_;
    std::erase(known, secret);
    Attack made{"inference of " + columns_[secret].name, {}, {}, {}};
    auto rng = stream("inference");
    const std::size_t rows = rows_of(columns_, &ComparedColumn::synthetic);
    const auto is_right = [&](CellsOf table, std::size_t row, std::size_t guess) {
      constexpr double kTolerance = 0.05;
      const double truth = value_of(columns_[secret], table, row);
      const double guessed = value_of(columns_[secret], &ComparedColumn::synthetic, guess);
      if (std::isnan(truth) || std::isnan(guessed)) {
        return std::isnan(truth) && std::isnan(guessed);
      }
      return is_number(columns_[secret])
                 ? std::abs(truth - guessed) <= kTolerance * std::max(std::abs(truth), 1e-9)
                 : truth == guessed;
    };
    for (const auto row : targets(&ComparedColumn::real)) {
      const auto guess = closest_synthetic(columns_, known, &ComparedColumn::real, row).row;
      count(made.trained, is_right(&ComparedColumn::real, row, guess));
      count(made.baseline, is_right(&ComparedColumn::real, row, rng.below(rows)));
    }
    for (const auto row : targets(&ComparedColumn::holdout)) {
      const auto guess = closest_synthetic(columns_, known, &ComparedColumn::holdout, row).row;
      count(made.holdout, is_right(&ComparedColumn::holdout, row, guess));
    }
    return made;
  }

  // A row is held for one of training where a synthetic one is closer to it than to half of the
  // rows that are asked about; a coin holds half of them for such.
  [[nodiscard]] Attack membership() const {
    std::vector<double> trained;
    std::vector<double> holdout;
    for (const auto row : targets(&ComparedColumn::real)) {
      trained.push_back(closest_synthetic(columns_, all_, &ComparedColumn::real, row).distance);
    }
    for (const auto row : targets(&ComparedColumn::holdout)) {
      holdout.push_back(closest_synthetic(columns_, all_, &ComparedColumn::holdout, row).distance);
    }
    auto together = trained;
    together.insert(together.end(), holdout.begin(), holdout.end());
    const auto middle = together.begin() + static_cast<std::ptrdiff_t>(together.size() / 2);
    std::ranges::nth_element(together, middle);
    Attack made{"membership", {}, {}, {}};
    auto rng = stream("membership");
    for (const double one : trained) {
      count(made.trained, one < *middle);
      count(made.baseline, rng.below(2) == 0);
    }
    for (const double one : holdout) {
      count(made.holdout, one < *middle);
    }
    return made;
  }

 private:
  static void count(Tries& tries, bool succeeded) {
    ++tries.tries;
    tries.successes += succeeded ? 1 : 0;
  }

  [[nodiscard]] Rng stream(const std::string& purpose) const {
    return {options_.seed, RoundId{0}, "", "attack: " + purpose};
  }

  [[nodiscard]] std::vector<std::size_t> targets(CellsOf table) const {
    return draw_rows(rows_of(columns_, table), options_.tries, "attack");
  }

  [[nodiscard]] Subset some(std::size_t count, Rng& rng) const {
    Subset drawn = all_;
    for (std::size_t i = 0; i < count; ++i) {
      std::swap(drawn[i], drawn[i + rng.below(drawn.size() - i)]);
    }
    drawn.resize(count);
    return drawn;
  }

  // Of a number its side of the median's, beyond which fewer rows are.
  [[nodiscard]] Predicate predicate(std::size_t column, std::size_t row) const {
    Predicate made{column, Predicate::Is::kEqual, 0.0};
    made.value = value_of(columns_[column], &ComparedColumn::synthetic, row);
    if (is_number(columns_[column])) {
      made.is = made.value > medians_[column] ? Predicate::Is::kAtLeast : Predicate::Is::kAtMost;
    }
    return made;
  }

  Columns columns_;
  const AttackOptions& options_;
  std::vector<double> medians_;
  Subset all_;
};

nlohmann::json to_json(const Estimate& estimate) {
  return {{"value", estimate.value},
          {"low", std::max(0.0, estimate.value - estimate.error)},
          {"high", std::min(1.0, estimate.value + estimate.error)}};
}

}  // namespace

Estimate success_rate(const Tries& tries) {
  constexpr double kTwoSided95 = 1.959963984540054;
  if (tries.tries == 0) {
    return {0.0, 1.0};
  }
  const auto n = static_cast<double>(tries.tries);
  const double share = static_cast<double>(tries.successes) / n;
  const double squared = kTwoSided95 * kTwoSided95;
  const double width = std::sqrt(share * (1 - share) / n + squared / (4 * n * n));
  return {(share + squared / (2 * n)) / (1 + squared / n), kTwoSided95 * width / (1 + squared / n)};
}

Estimate Attack::risk() const {
  const auto attack = success_rate(trained);
  const auto control = success_rate(holdout);
  const double left = 1 - control.value;
  if (left <= 0) {
    return {0.0, 1.0};
  }
  const double by_attack = attack.error / left;
  const double by_control = control.error * (attack.value - 1) / (left * left);
  return {std::max(0.0, (attack.value - control.value) / left),
          std::sqrt(by_attack * by_attack + by_control * by_control)};
}

bool Attack::is_strong() const {
  const auto attack = success_rate(trained);
  const auto guesses = success_rate(baseline);
  return attack.value - attack.error > guesses.value;
}

Result<std::vector<Attack>> attack(const tabular::Table& real,
                                   const tabular::Table& synthetic,
                                   const tabular::Table& holdout,
                                   const AttackOptions& options) {
  GENESIS_ASSIGN(const auto columns, compare(real, synthetic, &holdout));
  if (columns.size() < 2 || options.tries == 0) {
    return fail(Errc::kInvalidArgument,
                "attack: needs at least two columns that are no identifiers, and one try");
  }
  const auto secret = options.secret
                          ? std::ranges::find(columns, *options.secret, &ComparedColumn::name)
                          : columns.end() - 1;
  if (secret == columns.end()) {
    std::vector<std::string> names;
    for (const auto& column : columns) {
      names.push_back(column.name);
    }
    const auto near = nearest(*options.secret, names);
    return fail(Errc::kInvalidArgument,
                "the tables have no column '" + *options.secret + "' to infer" +
                    (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  const Attacker attacker(columns, options);
  return std::vector{attacker.singling_out(),
                     attacker.linkability(),
                     attacker.inference(static_cast<std::size_t>(secret - columns.begin())),
                     attacker.membership()};
}

std::string print(const std::vector<Attack>& attacks) {
  std::string text;
  const auto add = [&](const char* format, auto... values) {
    std::array<char, 256> line{};
    std::snprintf(line.data(), line.size(), format, values...);
    text += line.data();
  };
  add("%-28s %9s %9s %9s   %s\n", "attack", "trained", "held out", "guesses", "risk (95%)");
  for (const auto& one : attacks) {
    const auto risk = one.risk();
    add("%-28.28s %8.1f%% %8.1f%% %8.1f%%   %.3f to %.3f%s\n",
        one.name.c_str(),
        100 * success_rate(one.trained).value,
        100 * success_rate(one.holdout).value,
        100 * success_rate(one.baseline).value,
        std::max(0.0, risk.value - risk.error),
        std::min(1.0, risk.value + risk.error),
        one.is_strong() ? "" : "  (no better than guesses)");
  }
  return text;
}

std::string to_json(const std::vector<Attack>& attacks) {
  auto list = nlohmann::json::array();
  for (const auto& one : attacks) {
    list.push_back({{"attack", one.name},
                    {"tries", one.trained.tries},
                    {"trained", to_json(success_rate(one.trained))},
                    {"holdout", to_json(success_rate(one.holdout))},
                    {"baseline", to_json(success_rate(one.baseline))},
                    {"risk", to_json(one.risk())},
                    {"strong", one.is_strong()}});
  }
  return nlohmann::json{{"attacks", std::move(list)}}.dump();
}

}  // namespace genesis::quality
