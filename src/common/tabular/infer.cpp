#include "common/tabular/infer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/digits.hpp"

namespace genesis::tabular {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// One column on its way from texts to values. `values` is parallel to the dictionary.
struct Typing {
  const RawColumn& raw;
  const Declaration& declared;
  const std::string& source;

  [[nodiscard]] std::size_t size() const { return raw.dictionary.size(); }
  [[nodiscard]] std::string_view text(std::size_t code) const { return raw.dictionary.text(code); }

  [[nodiscard]] tl::unexpected<Error> refuse(std::size_t code, const std::string& what) const {
    return fail(Errc::kInvalidArgument,
                source + ":" + std::to_string(raw.dictionary.line(code)) + ": column '" + raw.name +
                    "': " + what);
  }
  [[nodiscard]] tl::unexpected<Error> refuse_column(const std::string& what) const {
    return fail(Errc::kInvalidArgument, source + ": column '" + raw.name + "': " + what);
  }
};

Status check_text(const Typing& column) {
  for (std::size_t code = 0; code < column.size(); ++code) {
    const std::string_view text = column.text(code);
    if (text.find('\0') != std::string_view::npos) {
      return column.refuse(code, "a zero byte; if the file is UTF-16, convert it to UTF-8");
    }
    if (!is_utf8(text)) {
      return column.refuse(code,
                           "text that is not UTF-8; convert the file, for example with iconv");
    }
  }
  return {};
}

struct Numbers {
  std::vector<double> values;                          // per code; NaN is missing
  int least_places = std::numeric_limits<int>::max();  // after the point, in any cell's text
  bool integral = true;
};

// The digits that most cells need, and the places that all of them are written with.
void decide_digits(const RawColumn& raw, const Numbers& numbers, Column& column) {
  std::vector<std::uint64_t> cells(numbers.values.size());
  for (const auto code : raw.codes) {
    ++cells[code];
  }
  DigitCounts digits;
  for (std::size_t code = 0; code < cells.size(); ++code) {
    if (!std::isnan(numbers.values[code])) {
      digits.add(numbers.values[code], cells[code]);
    }
  }
  const Rounding rounding = rounding_of(digits);
  column.significant = rounding.significant;
  column.precision = std::min(std::max(rounding.decimals, numbers.least_places), kMaxPrecision);
}

// All texts as numbers, or nothing; also nothing where no cell has a value.
std::optional<Numbers> as_numbers(const Typing& column) {
  Numbers numbers;
  bool digits_only = true;
  bool any = false;
  for (std::size_t code = 0; code < column.size(); ++code) {
    const std::string_view text = trim(column.text(code));
    if (is_missing_token(text)) {
      numbers.values.push_back(kMissing);
      continue;
    }
    const auto number = parse_number(text);
    if (!number) {
      return std::nullopt;
    }
    any = true;
    digits_only = digits_only && number->digits_only;
    numbers.integral = numbers.integral && number->integral;
    numbers.least_places = std::min(numbers.least_places, number->decimals);
    numbers.values.push_back(number->value);
  }
  // Whole numbers that a double can't hold are names, not amounts.
  if (!any || (digits_only && !numbers.integral)) {
    return std::nullopt;
  }
  return numbers;
}

std::optional<std::vector<double>> as_moments(const Typing& column, const DatetimeFormat& format) {
  std::vector<double> values;
  bool any = false;
  for (std::size_t code = 0; code < column.size(); ++code) {
    const std::string_view text = trim(column.text(code));
    if (is_missing_token(text)) {
      values.push_back(kMissing);
      continue;
    }
    const auto moment = format.read(text);
    if (!moment) {
      return std::nullopt;
    }
    any = true;
    values.push_back(*moment);
  }
  return any ? std::optional(std::move(values)) : std::nullopt;
}

void spread(const RawColumn& raw, const std::vector<double>& values, Column& column) {
  column.numbers.resize(raw.codes.size());
  std::transform(raw.codes.begin(), raw.codes.end(), column.numbers.begin(), [&](auto code) {
    return values[code];
  });
}

// Fills categories and codes: sorted, and the empty cell missing.
void categorize(const RawColumn& raw, Column& column) {
  const auto& dictionary = raw.dictionary;
  std::vector<std::uint32_t> order(dictionary.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    return dictionary.text(a) < dictionary.text(b);
  });
  std::vector<std::uint32_t> sorted_code(dictionary.size(), kMissingCode);
  for (const auto code : order) {
    if (!dictionary.text(code).empty()) {
      sorted_code[code] = static_cast<std::uint32_t>(column.categories.size());
      column.categories.emplace_back(dictionary.text(code));
    }
  }
  column.codes.resize(raw.codes.size());
  std::transform(raw.codes.begin(), raw.codes.end(), column.codes.begin(), [&](auto code) {
    return sorted_code[code];
  });
}

bool looks_like_identifier(const Column& column) {
  constexpr std::size_t kFewestCells = 100;
  const auto missing =
      static_cast<std::size_t>(std::count(column.codes.begin(), column.codes.end(), kMissingCode));
  const std::size_t cells = column.codes.size() - missing;
  return cells >= kFewestCells && 100 * column.categories.size() > 95 * cells;
}

Column infer(const Typing& typing, Discreteness discreteness) {
  Column column;
  column.name = typing.raw.name;
  if (discreteness == Discreteness::kForced) {
    column.declared = true;
    categorize(typing.raw, column);
    column.kind = is_boolean_pair(column.categories) ? Kind::kBoolean : Kind::kCategory;
    return column;
  }
  if (auto numbers = as_numbers(typing)) {
    column.kind = numbers->integral ? Kind::kInteger : Kind::kDecimal;
    if (!numbers->integral) {
      decide_digits(typing.raw, *numbers, column);
    }
    spread(typing.raw, numbers->values, column);
    return column;
  }
  for (const auto text : known_datetime_formats()) {
    const auto format = DatetimeFormat::parse(text);
    if (const auto moments = as_moments(typing, *format)) {
      column.kind = Kind::kDatetime;
      column.format = text;
      spread(typing.raw, *moments, column);
      return column;
    }
  }
  categorize(typing.raw, column);
  column.kind = is_boolean_pair(column.categories) ? Kind::kBoolean
                : looks_like_identifier(column)    ? Kind::kIdentifier
                                                   : Kind::kCategory;
  return column;
}

Column declared_column(const Typing& typing, Kind kind) {
  Column column;
  column.name = typing.raw.name;
  column.kind = kind;
  column.declared = true;
  return column;
}

Result<Column> declared_number(const Typing& typing, Kind kind) {
  Column column = declared_column(typing, kind);
  Numbers numbers;
  auto& values = numbers.values;
  for (std::size_t code = 0; code < typing.size(); ++code) {
    const std::string_view text = trim(typing.text(code));
    if (is_missing_token(text)) {
      values.push_back(kMissing);
      continue;
    }
    const auto number = parse_declared_number(text);
    constexpr double kExactBound = 9007199254740992.0;
    const bool whole = number && std::trunc(number->value) == number->value &&
                       std::abs(number->value) < kExactBound;
    if (!number || (kind == Kind::kInteger && !whole)) {
      return typing.refuse(
          code,
          in_quotes(text) + (kind == Kind::kInteger ? " is not an integer" : " is not a number"));
    }
    numbers.least_places = std::min(numbers.least_places, number->decimals);
    values.push_back(number->value);
  }
  if (kind == Kind::kDecimal && typing.declared.precision) {
    column.precision = std::clamp(*typing.declared.precision, 0, kMaxPrecision);
    for (auto& value : values) {
      value = round_to(value, column.precision);
    }
  } else if (kind == Kind::kDecimal) {
    decide_digits(typing.raw, numbers, column);
  }
  spread(typing.raw, values, column);
  return column;
}

Result<Column> declared_datetime(const Typing& typing) {
  Column column = declared_column(typing, Kind::kDatetime);
  if (!typing.declared.format) {
    column = infer(typing, Discreteness::kInferred);
    if (column.kind != Kind::kDatetime && !is_blank(column.categories)) {
      return typing.refuse_column(
          "is declared a datetime, but no known format fits all its cells; declare its format");
    }
    column.declared = column.kind == Kind::kDatetime;
    return column;
  }
  column.format = *typing.declared.format;
  auto parsed = DatetimeFormat::parse(column.format);
  if (!parsed) {
    return typing.refuse_column(parsed.error().message);
  }
  std::vector<double> values;
  for (std::size_t code = 0; code < typing.size(); ++code) {
    const std::string_view text = trim(typing.text(code));
    if (is_missing_token(text)) {
      values.push_back(kMissing);
      continue;
    }
    const auto moment = parsed->read(text);
    if (!moment) {
      return typing.refuse(code, in_quotes(text) + " does not have the format " + column.format);
    }
    values.push_back(*moment);
  }
  spread(typing.raw, values, column);
  return column;
}

Result<Column> declared_text(const Typing& typing, Kind kind) {
  Column column = declared_column(typing, kind);
  if (!typing.declared.categories.empty()) {
    const auto& allowed = typing.declared.categories;
    for (std::size_t code = 0; code < typing.size(); ++code) {
      const std::string text(typing.text(code));
      if (!text.empty() && std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
        const std::string near = nearest(text, allowed);
        return typing.refuse(code,
                             in_quotes(text) + " is not one of the declared categories" +
                                 (near.empty() ? "" : "; the nearest is " + in_quotes(near)));
      }
    }
  }
  categorize(typing.raw, column);
  if (kind == Kind::kBoolean && column.categories.size() > 2) {
    return typing.refuse_column(
        "is declared boolean and has more than two values: " + in_quotes(column.categories[0]) +
        ", " + in_quotes(column.categories[1]) + ", " + in_quotes(column.categories[2]));
  }
  return column;
}

// The kind that a declaration names or implies.
std::optional<Kind> declared_kind(const Declaration& declaration) {
  if (declaration.kind) {
    return declaration.kind;
  }
  if (declaration.format) {
    return Kind::kDatetime;
  }
  if (declaration.precision) {
    return Kind::kDecimal;
  }
  return declaration.categories.empty() ? std::nullopt : std::optional(Kind::kCategory);
}

std::string shown(double number) {
  std::string text = std::to_string(number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text;
}

Status check_bounds(const Typing& typing, const Column& column) {
  const auto& minimum = typing.declared.minimum;
  const auto& maximum = typing.declared.maximum;
  if (!minimum && !maximum) {
    return {};
  }
  if (column.kind != Kind::kInteger && column.kind != Kind::kDecimal) {
    if (!is_continuous(column.kind) && is_blank(column.categories)) {
      return {};
    }
    return typing.refuse_column("minimum and maximum are declared, but it is a column of kind " +
                                std::string(to_string(column.kind)) +
                                "; declare them for integers and decimals only");
  }
  for (std::size_t code = 0; code < typing.size(); ++code) {
    const auto number = parse_declared_number(trim(typing.text(code)));
    if (!number) {
      continue;
    }
    if (minimum && number->value < *minimum) {
      return typing.refuse(
          code, in_quotes(typing.text(code)) + " is below the declared minimum " + shown(*minimum));
    }
    if (maximum && number->value > *maximum) {
      return typing.refuse(
          code, in_quotes(typing.text(code)) + " is above the declared maximum " + shown(*maximum));
    }
  }
  return {};
}

Result<Column> typed(const Typing& typing, Discreteness discreteness) {
  const auto kind = declared_kind(typing.declared);
  if (!kind) {
    return infer(typing, discreteness);
  }
  if (discreteness == Discreteness::kForced && is_continuous(*kind)) {
    return typing.refuse_column("is a discrete column and also declared as " +
                                std::string(to_string(*kind)) + "; remove one of the two");
  }
  switch (*kind) {
    case Kind::kInteger:
    case Kind::kDecimal:
      return declared_number(typing, *kind);
    case Kind::kDatetime:
      return declared_datetime(typing);
    case Kind::kCategory:
    case Kind::kBoolean:
    case Kind::kIdentifier:
      return declared_text(typing, *kind);
  }
  return fail(Errc::kInternal, "unknown kind of column");
}

}  // namespace

bool is_boolean_pair(const std::vector<std::string>& sorted) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kPairs = {
      {{"false", "true"},
       {"False", "True"},
       {"FALSE", "TRUE"},
       {"no", "yes"},
       {"No", "Yes"},
       {"NO", "YES"}}};
  return sorted.size() == 2 && std::any_of(kPairs.begin(), kPairs.end(), [&](const auto& pair) {
           return sorted[0] == pair.first && sorted[1] == pair.second;
         });
}

Result<Column> type_column(RawColumn raw,
                           const Declaration& declaration,
                           Discreteness discreteness,
                           const std::string& source) {
  const Typing typing{raw, declaration, source};
  GENESIS_RETURN_IF_ERROR(check_text(typing));
  GENESIS_ASSIGN(auto column, typed(typing, discreteness));
  GENESIS_RETURN_IF_ERROR(check_bounds(typing, column));
  return column;
}

}  // namespace genesis::tabular
