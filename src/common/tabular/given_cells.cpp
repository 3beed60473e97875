#include "common/tabular/given_cells.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "common/tabular/cell.hpp"

namespace genesis::tabular {

Result<GivenReader> GivenReader::create(const EncodedColumnSpec& spec) {
  GivenReader reader(spec);
  if (spec.kind == Kind::kDatetime) {
    GENESIS_ASSIGN(reader.format_, DatetimeFormat::parse(spec.format));
  }
  return reader;
}

GivenCell GivenReader::read(std::string_view text) const {
  const auto trimmed = trim(text);
  if (is_continuous(spec_->kind)) {
    if (is_missing_token(trimmed)) {
      return {};
    }
    std::optional<double> number;
    if (format_) {
      number = format_->read(trimmed);
    } else if (const auto parsed = parse_declared_number(trimmed)) {
      number = parsed->value;
    }
    return number ? GivenCell{Given::kUnderstood, *number, 0} : GivenCell{Given::kForeign, 0.0, 0};
  }
  std::optional<std::size_t> other;
  for (std::size_t k = 0; k < spec_->modes.size(); ++k) {
    const auto& mode = spec_->modes[k];
    if (mode.type == Mode::Type::kCategory && mode.category == trimmed) {
      return {Given::kUnderstood, 0.0, k};
    }
    if (mode.type == Mode::Type::kOther) {
      other = k;
    }
  }
  if (is_missing_token(trimmed)) {
    return {};
  }
  return other ? GivenCell{Given::kUnderstood, 0.0, *other} : GivenCell{Given::kForeign, 0.0, 0};
}

Result<std::vector<GivenCell>> given_cells(const Table& texts, const EncodedColumnSpec& spec) {
  std::vector<GivenCell> cells(texts.rows);
  const auto column = std::ranges::find(texts.columns, spec.name, &Column::name);
  if (column == texts.columns.end()) {
    return cells;
  }
  GENESIS_ASSIGN(const auto reader, GivenReader::create(spec));
  std::vector<GivenCell> by_text;
  for (const auto& text : column->categories) {
    by_text.push_back(reader.read(text));
  }
  for (std::size_t row = 0; row < texts.rows; ++row) {
    if (column->codes[row] != kMissingCode) {
      cells[row] = by_text[column->codes[row]];
    }
  }
  return cells;
}

}  // namespace genesis::tabular
