#include "common/mixture/schema.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/json_reader.hpp"

namespace genesis::mixture {
namespace {

using nlohmann::json;
using tabular::Kind;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargestNumber = 1e300;

// Reads numbers or dates of one column.
class NumberReader {
 public:
  explicit NumberReader(const Column& column) {
    if (column.kind == Kind::kDatetime) {
      if (auto format = tabular::DatetimeFormat::parse(column.format)) {
        format_ = std::move(*format);
      }
    }
  }

  [[nodiscard]] double read(std::string_view text) const {
    const auto trimmed = tabular::trim(text);
    if (tabular::is_missing_token(trimmed)) {
      return kNaN;
    }
    if (format_) {
      return format_->read(trimmed).value_or(kNaN);
    }
    const auto number = tabular::parse_declared_number(trimmed);
    return number ? number->value : kNaN;
  }

 private:
  std::optional<tabular::DatetimeFormat> format_;
};

std::uint64_t unit_of_number(double x, const Column& column) {
  if (!std::isfinite(x)) {
    return kMissingUnit;
  }
  const double unit = std::nearbyint((x - column.minimum) / column.step);
  return static_cast<std::uint64_t>(std::clamp(unit, 0.0, static_cast<double>(column.units - 1)));
}

// A number's text as its column's CSV has it.
std::string text_of(double x, const tabular::Column& cells) {
  if (cells.kind == Kind::kDatetime) {
    auto format = tabular::DatetimeFormat::parse(cells.format);
    std::string text(format ? format->max_size() : 0, ' ');
    text.resize(format ? static_cast<std::size_t>(format->write(x, text.data()) - text.data()) : 0);
    return text;
  }
  std::string text(400, ' ');
  const auto end = std::to_chars(text.data(),
                                 text.data() + text.size(),
                                 x,
                                 std::chars_format::fixed,
                                 cells.kind == Kind::kDecimal ? cells.precision : 0);
  text.resize(static_cast<std::size_t>(end.ptr - text.data()));
  return text;
}

std::unordered_map<std::string_view, std::uint64_t> index_of(const Column& column) {
  std::unordered_map<std::string_view, std::uint64_t> index;
  for (std::size_t i = 0; i < column.categories.size(); ++i) {
    index.emplace(column.categories[i], i);
  }
  return index;
}

// Of a column of true and false, another spelling of one of them.
std::optional<std::uint64_t> unit_of_truth(std::string_view text, const Column& column) {
  const auto value = tabular::truth(text);
  if (!value || column.categories.size() != 2 || !tabular::is_boolean(column.categories)) {
    return std::nullopt;
  }
  return tabular::truth(column.categories[0]) == value ? 0 : 1;
}

std::uint64_t unit_of_category(std::string_view text,
                               const Column& column,
                               const std::unordered_map<std::string_view, std::uint64_t>& index) {
  if (const auto found = index.find(text); found != index.end()) {
    return found->second;
  }
  if (const auto unit = unit_of_truth(text, column)) {
    return *unit;
  }
  return text.empty() ? kMissingUnit : column.other ? *column.other : kNoUnit;
}

std::vector<std::uint64_t> category_units(const tabular::Column& cells, const Column& column) {
  const auto index = index_of(column);
  std::vector<std::uint64_t> units;
  if (tabular::is_continuous(cells.kind)) {
    units.reserve(cells.numbers.size());
    for (const double x : cells.numbers) {
      units.push_back(std::isnan(x) ? unit_of_category("", column, index)
                                    : unit_of_category(text_of(x, cells), column, index));
    }
    return units;
  }
  std::vector<std::uint64_t> of_code;
  for (const auto& category : cells.categories) {
    of_code.push_back(unit_of_category(category, column, index));
  }
  const auto missing = unit_of_category("", column, index);
  units.reserve(cells.codes.size());
  for (const auto code : cells.codes) {
    units.push_back(code == tabular::kMissingCode ? missing : of_code[code]);
  }
  return units;
}

Status wrong(std::string_view path, std::string_view what) {
  return fail(Errc::kInvalidArgument, std::string(path) + ": " + std::string(what));
}

json to_json(const Column& column) {
  json object{{"name", column.name}, {"kind", tabular::to_string(column.kind)}};
  if (column.is_number()) {
    object["minimum"] = column.minimum;
    object["step"] = column.step;
    object["units"] = column.units;
  }
  if (column.kind == Kind::kDecimal && column.has_precision) {
    object["precision"] = column.precision;
  }
  if (column.kind == Kind::kDatetime) {
    object["format"] = column.format;
  }
  if (column.kind == Kind::kCategory) {
    object["categories"] = column.categories;
    if (column.other) {
      object["other"] = *column.other;
    }
  }
  if (column.missing != Missing::kMaybe) {
    object["nullable"] = column.missing == Missing::kDeclared;
  }
  return object;
}

Status check(const Column& column, const std::string& path) {
  if (column.name.empty() || column.name.size() > tabular::kMaxNameBytes) {
    return wrong(path, "name: expected a text");
  }
  if (column.kind == Kind::kBoolean) {
    return wrong(path, "kind: boolean is written as category");
  }
  if (!(std::abs(column.minimum) <= kLargestNumber) ||
      !(column.step > 0.0 && column.step <= kLargestNumber) || column.units > kMaxUnits) {
    return wrong(path, "its bounds are no domain");
  }
  if (column.precision < 0 || column.precision > tabular::kMaxPrecision) {
    return wrong(path, "precision: expected 0 to 15");
  }
  if (column.kind == Kind::kDatetime) {
    auto format = tabular::DatetimeFormat::parse(column.format);
    if (!format) {
      return tl::unexpected(format.error().within(path + ".format"));
    }
  }
  if (column.categories.size() > kMaxCategories) {
    return fail(Errc::kResourceExhausted, path + ": more than 4096 categories");
  }
  if (std::ranges::find(column.categories, "") != column.categories.end()) {
    return wrong(path, "categories: the empty text is a missing value, not a category");
  }
  if (column.other && *column.other >= column.categories.size()) {
    return wrong(path, "other: names no category");
  }
  return {};
}

Result<Column> column_from_json(JsonValue object, const std::string& path) {
  constexpr std::size_t kMaxFormatBytes = 64;
  constexpr auto kMaxPlace = std::numeric_limits<std::uint32_t>::max();
  tabular::JsonReader reader(object, path);
  const auto has = [&](std::string_view key) { return object.find(key).has_value(); };
  Column column;
  column.name = reader.text("name", tabular::kMaxNameBytes);
  column.kind = reader.kind("kind");
  column.minimum = has("minimum") ? reader.number("minimum") : 0.0;
  column.step = has("step") ? reader.number("step") : 1.0;
  column.units = has("units") ? reader.count("units", kMaxUnits) : 0;
  column.has_precision = column.kind != Kind::kDecimal || has("precision");
  column.precision = has("precision") ? reader.small("precision", tabular::kMaxPrecision) : 0;
  column.format = has("format") ? reader.text("format", kMaxFormatBytes) : "";
  if (has("categories")) {
    for (const JsonValue item : reader.array("categories", kMaxCategories)) {
      auto text = item.text(tabular::kMaxCellBytes);
      if (!text) {
        reader.refuse("categories", "expected texts");
        break;
      }
      column.categories.push_back(std::move(*text));
    }
  }
  if (has("other")) {
    column.other = static_cast<std::uint32_t>(reader.count("other", kMaxPlace));
  }
  if (has("nullable")) {
    column.missing = reader.flag("nullable") ? Missing::kDeclared : Missing::kNever;
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_RETURN_IF_ERROR(check(column, path));
  return column;
}

}  // namespace

Status set_bounds(Column& column, double minimum, double maximum) {
  if (column.kind == Kind::kDatetime) {
    auto format = tabular::DatetimeFormat::parse(column.format);
    if (!format) {
      return tl::unexpected(format.error());
    }
    column.step = format->step();
  } else {
    column.step = 1.0 / tabular::power_of_ten(column.kind == Kind::kDecimal ? column.precision : 0);
  }
  const double slack = column.step * 1e-6;
  const double first = std::ceil((minimum - slack) / column.step);
  const double last = std::floor((maximum + slack) / column.step);
  if (!(first <= last)) {
    return fail(Errc::kInvalidArgument,
                "column '" + column.name + "': no value is between its bounds");
  }
  if (!(last - first < static_cast<double>(kMaxUnits)) ||
      !(std::max(std::abs(first), std::abs(last)) <= static_cast<double>(kMaxUnits))) {
    return fail(Errc::kInvalidArgument,
                "column '" + column.name +
                    "': its bounds are more than 2^53 steps of its precision apart or from 0; "
                    "narrow them or lower the precision");
  }
  column.minimum = first * column.step + 0.0;  // no -0
  column.units = static_cast<std::uint64_t>(last - first) + 1;
  return {};
}

std::vector<std::uint64_t> units_of(const tabular::Column& cells, const Column& column) {
  auto units = [&] {
    if (!column.is_number()) {
      return category_units(cells, column);
    }
    std::vector<std::uint64_t> of_rows;
    for (const double x : numbers_of(cells, column)) {
      of_rows.push_back(unit_of_number(x, column));
    }
    return of_rows;
  }();
  if (column.missing == Missing::kNever) {
    std::ranges::replace(units, kMissingUnit, kNoUnit);
  }
  return units;
}

std::vector<double> numbers_of(const tabular::Column& cells, const Column& column) {
  if (tabular::is_continuous(cells.kind)) {
    return cells.numbers;
  }
  const NumberReader reader(column);
  std::vector<double> of_code;
  for (const auto& category : cells.categories) {
    of_code.push_back(reader.read(category));
  }
  std::vector<double> numbers;
  numbers.reserve(cells.codes.size());
  for (const auto code : cells.codes) {
    numbers.push_back(code == tabular::kMissingCode ? kNaN : of_code[code]);
  }
  return numbers;
}

double value_of(const Column& column, std::uint64_t unit) {
  const double value = column.minimum + static_cast<double>(unit) * column.step;
  return column.kind == tabular::Kind::kDecimal ? tabular::round_to(value, column.precision)
                                                : value;
}

json to_json(const Schema& schema) {
  json columns = json::array();
  for (const auto& column : schema) {
    columns.push_back(to_json(column));
  }
  return columns;
}

Result<Schema> schema_from_json(JsonValue list) {
  if (!list.is_array() || list.size() == 0) {
    return fail(Errc::kInvalidArgument, "columns: expected a list of columns");
  }
  if (list.size() > kMaxColumns) {
    return fail(Errc::kResourceExhausted, "columns: more than 1000");
  }
  Schema schema;
  for (const JsonValue item : list.elements()) {
    GENESIS_ASSIGN(auto column,
                   column_from_json(item, "columns[" + std::to_string(schema.size()) + "]"));
    schema.push_back(std::move(column));
  }
  return schema;
}

}  // namespace genesis::mixture
