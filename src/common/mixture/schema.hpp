#pragma once
// What is known of a table before anything is counted, and how a cell becomes a position in its
// column's domain. Pure. No cell is ever an error here: what does not fit is clamped, becomes the
// column's `other`, counts as missing or is not counted, so that nothing a site says depends on
// such a cell in any other way than by its counts.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/json_document.hpp"
#include "common/tabular/table.hpp"

namespace genesis::mixture {

inline constexpr std::size_t kMaxColumns = 1000;
inline constexpr std::size_t kMaxCategories = 4096;
/// A domain has at most so many values; larger ones are counted in steps of several.
inline constexpr std::uint64_t kMaxUnits = std::uint64_t{1} << 53;

/// Whether a column has a cell for missing values among its counts.
enum class Missing {
  kNever,     // declared: such a row is not counted
  kMaybe,     // nothing is declared: kept where the counts show it beyond their noise
  kDeclared,  // kept
};

/// One column. The values of its domain are its units, numbered from 0: of a category its
/// categories, of a number or date the value minimum + unit * step.
struct Column {
  std::string name;
  tabular::Kind kind = tabular::Kind::kCategory;  // never kBoolean: that is a category
  bool has_precision = true;                      // decimals: false until the counts show it
  int precision = 0;                              // decimal places of kDecimal
  std::string format;                             // strptime format of kDatetime
  double minimum = 0.0;
  double step = 1.0;
  std::uint64_t units = 0;  // numbers and dates: 0 until bounds are known
  std::vector<std::string> categories;
  std::optional<std::uint32_t> other;  // the category that stands for all that are not named
  Missing missing = Missing::kMaybe;
  bool operator==(const Column&) const = default;

  [[nodiscard]] bool is_number() const { return tabular::is_continuous(kind); }
  /// Identifiers are made anew for each row; nothing is counted of them.
  [[nodiscard]] bool is_counted() const { return kind != tabular::Kind::kIdentifier; }
  [[nodiscard]] std::uint64_t size() const { return is_number() ? units : categories.size(); }
};

using Schema = std::vector<Column>;

/// Sets minimum, step and units of a number or date; the bounds move inwards to multiples of the
/// step. Errors: kInvalidArgument where nothing is between them or they are beyond 2^53 steps.
[[nodiscard]] Status set_bounds(Column& column, double minimum, double maximum);

inline constexpr std::uint64_t kMissingUnit = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::uint64_t kNoUnit = kMissingUnit - 1;  // the row is not counted

/// What a unit of a number or date stands for, in rows.
[[nodiscard]] double value_of(const Column& column, std::uint64_t unit);

/// The unit of each row. `column` has bounds; `cells` may be of any kind.
[[nodiscard]] std::vector<std::uint64_t> units_of(const tabular::Column& cells,
                                                  const Column& column);
/// The number of each row of a column without bounds; NaN is missing.
[[nodiscard]] std::vector<double> numbers_of(const tabular::Column& cells, const Column& column);

nlohmann::json to_json(const Schema& schema);
/// Errors: kInvalidArgument names the field, kResourceExhausted the bound.
[[nodiscard]] Result<Schema> schema_from_json(JsonValue json);

}  // namespace genesis::mixture
