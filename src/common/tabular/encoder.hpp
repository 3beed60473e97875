#pragma once
// One encoding for all sites, agreed on without anyone's rows.
//
//   site:       Sketch s = sketch(table)              kinds, extremes, categories, heavy values
//   aggregator: Plan p = plan(all sketches)           one kind and one grid per column, or who
//   differs site:       Summary h = summarize(table, p)       counts on the shared grid: adds up
//   aggregator: merge(total, h); Encoder e = fit(p, total)
//   site:       EncodedTable t = e.encode(table, rng)
//   anyone:     Table rows = e.decode(encoded, rng)
//
// Everything the encoder depends on is a union, an extreme or a sum of integers over sites, so it
// does not depend on how the rows are split. Continuous columns get CTGAN's mode-specific
// normalisation (Xu et al. 2019, sec. 4.2): a Gaussian mixture of at most 10 modes, fitted to the
// summed histogram, on a linear scale or, where the column spans orders of magnitude, on one with
// logarithmic tails; values that hold a large share (spikes, and what stands for "not stated" far
// from all others) and "missing" are exact modes of their own. All pure. JSON forms are bounded and
// checked on the way in.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/json_document.hpp"
#include "common/base/rng.hpp"
#include "common/tabular/digits.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/layout.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

/// More categories than this in one column can't be learned; the error says to declare it an
/// identifier.
inline constexpr std::size_t kMaxCategories = 4096;
/// A continuous column of at most so many distinct values is learnt value by value.
inline constexpr std::size_t kFewValues = 32;
/// Of a column of more values at most so many have a mode each: they hold 1 in 512 rows.
inline constexpr std::size_t kMaxExactModes = 512;

struct ColumnSketch {
  std::string name;
  Kind kind = Kind::kCategory;
  bool declared = false;
  int precision = 0;   // decimal places that are written: 1 for "63.0"
  DigitCounts digits;  // that the values need: none after the point for "63.0"
  std::string format;
  std::uint64_t missing = 0;
  // Continuous: bounds that SitePolicy::min_category_count rows reach (absent where there is no
  // value), where the site's rows ask for cuts of the grid (partition.hpp), and the values that are
  // heavy there; where it has at most kFewValues, those that min_category_count rows hold. So no
  // value of few rows is told. Rounding noise is taken off them.
  std::vector<double> extremes;      // empty or {min, max}
  std::vector<double> edges;         // sorted
  std::vector<double> heavy_values;  // sorted
  std::vector<std::uint64_t> heavy_counts;
  bool few_values = false;  // there are at most kFewValues, most of them in heavy_values
  // Category and boolean: every category that SitePolicy::min_category_count rows hold, sorted (cut
  // at kMaxCategories + 1, which is enough to be refused). Never the values of an identifier.
  std::vector<std::string> categories;
  bool operator==(const ColumnSketch&) const = default;
};

/// Whole numbers that are 0 or 1 alone, as far as the sketch tells.
[[nodiscard]] inline bool are_bits(const ColumnSketch& sketch) {
  return sketch.kind == Kind::kInteger && sketch.few_values && !sketch.extremes.empty() &&
         sketch.extremes[0] >= 0.0 && sketch.extremes[1] <= 1.0;
}

struct Sketch {
  std::uint64_t rows = 0;
  std::vector<ColumnSketch> columns;
  bool operator==(const Sketch&) const = default;
};

/// What all sites agree to count.
struct ColumnPlan {
  std::string name;
  Kind kind = Kind::kCategory;
  int precision = 0;
  Rounding rounding;  // of values before they are counted
  std::string format;
  double minimum = 0.0;  // continuous: bounds of the domain
  double maximum = 0.0;
  // Continuous: cuts between the bins, so edges + 1 bins, or every value that there is, each
  // counted for itself; never both.
  bool few_values = false;
  std::vector<double> edges;            // sorted
  std::vector<double> values;           // sorted
  std::size_t most_exact = 0;           // modes of one value that the encoder has at most
  std::vector<std::string> categories;  // the whole domain, sorted
  // Whether text beyond the domain is counted, as "other", and what stands for it in rows; where
  // that is empty, such rows get one of the categories, drawn by their shares.
  bool other = false;
  std::string other_text;
  bool operator==(const ColumnPlan&) const = default;
};

struct Plan {
  std::vector<ColumnPlan> columns;
  bool operator==(const Plan&) const = default;
};

/// Counts that add up over sites. Per column: missing, then per bin, per value, or per category and
/// then of all other text where the plan asks for it.
struct ColumnSummary {
  std::uint64_t missing = 0;
  std::vector<std::uint64_t> bins;
  std::vector<std::uint64_t> values;
  std::vector<std::uint64_t> categories;
  bool operator==(const ColumnSummary&) const = default;
};

struct Summary {
  std::uint64_t rows = 0;
  std::vector<ColumnSummary> columns;
  bool operator==(const Summary&) const = default;
};

[[nodiscard]] Sketch sketch(const Table& table, const SitePolicy& policy = {});

struct NamedSketch {
  std::string client;
  Sketch sketch;
};
/// Columns are matched by name; their order is that of the first client by id, so nothing depends
/// on the order of `sketches`. Kinds must agree, except that
///   integer and decimal meet in decimal; boolean and category in what all their values together
///   are; identifier and category in identifier, unless the column is declared; a column without a
///   value at one site takes the kind that it has elsewhere.
/// Errors: kInvalidArgument names the column, the two clients and what differs.
[[nodiscard]] Result<Plan> plan(std::span<const NamedSketch> sketches,
                                std::span<const Declaration> declarations);

/// Errors: kInvalidArgument names the column that is missing or the cell outside the domain.
[[nodiscard]] Result<Summary> summarize(const Table& table, const Plan& plan);
/// Makes text of the plan that fewer rows than SitePolicy::min_category_count hold count as other,
/// where the plan counts other text.
void withhold_rare(const SitePolicy& policy, const Plan& plan, Summary& summary);
/// Adds `part` to `total`, which may be empty.
/// Errors: kInvalidArgument when the shapes differ from the plan's, kResourceExhausted on overflow.
[[nodiscard]] Status merge(Summary& total, const Summary& part, const Plan& plan);

struct Mode {
  enum class Type { kMissing, kExact, kGaussian, kCategory, kOther };
  Type type = Type::kCategory;
  double mean = 0.0;       // kGaussian: on the column's scale; kExact: the value
  double deviation = 0.0;  // kGaussian: on the column's scale
  double weight = 0.0;     // share of all rows
  std::string category;    // kCategory; kOther: the text in rows, or empty
  bool operator==(const Mode&) const = default;
};

/// Modes in order: exact values or categories, sorted; Gaussian modes by mean, or other; missing.
/// None for an identifier.
struct EncodedColumnSpec {
  std::string name;
  Kind kind = Kind::kCategory;
  int precision = 0;
  Rounding rounding;
  std::string format;
  double minimum = 0.0;
  double maximum = 0.0;
  Scale scale;  // of the Gaussian modes
  std::vector<Mode> modes;
  bool operator==(const EncodedColumnSpec&) const = default;
};

class Encoder {
 public:
  [[nodiscard]] const std::vector<EncodedColumnSpec>& columns() const { return columns_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }

  /// Gaussian modes are drawn from their responsibilities, as in CTGAN, with the scalar
  /// (x - mean) / (4 deviation), clipped to +-0.99, on the column's scale. x is first moved into
  /// the agreed bounds, rounded and spread evenly within its last digit, which decode rounds away:
  /// a model's continuous output could not match bare integers, and a discriminator would tell them
  /// apart by that. Errors name column and row of a category or missing cell that no site had.
  [[nodiscard]] Result<EncodedTable> encode(const Table& table, Rng rng) const;
  /// Rows of the real domain: bounds, precision and categories hold in every cell. Identifiers are
  /// "id-N", N from first_row + 1; `seed` draws what stands for other text. `encoded` must have
  /// this encoder's layout.
  [[nodiscard]] Table decode(const EncodedTable& encoded,
                             std::uint64_t seed,
                             std::uint64_t first_row) const;

 private:
  friend Result<Encoder> fit(const Plan&, const Summary&);
  friend Result<Encoder> encoder_from_json(JsonValue);
  std::vector<EncodedColumnSpec> columns_;
  Layout layout_;
};

/// Errors: kInvalidArgument when `total` has another shape than the plan, or no rows.
[[nodiscard]] Result<Encoder> fit(const Plan& plan, const Summary& total);

nlohmann::json to_json(const Sketch& sketch);
nlohmann::json to_json(const Plan& plan);
nlohmann::json to_json(const Encoder& encoder);
[[nodiscard]] Result<Sketch> sketch_from_json(JsonValue json);
[[nodiscard]] Result<Plan> plan_from_json(JsonValue json);
[[nodiscard]] Result<Encoder> encoder_from_json(JsonValue json);

}  // namespace genesis::tabular
