// From modes and scalars back to rows (encoder.hpp).
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/check.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/encoder_layout.hpp"
#include "common/tabular/grid.hpp"

namespace genesis::tabular {
namespace {

// Every mode as mean + scalar * slope, on the column's scale where there is a slope: exact values
// have none, missing is NaN.
struct Line {
  double intercept = std::numeric_limits<double>::quiet_NaN();
  double slope = 0.0;
};

void decode_numbers(const EncodedColumnSpec& spec, const EncodedColumn& encoded, Column& column) {
  const auto step = step_of(spec.kind, spec.rounding, spec.format);
  GENESIS_CHECK(step.has_value(), "an encoder's formats are checked where it is made");
  std::vector<Line> lines;
  for (const auto& mode : spec.modes) {
    switch (mode.type) {
      case Mode::Type::kExact:
        lines.push_back({mode.mean, 0.0});
        break;
      case Mode::Type::kGaussian:
        lines.push_back({mode.mean, kScalarWidth * mode.deviation});
        break;
      case Mode::Type::kMissing:
      case Mode::Type::kCategory:
        lines.push_back({});
        break;
    }
  }
  const std::size_t rows = encoded.mode.size();
  column.numbers.resize(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    GENESIS_CHECK(encoded.mode[row] < lines.size(), "a mode that the column does not have");
    const Line line = lines[encoded.mode[row]];
    if (line.slope == 0.0) {
      column.numbers[row] = line.intercept;
      continue;
    }
    const double scalar = encoded.value[row];
    const double position =
        std::isnan(scalar) ? line.intercept : line.intercept + scalar * line.slope;
    const double x = std::clamp(spec.scale.inverse(position), spec.minimum, spec.maximum);
    column.numbers[row] = std::clamp(step->rounded(x), spec.minimum, spec.maximum);
  }
}

// Categories that occur in these rows, sorted as the modes are.
void decode_codes(const EncodedColumnSpec& spec, const EncodedColumn& encoded, Column& column) {
  constexpr std::uint32_t kUnused = kMissingCode - 1;
  std::vector<std::uint32_t> code_of(spec.modes.size(), kUnused);
  for (const auto mode : encoded.mode) {
    GENESIS_CHECK(mode < code_of.size(), "a mode that the column does not have");
    code_of[mode] = kMissingCode;
  }
  for (std::size_t k = 0; k < spec.modes.size(); ++k) {
    if (code_of[k] != kUnused && spec.modes[k].type == Mode::Type::kCategory) {
      code_of[k] = static_cast<std::uint32_t>(column.categories.size());
      column.categories.push_back(spec.modes[k].category);
    }
  }
  column.codes.resize(encoded.mode.size());
  std::transform(encoded.mode.begin(), encoded.mode.end(), column.codes.begin(), [&](auto mode) {
    return code_of[mode];
  });
}

void number_identifiers(std::size_t rows, std::uint64_t first_row, Column& column) {
  std::vector<std::pair<std::string, std::size_t>> sorted(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    sorted[row] = {"id-" + std::to_string(first_row + row + 1), row};
  }
  std::sort(sorted.begin(), sorted.end());
  column.codes.resize(rows);
  column.categories.reserve(rows);
  for (auto& [name, row] : sorted) {
    column.codes[row] = static_cast<std::uint32_t>(column.categories.size());
    column.categories.push_back(std::move(name));
  }
}

}  // namespace

Table Encoder::decode(const EncodedTable& encoded, std::uint64_t first_row) const {
  GENESIS_CHECK(encoded.columns.size() == columns_.size(), "encoded by another encoder");
  Table table;
  table.rows = encoded.rows;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto& spec = columns_[i];
    Column column;
    column.name = spec.name;
    column.kind = spec.kind;
    column.precision = spec.precision;
    column.significant = spec.rounding.significant;
    column.format = spec.format;
    if (spec.kind == Kind::kIdentifier) {
      number_identifiers(table.rows, first_row, column);
      table.columns.push_back(std::move(column));
      continue;
    }
    const auto& cells = encoded.columns[i];
    GENESIS_CHECK(cells.mode.size() == table.rows, "one mode a row");
    GENESIS_CHECK(!layout_.columns[i].has_value || cells.value.size() == table.rows,
                  "one scalar a row");
    if (is_continuous(spec.kind)) {
      decode_numbers(spec, cells, column);
    } else {
      decode_codes(spec, cells, column);
    }
    table.columns.push_back(std::move(column));
  }
  return table;
}

}  // namespace genesis::tabular
