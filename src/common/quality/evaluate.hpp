#pragma once
// How good synthetic rows are: how closely they follow the real table, and how far they keep from
// its rows. Used by `genesis evaluate` and at the end of `genesis run`. Pure but for read_beside.
//
// Column shapes, column pair trends and their mean are the scores of the QualityReport of SDMetrics
// 0.32 (docs.sdv.dev/sdmetrics), defined again in shapes.hpp and trends.hpp; tests/e2e compares.
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/quality/attacks.hpp"
#include "common/quality/histogram.hpp"
#include "common/quality/judgement.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::quality {

enum class Metric {
  kKsComplement,           // numbers and dates: 1 - Kolmogorov-Smirnov distance
  kTvComplement,           // categories: 1 - total variation distance
  kCorrelationSimilarity,  // two numbers: 1 - half the difference of Pearson's correlations
  kContingencySimilarity,  // else: 1 - total variation distance of the cross tables
};
std::string_view to_string(Metric metric);

/// Shares of a column's values that lie below each quantile of a report.
inline constexpr std::array<double, 5> kQuantiles = {0.05, 0.25, 0.5, 0.75, 0.95};
using Quantiles = std::array<double, kQuantiles.size()>;

struct ColumnScore {
  std::string name;
  tabular::Kind kind = tabular::Kind::kCategory;
  Metric metric = Metric::kTvComplement;
  // Absent where the real table has no value in the column; 0 where the synthetic table has none,
  // or none that can be read as the real column's kind.
  std::optional<double> score;
  std::uint64_t cells_outside = 0;     // synthetic cells outside the real column's domain
  std::uint64_t cells_unreadable = 0;  // of these, text that is no number or date
  std::string unreadable;              // one of them
  // Numbers and dates (seconds since 1970 UTC) with values in both tables.
  std::optional<Quantiles> real_quantiles;
  std::optional<Quantiles> synthetic_quantiles;
  std::string format;  // of dates
};

/// Only pairs that are related in the real table count, as in SDMetrics: the others would reward
/// any two independent columns.
struct PairScore {
  std::array<std::string, 2> columns;
  Metric metric = Metric::kContingencySimilarity;
  // Present where the pair counts: `real` is above the metric's threshold.
  std::optional<double> score;
  // Pearson's correlation, or Cramer's V; absent where it is undefined.
  std::optional<double> real;
};

/// Distance between two rows: mean over columns of |difference| / (real maximum - minimum), at most
/// 1, and of 0 or 1 for equal and different categories or a value beside a missing one.
struct Distances {
  // Medians, over the compared rows, of the distance to the closest real row.
  double synthetic_to_real = 0.0;
  std::optional<double> holdout_to_real;
  // Are synthetic rows closer to the real rows than to held-out ones? Of n real and m held-out rows
  // of one distribution the closest is a real one with probability n / (n + m); the share p of
  // synthetic rows for which it is one is brought to equal sizes by its odds: p m / (p m + (1-p)
  // n). 0.5 is what rows that memorise nothing give, 1 what copies give.
  std::optional<double> closer_to_real;
  std::size_t rows_compared = 0;  // synthetic rows: all, or kDistanceRows drawn
};

/// Text that came from single rows: a generator has copied it.
struct CopiedText {
  std::string name;
  double share = 0.0;  // of the synthetic cells with text, above one half
};

/// Numbers that one real row holds, by column of numbers or dates (single_numbers.hpp).
struct SingleNumbers {
  std::string name;
  double synthetic = 0.0;  // share of the synthetic cells that hold one
  double held_out = 0.0;   // share of cells of real rows that do not count as known
  bool more = false;       // synthetic cells do so more often than chance explains: than
                           // held-out ones, and than evenly drawn ones on the values' step
};

struct Report {
  std::uint64_t real_rows = 0;
  std::uint64_t synthetic_rows = 0;
  std::optional<std::uint64_t> holdout_rows;
  double overall = 0.0;                      // mean of those of the next two that are present
  std::optional<double> column_shapes;       // mean of the columns' scores
  std::optional<double> column_pair_trends;  // mean of the scores of the pairs that count
  // Share of synthetic cells outside the real domain: a category that no real row has, a number
  // or date beyond the real extremes, an integer column's fraction, text that is no number or date,
  // a missing cell where no real one is missing.
  double cells_outside = 0.0;
  double new_rows = 0.0;  // share of synthetic rows equal to no real row
  Distances distances;
  std::vector<ColumnScore> columns;  // in the real table's order, without identifiers
  std::vector<PairScore> pairs;      // (0,1) (0,2) … (1,2) …
  // Columns that the synthetic table has no readable value of; each counts 0 in column_shapes.
  std::vector<std::string> without_values;
  std::vector<std::string> identifiers;  // left out of all of the above
  // Text columns, identifiers too, most of whose synthetic cells hold a text of one real row.
  std::vector<CopiedText> copied_text;
  std::vector<SingleNumbers> single_numbers;
  std::optional<Detection> detection;  // where it was asked for
  std::optional<Utility> utility;      // where a target was named
  std::vector<Attack> attacks;         // where they were asked for and can be made
  std::string no_attacks;              // why they cannot
  std::vector<Histogram> histograms;   // as `columns`, where they were asked for
};

/// What is worked out beside the scores; detection and utility take seconds.
struct Judging {
  bool detection = false;
  bool histograms = false;
  bool attacks = false;     // on single rows, which need held-out ones
  std::string target = {};  // of the utility, which needs held-out rows; "": none
};

/// Rows that are looked up in the real table for `distances`, at most; drawn with a fixed seed.
inline constexpr std::size_t kDistanceRows = 2000;
/// Rows of each table that enter a cross table, at most (SDMetrics draws as many); fixed seed.
inline constexpr std::size_t kPairRows = 50000;

/// Compares by the real table's kinds, matching columns by name. `synthetic` and `holdout` may have
/// other kinds: cells are read again as the real kind, as numbers or text, and what can't be read
/// counts as missing and outside. `holdout`, real rows that the generator never saw, may be null.
/// Errors: kInvalidArgument for a table without rows, for different columns (named), where the
/// real table has no value to compare, and for a target that cannot be one.
[[nodiscard]] Result<Report> evaluate(const tabular::Table& real,
                                      const tabular::Table& synthetic,
                                      const tabular::Table* holdout,
                                      const Judging& judging);

/// Reads a CSV to be compared with `real`: every cell is kept as text, so that nothing is lost to
/// inference. Errors: those of tabular::read_csv, and kInvalidArgument naming the columns that
/// differ.
[[nodiscard]] Result<tabular::Table> read_beside(const std::filesystem::path& path,
                                                 const tabular::Table& real);

/// One line of JSON, without a line end: overall, column_shapes, column_pair_trends, cells_outside,
/// new_rows, distances {synthetic_to_real, holdout_to_real, closer_to_real, rows_compared},
/// rows {real, synthetic, holdout}, columns [{name, kind, metric, score, cells_outside,
/// cells_unreadable, quantiles {shares, real, synthetic}}], pairs [{columns, metric, score, real}],
/// without_values, identifiers, copied_text [{name, share}], single_numbers [{name,
/// synthetic, held_out, more}], detection {regression, trees, rows}, utility {target, positive,
/// real, synthetic}. What is absent is null; quantiles of dates are texts.
[[nodiscard]] std::string to_json(const Report& report);

/// The summary, each row a name, a figure and a remark.
[[nodiscard]] std::vector<std::vector<std::string>> summary_rows(const Report& report);
/// What is wrong with columns that could not be compared in full, or that hold what single real
/// rows do.
[[nodiscard]] std::vector<std::string> remarks(const Report& report);

/// One self-contained page for people, for the screen and for print: the summary, `attacks` where
/// there are some, each column's distribution, and which columns are related. `report` has
/// histograms.
[[nodiscard]] std::string to_html(const Report& report);

/// Tables for people: the summary, the columns, worst first, and the quantiles of numbers and
/// dates.
[[nodiscard]] std::string print(const Report& report);

}  // namespace genesis::quality
