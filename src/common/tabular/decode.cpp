// From modes and scalars back to rows (encoder.hpp).
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/check.hpp"
#include "common/base/rng.hpp"
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
      case Mode::Type::kOther:
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

// Mode `other` of a column, or its number of modes.
std::size_t other_mode(const EncodedColumnSpec& spec) {
  const auto at = std::find_if(spec.modes.begin(), spec.modes.end(), [](const Mode& mode) {
    return mode.type == Mode::Type::kOther;
  });
  return static_cast<std::size_t>(at - spec.modes.begin());
}

// The mode of each row, other text that has no text of its own spread over the categories. What a
// row gets depends on the seed and its number alone, so that blocks of rows make no difference.
std::vector<std::uint32_t> settled_modes(const EncodedColumnSpec& spec,
                                         const EncodedColumn& encoded,
                                         std::uint64_t seed,
                                         std::uint64_t first_row) {
  auto modes = encoded.mode;
  const std::size_t other = other_mode(spec);
  if (other == spec.modes.size() || !spec.modes[other].category.empty()) {
    return modes;
  }
  const CategoryDraw draw(spec);
  constexpr std::uint64_t kBlock = 1024;  // rows that share a stream
  for (std::size_t row = 0; row < modes.size();) {
    const std::uint64_t block = (first_row + row) / kBlock;
    Rng rng(seed, RoundId{0}, spec.name, "other-" + std::to_string(block));
    for (std::uint64_t at = block * kBlock; at < (block + 1) * kBlock && row < modes.size(); ++at) {
      const double uniform = rng.uniform();
      if (at < first_row + row) {
        continue;
      }
      if (modes[row] == other) {
        modes[row] = draw(uniform).value_or(kMissingCode);
      }
      ++row;
    }
  }
  return modes;
}

// Categories that occur in these rows, sorted.
void decode_codes(const EncodedColumnSpec& spec,
                  const EncodedColumn& encoded,
                  std::uint64_t seed,
                  std::uint64_t first_row,
                  Column& column) {
  for (const auto mode : encoded.mode) {
    GENESIS_CHECK(mode < spec.modes.size(), "a mode that the column does not have");
  }
  const auto modes = settled_modes(spec, encoded, seed, first_row);
  std::vector<bool> occurs(spec.modes.size(), false);
  for (const auto mode : modes) {
    if (mode != kMissingCode) {
      occurs[mode] = true;
    }
  }
  for (std::size_t k = 0; k < spec.modes.size(); ++k) {
    if (occurs[k] && spec.modes[k].type != Mode::Type::kMissing) {
      column.categories.push_back(spec.modes[k].category);
    }
  }
  std::sort(column.categories.begin(), column.categories.end());
  column.categories.erase(std::unique(column.categories.begin(), column.categories.end()),
                          column.categories.end());
  std::vector<std::uint32_t> code_of(spec.modes.size(), kMissingCode);
  for (std::size_t k = 0; k < spec.modes.size(); ++k) {
    const auto at = std::lower_bound(
        column.categories.begin(), column.categories.end(), spec.modes[k].category);
    if (occurs[k] && spec.modes[k].type != Mode::Type::kMissing) {
      code_of[k] = static_cast<std::uint32_t>(at - column.categories.begin());
    }
  }
  column.codes.resize(modes.size());
  std::transform(modes.begin(), modes.end(), column.codes.begin(), [&](auto mode) {
    return mode == kMissingCode ? kMissingCode : code_of[mode];
  });
}

// The name of row `number`: a pattern's # are its digits, padded with zeros.
std::string identifier(const std::string& pattern, std::uint64_t number) {
  if (pattern.empty()) {
    return "id-" + std::to_string(number);
  }
  const auto first = pattern.find('#');
  const auto last = pattern.find_last_of('#');
  GENESIS_CHECK(first != std::string::npos, "a pattern is checked where an encoder is made");
  std::string digits = std::to_string(number);
  const std::size_t width = last - first + 1;
  digits.insert(0, width > digits.size() ? width - digits.size() : 0, '0');
  return pattern.substr(0, first) + digits + pattern.substr(last + 1);
}

void number_identifiers(const EncodedColumnSpec& spec,
                        std::size_t rows,
                        std::uint64_t first_row,
                        Column& column) {
  std::vector<std::pair<std::string, std::size_t>> sorted(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    sorted[row] = {identifier(spec.format, first_row + row + 1), row};
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

Table Encoder::decode(const EncodedTable& encoded,
                      std::uint64_t seed,
                      std::uint64_t first_row) const {
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
      number_identifiers(spec, table.rows, first_row, column);
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
      decode_codes(spec, cells, seed, first_row, column);
    }
    table.columns.push_back(std::move(column));
  }
  return table;
}

}  // namespace genesis::tabular
