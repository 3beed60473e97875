#include "common/tabular/infer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/digits.hpp"
#include "common/tabular/typing.hpp"

namespace genesis::tabular {
namespace {

Status check_text(const Typing& column) {
  for (std::size_t code = 0; code < column.size(); ++code) {
    const std::string_view text = column.raw.dictionary.text(code);
    if (text.find('\0') != std::string_view::npos) {
      return column.refuse(
          code, "a zero byte; if the file is UTF-16, declare table.csv.encoding: utf-16");
    }
    if (!is_utf8(text)) {
      return column.refuse(
          code, "text that is not UTF-8; declare table.csv.encoding or convert the file");
    }
  }
  return {};
}

std::size_t present_cells(const Column& column) {
  return column.codes.size() - static_cast<std::size_t>(std::count(
                                   column.codes.begin(), column.codes.end(), kMissingCode));
}

bool is_mostly_distinct(const Column& column) {
  const std::size_t cells = present_cells(column);
  return cells >= kFewestCells && 2 * column.categories.size() > cells;
}

Column new_column(const Typing& typing, Kind kind) {
  Column column;
  column.name = typing.raw.name;
  column.kind = kind;
  return column;
}

// The digits that most cells need, and the places that all of them are written with.
void decide_digits(const Typing& typing, const Numbers& numbers, Column& column) {
  DigitCounts digits;
  for (std::size_t code = 0; code < typing.size(); ++code) {
    if (!std::isnan(numbers.values[code])) {
      digits.add(numbers.values[code], typing.counts[code]);
    }
  }
  // Of numbers that are kept as such, a part that does not depend on the order of rows.
  constexpr std::size_t kCellsLookedAt = std::size_t{1} << 16;
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // Fibonacci hashing (Knuth, 6.4)
  const auto& kept = typing.raw.numbers;
  const auto parts = std::bit_ceil(1 + kept.size() / kCellsLookedAt);
  for (const double number : kept) {
    const auto hash = std::bit_cast<std::uint64_t>(number) * kGolden;
    if (!std::isnan(number) && (hash >> 32U) % parts == 0) {
      digits.add(number, 1);
    }
  }
  const Rounding rounding = rounding_of(digits);
  column.significant = rounding.significant;
  column.precision = std::min(std::max(rounding.decimals, numbers.least_places), kMaxPrecision);
}

Column column_of_numbers(const Typing& typing, Kind kind, const Numbers& numbers) {
  Column column = new_column(typing, kind);
  column.numbers = cells_of(typing.raw, numbers.values);
  column.distinct = distinct_numbers(typing.raw, numbers.values).count;
  if (kind == Kind::kDecimal && typing.rules.declaration.precision) {
    column.precision = std::clamp(*typing.rules.declaration.precision, 0, kMaxPrecision);
    for (auto& number : column.numbers) {
      number = round_to(number, column.precision);
    }
  } else if (kind == Kind::kDecimal) {
    decide_digits(typing, numbers, column);
  }
  return column;
}

Column column_of_moments(const Typing& typing, const std::string& format, const Reading& reading) {
  Column column = new_column(typing, Kind::kDatetime);
  column.format = format;
  column.numbers = cells_of(typing.raw, reading.values);
  column.distinct = distinct_numbers(typing.raw, reading.values).count;
  return column;
}

void note(TypedColumn& typed, const std::string& what) {
  typed.notes.push_back("column '" + typed.column.name + "': " + what);
}

TypedColumn typed_numbers(const Typing& typing, const Numbers& numbers) {
  TypedColumn typed;
  if (is_key(typing, numbers)) {
    typed.column = new_column(typing, Kind::kIdentifier);
    categorize(typing.raw, read_words(typing), typed.column);
    typed.column.remark =
        "whole numbers that number the rows: made anew, not learnt; declare kind: integer if they "
        "measure something";
    return typed;
  }
  typed.column =
      column_of_numbers(typing, numbers.integral ? Kind::kInteger : Kind::kDecimal, numbers);
  if (numbers.currency || numbers.percent || numbers.grouped) {
    note(typed,
         std::string("read as plain numbers, without their ") + (numbers.currency ? "currency"
                                                                 : numbers.percent
                                                                     ? "percent sign"
                                                                     : "separators of thousands"));
  }
  if (look_like_codes(typing, numbers)) {
    typed.column.remark =
        "different whole numbers that repeat and lie far from each other are learnt as amounts, so "
        "that rows are generated with numbers between them; declare kind: category if they are "
        "codes";
  }
  return typed;
}

// Whether months have other names than rows are written with.
bool has_foreign_months(const Typing& typing, const std::string& format) {
  constexpr std::size_t kLookedAt = 1000;
  const auto parsed = DatetimeFormat::parse(format);
  if (!parsed || format.find_first_of("bB") == std::string::npos) {
    return false;
  }
  const auto letters_of = [](std::string_view text) {
    std::string letters;
    for (const char c : text) {
      const bool is_upper = c >= 'A' && c <= 'Z';
      const bool is_letter = is_upper || (c >= 'a' && c <= 'z') || static_cast<signed char>(c) < 0;
      letters += is_letter ? std::string(1, static_cast<char>(is_upper ? c + 32 : c)) : "";
    }
    return letters;
  };
  std::string written(parsed->max_size(), ' ');
  for (std::size_t code = 0; code < std::min(typing.size(), kLookedAt); ++code) {
    const auto moment = parsed->read(typing.text(code));
    if (moment) {
      const char* const end = parsed->write(*moment, written.data());
      if (letters_of(typing.text(code)) != letters_of({written.data(), end})) {
        return true;
      }
    }
  }
  return false;
}

TypedColumn typed_moments(const Typing& typing, const Moments& moments) {
  TypedColumn typed;
  const std::string format = settled_format(typing, moments);
  typed.column = column_of_moments(typing, format, moments.reading);
  if (format.find("%y") != std::string::npos) {
    note(typed, "two-digit years are read as 1969 to 2068; write four digits if some are others");
  }
  if (has_foreign_months(typing, format)) {
    note(typed, "names of months are written in English");
  }
  if (format.starts_with("%d/%m") || format.starts_with("%d-%m")) {
    std::string swapped = moments.format;
    swapped[1] = 'm';
    swapped[4] = 'd';
    const auto other = DatetimeFormat::parse(swapped);
    if (other && read_moments(typing, *other).is_whole()) {
      note(typed,
           "each date can be read day first and month first; read as " + format +
               ", declare format if that is wrong");
    }
  }
  return typed;
}

TypedColumn typed_text(const Typing& typing, Discreteness discreteness) {
  TypedColumn typed;
  typed.column = new_column(typing, Kind::kCategory);
  auto texts = read_words(typing);
  if (auto words = as_booleans(typing, texts)) {
    typed.column.kind = Kind::kBoolean;
    categorize(typing.raw, *words, typed.column);
  } else {
    categorize(typing.raw, texts, typed.column);
    if (discreteness == Discreteness::kInferred && is_mostly_distinct(typed.column)) {
      typed.column.kind = Kind::kIdentifier;
      typed.column.remark = "mostly distinct text: made anew, not learnt";
    }
  }
  typed.column.declared = discreteness == Discreteness::kForced;
  return typed;
}

Result<TypedColumn> infer(const Typing& typing) {
  const bool has_aliases = !typing.rules.declaration.aliases.empty();  // so its cells are words
  if (typing.rules.discreteness == Discreteness::kForced || has_aliases) {
    return typed_text(typing, Discreteness::kForced);
  }
  auto numbers = read_numbers(typing);
  const auto digits = numbers && numbers->digits_only && !typing.raw.holds_numbers()
                          ? find_digit_dates(typing)
                          : std::nullopt;
  if (digits && digits->reading.is_whole()) {
    return typed_moments(typing, *digits);
  }
  if (digits && !typing.rules.lenient) {
    const NearMiss miss{"date", digits->reading, digits->format};
    return typing.refuse(digits->reading.odd.front(), to_text(typing, miss));
  }
  if (numbers && numbers->is_whole()) {
    auto typed = typed_numbers(typing, *numbers);
    if (digits) {
      note(typed, to_text(typing, {"date", digits->reading, digits->format}) + "; read as numbers");
    }
    return typed;
  }
  const auto moments =
      typing.raw.holds_numbers() ? std::nullopt : find_moments(typing);  // numbers are no dates
  if (moments && moments->reading.is_whole()) {
    return typed_moments(typing, *moments);
  }
  const auto miss = find_near_miss(typing, numbers, moments);
  if (miss && !typing.rules.lenient) {
    return typing.refuse(miss->reading.odd.front(), to_text(typing, *miss));
  }
  constexpr std::string_view kMixed =
      "holds dates in more than one format: write them alike, or declare kind: category or "
      "identifier in table.columns";
  constexpr std::string_view kUnknown =
      "holds dates or times in a format that is not known: write them as 2024-03-31 or 23:59, "
      "declare their format, or kind: category or identifier, in table.columns";
  const bool is_text = !miss && !typing.raw.holds_numbers();
  const std::string_view unread = is_text && mixes_date_formats(typing) ? kMixed
                                  : is_text && are_moment_like(typing)  ? kUnknown
                                                                        : "";
  if (!unread.empty() && !typing.rules.lenient) {
    std::size_t first = 0;
    while (first + 1 < typing.size() && typing.missing.in_values(typing.text(first))) {
      ++first;
    }
    return typing.refuse(first, std::string(unread));
  }
  auto typed = typed_text(typing, Discreteness::kInferred);
  if (typed.column.kind == Kind::kIdentifier && numbers && !numbers->digits_only &&
      numbers->share() > 0.5 && !miss && !typing.rules.lenient) {
    return typing.refuse(numbers->odd.front(), to_text(typing, {"number", *numbers}));
  }
  if (!unread.empty()) {
    note(typed, std::string(unread) + "; read as text");
  }
  if (miss) {
    note(typed,
         "line " + std::to_string(typing.raw.dictionary.line(miss->reading.odd.front())) + ": " +
             to_text(typing, *miss) + "; read as text");
  }
  if (typed.column.remark.empty() && typed.column.kind == Kind::kCategory && numbers &&
      !numbers->odd.empty()) {
    typed.column.remark = percent_of(numbers->share()) + " of the cells are numbers; " +
                          in_quotes(typing.text(numbers->odd.front())) + " in line " +
                          std::to_string(typing.raw.dictionary.line(numbers->odd.front())) +
                          " is none";
  }
  return typed;
}

std::string shown(double number) {
  std::string text = std::to_string(number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text;
}

Status check_bounds(const Typing& typing, std::size_t code, double value) {
  const auto& minimum = typing.rules.declaration.minimum;
  const auto& maximum = typing.rules.declaration.maximum;
  if (minimum && value < *minimum) {
    return typing.refuse(
        code, in_quotes(typing.text(code)) + " is below the declared minimum " + shown(*minimum));
  }
  if (maximum && value > *maximum) {
    return typing.refuse(
        code, in_quotes(typing.text(code)) + " is above the declared maximum " + shown(*maximum));
  }
  return {};
}

// "<", "=" or ">" a row.
Column flag_column(const Typing& typing, const std::vector<char>& sides) {
  Column flag;
  flag.name = flag_name(typing.raw.name);
  flag.kind = Kind::kCategory;
  flag.declared = true;
  Words texts;
  for (const char side : sides) {
    texts.push_back(side == '\0' ? std::nullopt : std::optional(std::string(1, side)));
  }
  categorize(typing.raw, texts, flag);
  return flag;
}

Result<TypedColumn> declared_number(const Typing& typing, Kind kind) {
  const auto& declaration = typing.rules.declaration;
  Numbers numbers;
  auto& values = numbers.values;
  std::vector<char> sides;
  for (std::size_t code = 0; code < typing.size(); ++code) {
    const std::string_view text = typing.text(code);
    if (typing.missing.in_values(text)) {
      values.push_back(kNoNumber);
      sides.push_back('\0');
      continue;
    }
    auto number = parse_declared_number(text, typing.rules.style);
    char side = '=';
    if (const auto censored = parse_censored(text, typing.rules.style);
        censored && declaration.censored) {
      number = censored->bound;
      side = censored->side;
    }
    const bool whole = number && std::trunc(number->value) == number->value &&
                       std::abs(number->value) < kExactBound;
    if (!number || (kind == Kind::kInteger && !whole)) {
      const bool is_bound = parse_censored(text, typing.rules.style).has_value();
      return typing.refuse(
          code,
          in_quotes(text) + (kind == Kind::kInteger ? " is not an integer" : " is not a number") +
              (is_bound ? "; declare censored: true in table.columns to read it as a bound" : ""));
    }
    GENESIS_RETURN_IF_ERROR(check_bounds(typing, code, number->value));
    numbers.least_places = std::min(numbers.least_places, number->decimals);
    values.push_back(number->value);
    sides.push_back(side);
  }
  if (typing.raw.holds_numbers()) {
    numbers.least_places = std::min(numbers.least_places, typing.raw.plain.least_places);
  }
  TypedColumn typed;
  typed.column = column_of_numbers(typing, kind, numbers);
  typed.column.declared = true;
  if (declaration.censored) {
    typed.flag = flag_column(typing, sides);
  }
  return typed;
}

Result<TypedColumn> declared_datetime(const Typing& typing) {
  TypedColumn typed;
  const auto& declared_format = typing.rules.declaration.format;
  if (!declared_format) {
    auto moments = find_digit_dates(typing);
    if (!moments) {
      moments = find_moments(typing);
    }
    if (moments && moments->reading.is_whole()) {
      typed = typed_moments(typing, *moments);
      typed.column.declared = true;
      return typed;
    }
    typed = typed_text(typing, Discreteness::kInferred);
    if (!is_blank(typed.column.categories)) {
      if (moments) {
        return typing.refuse(moments->reading.odd.front(),
                             in_quotes(typing.text(moments->reading.odd.front())) +
                                 " does not have the format " + moments->format +
                                 " of the other cells; correct it, or declare its format");
      }
      return typing.refuse_column(
          "is declared a datetime, but no known format fits all its cells; declare its format");
    }
    typed.column.declared = false;
    return typed;
  }
  const auto parsed = DatetimeFormat::parse(*declared_format);
  if (!parsed) {
    return typing.refuse_column(parsed.error().message);
  }
  const auto reading = read_moments(typing, *parsed);
  if (!reading.odd.empty()) {
    return typing.refuse(reading.odd.front(),
                         in_quotes(typing.text(reading.odd.front())) +
                             " does not have the format " + *declared_format);
  }
  typed.column = column_of_moments(typing, *declared_format, reading);
  typed.column.declared = true;
  return typed;
}

Result<TypedColumn> declared_text(const Typing& typing, Kind kind) {
  TypedColumn typed;
  typed.column = new_column(typing, kind);
  typed.column.declared = true;
  auto texts = read_words(typing);
  const auto& allowed = typing.rules.declaration.categories;
  for (std::size_t code = 0; code < texts.size() && !allowed.empty(); ++code) {
    const auto& text = texts[code];
    if (text && std::find(allowed.begin(), allowed.end(), *text) == allowed.end()) {
      const std::string near = looks_missing(*text) ? "" : nearest(*text, allowed);
      return typing.refuse(
          code,
          in_quotes(*text) + " is not one of the declared categories" +
              (near.empty() ? "; list it there, or in table.missingValues if it stands for no value"
                            : "; the nearest is " + in_quotes(near)));
    }
  }
  if (kind == Kind::kBoolean) {
    if (auto words = as_booleans(typing, texts)) {
      texts = *std::move(words);
    }
  }
  categorize(typing.raw, texts, typed.column);
  const auto& categories = typed.column.categories;
  if (kind == Kind::kBoolean && categories.size() > 2) {
    return typing.refuse_column(
        "is declared boolean and has more than two values: " + in_quotes(categories[0]) + ", " +
        in_quotes(categories[1]) + ", " + in_quotes(categories[2]));
  }
  return typed;
}

// The kind that a declaration names or implies.
std::optional<Kind> declared_kind(const Declaration& declaration) {
  if (declaration.kind) {
    return declaration.kind;
  }
  if (declaration.format) {
    return Kind::kDatetime;
  }
  if (declaration.precision || declaration.censored) {
    return Kind::kDecimal;
  }
  return declaration.categories.empty() ? std::nullopt : std::optional(Kind::kCategory);
}

// Bounds of a column whose kind is not declared.
Status check_inferred_bounds(const Typing& typing, const Column& column) {
  const auto& declaration = typing.rules.declaration;
  if (!declaration.minimum && !declaration.maximum) {
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
  const auto numbers = read_numbers(typing);
  for (std::size_t code = 0; numbers && code < numbers->values.size(); ++code) {
    GENESIS_RETURN_IF_ERROR(check_bounds(typing, code, numbers->values[code]));
  }
  return {};
}

Result<TypedColumn> typed(const Typing& typing) {
  const auto kind = declared_kind(typing.rules.declaration);
  if (!kind) {
    GENESIS_ASSIGN(auto inferred, infer(typing));
    GENESIS_RETURN_IF_ERROR(check_inferred_bounds(typing, inferred.column));
    return inferred;
  }
  if (typing.rules.discreteness == Discreteness::kForced && is_continuous(*kind)) {
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

Typing typing_of(const RawColumn& raw, const TypingRules& rules) {
  Typing typing{
      raw, rules, MissingValues(rules), std::vector<std::uint64_t>(raw.dictionary.size())};
  for (const auto code : raw.codes) {
    ++typing.counts[code];
  }
  for (const double cell : raw.numbers) {
    if (const auto code = code_in(cell)) {
      ++typing.counts[*code];
    }
  }
  return typing;
}

// Whether a column that keeps numbers is not to be read as plain ones after all: as words, dates, a
// key, or numbers that are written otherwise.
bool needs_texts(const RawColumn& raw, const TypingRules& rules) {
  const auto kind = declared_kind(rules.declaration);
  const bool other_sign = raw.plain.decimals > 0 && raw.plain.decimal != rules.style.decimal;
  if (rules.discreteness == Discreteness::kForced || !rules.declaration.aliases.empty() ||
      other_sign || (kind && *kind != Kind::kInteger && *kind != Kind::kDecimal) ||
      rules.missing_values || rules.declaration.missing_values) {
    return true;
  }
  constexpr double kFirstDate = 19000101.0;
  constexpr double kLastMoment = 20991231235959.0;
  const auto like_dates = std::ranges::count_if(
      raw.numbers, [](double number) { return number >= kFirstDate && number <= kLastMoment; });
  const bool may_be_dates =
      raw.plain.digits_only &&
      static_cast<double>(like_dates) > kNearMiss * static_cast<double>(raw.plain.cells);
  if (kind) {
    const bool beyond =
        (rules.declaration.minimum && raw.plain.least < *rules.declaration.minimum) ||
        (rules.declaration.maximum && raw.plain.most > *rules.declaration.maximum);
    const bool fractions = *kind == Kind::kInteger && !raw.plain.through_floats;
    return beyond || fractions || rules.declaration.censored;  // a cell is to be named, or flagged
  }
  const Typing typing = typing_of(raw, rules);
  const auto numbers = read_numbers(typing);
  if (!numbers || may_be_dates || rules.declaration.minimum || rules.declaration.maximum) {
    return true;
  }
  return numbers->is_whole() ? is_key(typing, *numbers)
                             : rules.lenient || !find_near_miss(typing, numbers, std::nullopt);
}

}  // namespace

Result<TypedColumn> type_column(RawColumn raw, const TypingRules& rules) {
  if (raw.holds_numbers() && needs_texts(raw, rules)) {
    raw.to_texts();
  }
  const Typing typing = typing_of(raw, rules);
  GENESIS_RETURN_IF_ERROR(check_text(typing));
  return typed(typing);
}

}  // namespace genesis::tabular
