#include "common/tabular/given_cells.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "common/tabular/cell.hpp"

namespace genesis::tabular {
namespace {

// 41 of 41.0, which is how programs write whole numbers beside missing ones.
std::string_view without_point(std::string_view text) {
  const auto point = text.find('.');
  if (point == 0 || point == std::string_view::npos || point + 1 == text.size()) {
    return text;
  }
  const bool is_whole = text.find_first_not_of("-0123456789") == point &&
                        text.find_first_not_of('0', point + 1) == std::string_view::npos;
  return is_whole ? text.substr(0, point) : text;
}

// Whether a column's categories are words for the two truth values.
bool has_truth_values(const EncodedColumnSpec& spec) {
  std::vector<std::string> words;
  for (const auto& mode : spec.modes) {
    if (mode.type == Mode::Type::kCategory) {
      words.push_back(mode.category);
    }
  }
  return is_boolean(words);
}

}  // namespace

NumberStyle style_of(const std::vector<std::string>& texts) {
  const NumberStyle point;
  const NumberStyle comma{.decimal = ',', .thousands = std::nullopt};
  std::size_t by_point = 0;
  std::size_t by_comma = 0;
  for (const auto& text : texts) {
    by_point += parse_declared_number(trim(text), point) ? 1 : 0;
    by_comma += parse_declared_number(trim(text), comma) ? 1 : 0;
  }
  // "1,234" is a number in both; a text with fewer or more places tells.
  const bool tells = std::ranges::any_of(
      texts, [](const auto& text) { return decimal_sign_of(trim(text)) == std::optional(','); });
  return by_comma > by_point || (tells && by_comma == by_point) ? comma : point;
}

Result<GivenReader> GivenReader::create(const EncodedColumnSpec& spec, const NumberStyle& style) {
  GivenReader reader(spec, style);
  if (spec.kind == Kind::kDatetime) {
    GENESIS_ASSIGN(reader.format_, DatetimeFormat::parse(spec.format));
  }
  return reader;
}

// Half a step beyond a bound is still the bound.
GivenCell GivenReader::of_number(double number) const {
  double step = 0.0;
  if (format_) {
    step = format_->step();
  } else if (spec_->rounding.significant == 0) {
    step = 1.0 / power_of_ten(std::clamp(spec_->rounding.decimals, 0, kMaxPrecision));
  }
  const bool is_within =
      number >= spec_->minimum - step / 2.0 && number <= spec_->maximum + step / 2.0;
  return is_within ? GivenCell{Given::kUnderstood, number, 0} : GivenCell{Given::kForeign, 0.0, 0};
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
    } else if (const auto parsed = parse_declared_number(trimmed, style_)) {
      number = parsed->value;
    }
    return number ? of_number(*number) : GivenCell{Given::kForeign, 0.0, 0};
  }
  std::optional<std::size_t> other;
  std::optional<std::size_t> spelled;  // another word for a truth value, or 41.0 for 41
  const auto value = has_truth_values(*spec_) ? truth(trimmed) : std::nullopt;
  for (std::size_t k = 0; k < spec_->modes.size(); ++k) {
    const auto& mode = spec_->modes[k];
    if (mode.type == Mode::Type::kCategory && mode.category == trimmed) {
      return {Given::kUnderstood, 0.0, k};
    }
    if (!spelled && mode.type == Mode::Type::kCategory &&
        (value ? value == truth(mode.category)
               : without_point(trimmed) == without_point(mode.category))) {
      spelled = k;
    }
    if (mode.type == Mode::Type::kOther) {
      other = k;
    }
  }
  if (spelled) {
    return {Given::kUnderstood, 0.0, *spelled};
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
  const auto style = is_continuous(spec.kind) ? style_of(column->categories) : NumberStyle{};
  GENESIS_ASSIGN(const auto reader, GivenReader::create(spec, style));
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
