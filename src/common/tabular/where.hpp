#pragma once
// Conditions on synthetic rows, as people write them; one grammar for all methods. Pure.
//
//   income=>50K              equal; the value is all that follows the first "=", here ">50K"
//   age!=40                  any other value
//   age>=18  age<65          numbers and dates, also > and <=; dates in the column's format
//   age=40..60               from 40 to 60, both included; 40.. and ..60 are open at one end
//   ward in a,b              one of the list; ranges may stand in it; "not in" for none of it
//   result is missing        no value; also "result="
//   result is not missing    any value
//   "a=b"="say ""hi"""       a column, a value or an item of a list in double quotes, where it
//   holds
//                            what would end it; a quote inside is written twice
//
// A condition on values is not met by a missing cell. Several conditions must all be met.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {

/// Numbers from `low` to `high`, both included.
struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  [[nodiscard]] bool holds(double value) const { return value >= low && value <= high; }
  bool operator==(const Interval&) const = default;
};

/// What one column may hold.
struct ColumnFilter {
  std::size_t column = 0;
  // By mode of the encoder: whether a cell of it may pass. In a Gaussian mode the value decides.
  std::vector<std::uint8_t> modes;
  std::vector<Interval> intervals;  // continuous columns: the value is in one; sorted, apart
};

/// The condition that a column equals a value, or is missing where the value is empty.
[[nodiscard]] std::string equal_condition(std::string_view column, std::string_view value);

/// The categories of a column. Errors: kInvalidArgument names the nearest where there is no such
/// column, or says what it holds.
[[nodiscard]] Result<std::vector<std::string>> categories_of(
    std::string_view column, std::span<const EncodedColumnSpec> columns);

class Where {
 public:
  /// Reads one condition of the grammar above and adds it. Errors: kInvalidArgument names the
  /// column, category or number that is not understood, with the nearest; a condition that no cell
  /// of the column's domain meets, alone or together with those before it.
  [[nodiscard]] Status add(std::string_view condition, std::span<const EncodedColumnSpec> columns);
  [[nodiscard]] Status add(std::string_view condition, const Encoder& encoder) {
    return add(condition, encoder.columns());
  }

  [[nodiscard]] const std::vector<ColumnFilter>& filters() const { return filters_; }
  /// Rows of `encoded` that meet all conditions; `decoded` are the same rows.
  [[nodiscard]] std::vector<std::size_t> rows_of(const EncodedTable& encoded,
                                                 const Table& decoded) const;

 private:
  Status narrow(ColumnFilter filter, std::string_view condition, const EncodedColumnSpec& spec);
  std::vector<ColumnFilter> filters_;  // one a column at most, by column
};

}  // namespace genesis::tabular
