#pragma once
// What the cells that somebody has say to a model of their columns: for methods that draw the rest
// of a row. Pure.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

enum class Given : std::uint8_t {
  kNothing,     // there is no value
  kUnderstood,  // a value of the column, which the rest of the row is drawn for
  kForeign,     // a value that the model does not know: it is kept and says nothing
};

struct GivenCell {
  Given given = Given::kNothing;
  double number = 0.0;   // of a number or date
  std::size_t mode = 0;  // of any other column, in EncodedColumnSpec::modes
  bool operator==(const GivenCell&) const = default;
};

/// Reads cells of one column. Numbers may have leading zeros; one that is beyond the column's
/// bounds is foreign. Text that is a category is one, also where it is a word for "no value"
/// elsewhere.
class GivenReader {
 public:
  /// `spec` outlives it. `style` is how numbers are written. Errors: kInvalidArgument for a format
  /// of dates that is none.
  [[nodiscard]] static Result<GivenReader> create(const EncodedColumnSpec& spec,
                                                  const NumberStyle& style);
  [[nodiscard]] GivenCell read(std::string_view text) const;

 private:
  GivenReader(const EncodedColumnSpec& spec, const NumberStyle& style)
      : spec_(&spec), style_(style) {}
  [[nodiscard]] GivenCell of_number(double number) const;
  const EncodedColumnSpec* spec_;
  NumberStyle style_;
  std::optional<DatetimeFormat> format_;
};

/// How most of these texts write numbers, with a point or with a comma.
[[nodiscard]] NumberStyle style_of(const std::vector<std::string>& texts);

/// The cells of `spec`'s column in a table of texts (read_text_table), one a row; all kNothing
/// where the table has no such column.
[[nodiscard]] Result<std::vector<GivenCell>> given_cells(const Table& texts,
                                                         const EncodedColumnSpec& spec);

}  // namespace genesis::tabular
