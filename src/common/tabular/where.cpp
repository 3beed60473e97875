#include "common/tabular/where.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/encoder_layout.hpp"
#include "common/tabular/grid.hpp"

namespace genesis::tabular {
namespace {

using Columns = std::span<const EncodedColumnSpec>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Operator { kEqual, kUnequal, kLess, kAtMost, kMore, kAtLeast, kIn, kNotIn };

struct Parsed {
  std::size_t column = 0;
  bool about_missing = false;  // is missing, or not
  bool negated = false;
  Operator op = Operator::kEqual;
  std::string_view operand;
};

tl::unexpected<Error> refuse(std::string_view condition, const std::string& what) {
  return fail(Errc::kInvalidArgument, "condition " + in_quotes(condition) + ": " + what);
}

std::string_view without_leading(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

// Text in double quotes from the start of `text`: what it says, and where it ends.
struct Quoted {
  std::string text;
  std::size_t size = 0;
};
std::optional<Quoted> read_quoted(std::string_view text) {
  if (text.empty() || text[0] != '"') {
    return std::nullopt;
  }
  Quoted quoted;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] != '"') {
      quoted.text += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == '"') {
      quoted.text += text[at++];
    } else {
      quoted.size = at + 1;
      return quoted;
    }
  }
  return std::nullopt;
}

std::optional<std::string> wholly_quoted(std::string_view text) {
  auto quoted = read_quoted(text);
  return quoted && quoted->size == text.size() ? std::optional(std::move(quoted->text))
                                               : std::nullopt;
}

struct Word {
  std::string_view text;
  Operator op;
};
constexpr std::array<Word, 6> kSigns = {{{"!=", Operator::kUnequal},
                                         {">=", Operator::kAtLeast},
                                         {"<=", Operator::kAtMost},
                                         {"=", Operator::kEqual},
                                         {">", Operator::kMore},
                                         {"<", Operator::kLess}}};
constexpr std::array<Word, 2> kWords = {{{"in ", Operator::kIn}, {"not in ", Operator::kNotIn}}};

// What follows the column's name; nothing where it is no operator.
std::optional<Parsed> parse_rest(std::string_view rest) {
  Parsed parsed;
  const std::string_view text = without_leading(rest);
  for (const auto& sign : kSigns) {
    if (text.starts_with(sign.text)) {
      parsed.op = sign.op;
      parsed.operand = text.substr(sign.text.size());
      return parsed;
    }
  }
  if (text.size() == rest.size()) {
    return std::nullopt;  // a word needs a blank before it
  }
  for (const auto& word : kWords) {
    if (text.starts_with(word.text)) {
      parsed.op = word.op;
      parsed.operand = text.substr(word.text.size());
      return parsed;
    }
  }
  const std::string_view words = trim(text);
  parsed.about_missing = words == "is missing" || words == "is not missing";
  parsed.negated = words == "is not missing";
  return parsed.about_missing ? std::optional(parsed) : std::nullopt;
}

std::vector<std::string> names_of(Columns columns) {
  std::vector<std::string> names;
  for (const auto& spec : columns) {
    names.push_back(spec.name);
  }
  return names;
}

tl::unexpected<Error> unknown_column(std::string_view condition,
                                     std::string_view name,
                                     Columns columns) {
  const std::string near = nearest(std::string(name), names_of(columns));
  return refuse(condition,
                "column '" + std::string(name) + "' is not a column of this model" +
                    (near.empty() ? std::string() : "; did you mean '" + near + "'?"));
}

Result<std::size_t> find_column(std::string_view condition,
                                std::string_view name,
                                Columns columns) {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
  if (found == columns.end()) {
    return unknown_column(condition, name, columns);
  }
  return static_cast<std::size_t>(found - columns.begin());
}

constexpr std::string_view kExpected =
    "expected column=value, a comparison such as age>=40, column in a,b or column is missing";

// The column is the longest name that the condition begins with and an operator follows.
Result<Parsed> parse(std::string_view condition, Columns columns) {
  if (const auto quoted = read_quoted(condition)) {
    GENESIS_ASSIGN(const auto column, find_column(condition, quoted->text, columns));
    auto parsed = parse_rest(condition.substr(quoted->size));
    if (!parsed) {
      return refuse(condition, std::string(kExpected));
    }
    parsed->column = column;
    return *parsed;
  }
  std::optional<Parsed> best;
  std::size_t longest = 0;
  bool names_a_column = false;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& name = columns[i].name;
    if (!condition.starts_with(name) || (best && name.size() < longest)) {
      continue;
    }
    names_a_column = names_a_column || trim(condition) == name;
    if (auto parsed = parse_rest(condition.substr(name.size()))) {
      best = parsed;
      best->column = i;
      longest = name.size();
    }
  }
  if (best) {
    return *best;
  }
  const std::size_t end = condition.find_first_of("=<>!");
  const std::size_t words =
      std::min({condition.find(" is "), condition.find(" in "), condition.find(" not in ")});
  const std::size_t stop = std::min(end, words);
  if (names_a_column || stop == std::string_view::npos || stop == 0) {
    return refuse(condition, std::string(kExpected));
  }
  return unknown_column(condition, trim(condition.substr(0, stop)), columns);
}

// A list's items, each with its quotes taken off.
struct Item {
  std::string text;
  bool quoted = false;
};
Result<std::vector<Item>> items_of(std::string_view condition, std::string_view list) {
  std::vector<Item> items;
  std::string_view rest = list;
  while (true) {
    rest = without_leading(rest);
    Item item;
    if (auto quoted = read_quoted(rest)) {
      item = {std::move(quoted->text), true};
      rest = without_leading(rest.substr(quoted->size));
      if (!rest.empty() && rest[0] != ',') {
        return refuse(condition, "expected a comma after " + in_quotes(item.text));
      }
    } else {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      item.text = trim(rest.substr(0, comma));
      rest = rest.substr(comma);
    }
    if (item.text.empty()) {
      return refuse(condition,
                    "an item of the list is empty; write a,b, and \"is missing\" for no value");
    }
    items.push_back(std::move(item));
    if (rest.empty()) {
      return items;
    }
    rest = rest.substr(1);
  }
}

// One column's texts as numbers.
class NumberReader {
 public:
  static Result<NumberReader> create(const EncodedColumnSpec& spec) {
    NumberReader reader(spec);
    GENESIS_ASSIGN(reader.step_, step_of(spec.kind, spec.rounding, spec.format));
    if (spec.kind == Kind::kDatetime) {
      GENESIS_ASSIGN(reader.format_, DatetimeFormat::parse(spec.format));
    }
    return reader;
  }

  Result<double> read(std::string_view condition, std::string_view text) const {
    const std::string_view trimmed = trim(text);
    if (format_) {
      if (const auto moment = format_->read(trimmed)) {
        return *moment;
      }
      return refuse(condition,
                    in_quotes(trimmed) + " is no date of column '" + spec_->name +
                        "', which are written as " + spec_->format);
    }
    if (const auto number = parse_declared_number(trimmed)) {
      return number->value;
    }
    const bool compares = !trimmed.empty() && (trimmed[0] == '<' || trimmed[0] == '>');
    return refuse(condition,
                  in_quotes(trimmed) + " is no number, and column '" + spec_->name + "' is " +
                      std::string(to_string(spec_->kind)) +
                      (compares ? "; write " + spec_->name + std::string(trimmed) : ""));
  }

  // A value, or a range with "..".
  Result<Interval> read_item(std::string_view condition, std::string_view text) const {
    const std::size_t dots = text.find("..");
    if (dots == std::string_view::npos) {
      GENESIS_ASSIGN(const double value, read(condition, text));
      const double near = step_.rounded(value);
      constexpr double kNoise = 1e-12;  // of the last digits of a double
      if (std::abs(near - value) > kNoise * std::abs(value)) {
        return refuse(condition,
                      "no row can have " + std::string(trim(text)) + ": values of column '" +
                          spec_->name + "' have fewer digits");
      }
      return Interval{near, near};
    }
    Interval interval;
    const std::string_view low = trim(text.substr(0, dots));
    const std::string_view high = trim(text.substr(dots + 2));
    if (low.empty() && high.empty()) {
      return refuse(condition, "expected a range such as 40..60, 40.. or ..60");
    }
    if (!low.empty()) {
      GENESIS_ASSIGN(interval.low, read(condition, low));
    }
    if (!high.empty()) {
      GENESIS_ASSIGN(interval.high, read(condition, high));
    }
    if (interval.low > interval.high) {
      return refuse(condition, "the range " + std::string(trim(text)) + " is empty");
    }
    return interval;
  }

 private:
  explicit NumberReader(const EncodedColumnSpec& spec) : spec_(&spec) {}
  const EncodedColumnSpec* spec_;  // outlives this
  Step step_;
  std::optional<DatetimeFormat> format_;
};

// Sorted, apart, none empty.
std::vector<Interval> united(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(), [](const auto& a, const auto& b) {
    return a.low < b.low;
  });
  std::vector<Interval> result;
  for (const auto& interval : intervals) {
    if (!result.empty() && interval.low <= result.back().high) {
      result.back().high = std::max(result.back().high, interval.high);
    } else {
      result.push_back(interval);
    }
  }
  return result;
}

std::vector<Interval> complement(const std::vector<Interval>& intervals) {
  std::vector<Interval> result;
  double low = -kInfinity;
  for (const auto& interval : intervals) {
    const double high = std::nextafter(interval.low, -kInfinity);
    if (low <= high) {
      result.push_back({low, high});
    }
    low = std::nextafter(interval.high, kInfinity);
  }
  if (low < kInfinity) {
    result.push_back({low, kInfinity});
  }
  return result;
}

std::vector<Interval> intersection(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  std::vector<Interval> result;
  for (const auto& x : a) {
    for (const auto& y : b) {
      const Interval both{std::max(x.low, y.low), std::min(x.high, y.high)};
      if (both.low <= both.high) {
        result.push_back(both);
      }
    }
  }
  return result;
}

Result<std::vector<Interval>> intervals_of(const Parsed& parsed,
                                           std::string_view condition,
                                           const EncodedColumnSpec& spec) {
  GENESIS_ASSIGN(const auto reader, NumberReader::create(spec));
  const auto unquoted = wholly_quoted(trim(parsed.operand));
  const std::string_view operand = unquoted ? std::string_view(*unquoted) : parsed.operand;
  switch (parsed.op) {
    case Operator::kEqual:
    case Operator::kUnequal: {
      GENESIS_ASSIGN(const auto interval, reader.read_item(condition, operand));
      std::vector<Interval> one = {interval};
      return parsed.op == Operator::kEqual ? one : complement(one);
    }
    case Operator::kLess: {
      GENESIS_ASSIGN(const double bound, reader.read(condition, operand));
      return std::vector<Interval>{{-kInfinity, std::nextafter(bound, -kInfinity)}};
    }
    case Operator::kAtMost: {
      GENESIS_ASSIGN(const double bound, reader.read(condition, operand));
      return std::vector<Interval>{{-kInfinity, bound}};
    }
    case Operator::kMore: {
      GENESIS_ASSIGN(const double bound, reader.read(condition, operand));
      return std::vector<Interval>{{std::nextafter(bound, kInfinity), kInfinity}};
    }
    case Operator::kAtLeast: {
      GENESIS_ASSIGN(const double bound, reader.read(condition, operand));
      return std::vector<Interval>{{bound, kInfinity}};
    }
    case Operator::kIn:
    case Operator::kNotIn: {
      GENESIS_ASSIGN(const auto items, items_of(condition, parsed.operand));
      std::vector<Interval> all;
      for (const auto& item : items) {
        GENESIS_ASSIGN(const auto interval, reader.read_item(condition, item.text));
        all.push_back(interval);
      }
      all = united(std::move(all));
      return parsed.op == Operator::kIn ? all : complement(all);
    }
  }
  return refuse(condition, std::string(kExpected));
}

// A category, or other text that has a text of its own.
bool is_one_text(const Mode& mode) {
  return mode.type == Mode::Type::kCategory ||
         (mode.type == Mode::Type::kOther && !mode.category.empty());
}

std::optional<std::size_t> category_mode(const EncodedColumnSpec& spec, std::string_view text) {
  for (std::size_t k = 0; k < spec.modes.size(); ++k) {
    if (is_one_text(spec.modes[k]) && spec.modes[k].category == text) {
      return k;
    }
  }
  return std::nullopt;
}

tl::unexpected<Error> no_category(std::string_view condition,
                                  std::string_view text,
                                  const EncodedColumnSpec& spec) {
  std::vector<std::string> domain;
  for (const auto& mode : spec.modes) {
    if (mode.type == Mode::Type::kCategory) {
      domain.push_back(mode.category);
    }
  }
  const std::string near = nearest(std::string(text), domain);
  return refuse(condition,
                "column '" + spec.name + "' has no category " + in_quotes(text) +
                    (near.empty() ? std::string() : "; did you mean " + in_quotes(near) + "?"));
}

// The category as it is written, in quotes, or with blanks around it.
Result<std::size_t> read_category(std::string_view condition,
                                  std::string_view text,
                                  const EncodedColumnSpec& spec) {
  if (const auto mode = category_mode(spec, text)) {
    return *mode;
  }
  const std::string_view trimmed = trim(text);
  const auto unquoted = wholly_quoted(trimmed);
  if (const auto mode = category_mode(spec, unquoted ? std::string_view(*unquoted) : trimmed)) {
    return *mode;
  }
  return no_category(condition, unquoted ? std::string_view(*unquoted) : text, spec);
}

Result<std::vector<std::uint8_t>> categories_of(const Parsed& parsed,
                                                std::string_view condition,
                                                const EncodedColumnSpec& spec) {
  std::vector<std::uint8_t> named(spec.modes.size(), 0);
  bool negated = false;
  switch (parsed.op) {
    case Operator::kLess:
    case Operator::kAtMost:
    case Operator::kMore:
    case Operator::kAtLeast:
      return refuse(condition,
                    "column '" + spec.name + "' is " + std::string(to_string(spec.kind)) +
                        ", which has no order; write " + spec.name + "=value or " + spec.name +
                        " in a,b");
    case Operator::kEqual:
    case Operator::kUnequal: {
      GENESIS_ASSIGN(const auto mode, read_category(condition, parsed.operand, spec));
      named[mode] = 1;
      negated = parsed.op == Operator::kUnequal;
      break;
    }
    case Operator::kIn:
    case Operator::kNotIn: {
      GENESIS_ASSIGN(const auto items, items_of(condition, parsed.operand));
      for (const auto& item : items) {
        const auto mode = category_mode(spec, item.text);
        if (!mode) {
          return no_category(condition, item.text, spec);
        }
        named[*mode] = 1;
      }
      negated = parsed.op == Operator::kNotIn;
      break;
    }
  }
  for (std::size_t k = 0; negated && k < named.size(); ++k) {
    named[k] = named[k] == 0 && is_one_text(spec.modes[k]) ? 1 : 0;
  }
  return named;
}

bool any_holds(const std::vector<Interval>& intervals, double value) {
  return std::any_of(intervals.begin(), intervals.end(), [&](const Interval& interval) {
    return interval.holds(value);
  });
}

// Whether a mode's cells can lie in the intervals.
bool can_hold(const Mode& mode,
              const std::vector<Interval>& intervals,
              const EncodedColumnSpec& spec,
              const Step& step) {
  if (mode.type == Mode::Type::kExact) {
    return any_holds(intervals, mode.mean);
  }
  if (mode.type != Mode::Type::kGaussian) {
    return false;
  }
  const double reach = kScalarWidth * mode.deviation;
  const auto bound = [&](double position) {
    const double value = std::clamp(spec.scale.inverse(position), spec.minimum, spec.maximum);
    return std::clamp(step.rounded(value), spec.minimum, spec.maximum);
  };
  const Interval range{bound(mode.mean - reach), bound(mode.mean + reach)};
  return !intersection({range}, intervals).empty();
}

Status restrict_numbers(ColumnFilter& filter, const EncodedColumnSpec& spec) {
  GENESIS_ASSIGN(const Step step, step_of(spec.kind, spec.rounding, spec.format));
  for (std::size_t k = 0; k < spec.modes.size(); ++k) {
    if (spec.modes[k].type != Mode::Type::kMissing && filter.modes[k] != 0) {
      filter.modes[k] = can_hold(spec.modes[k], filter.intervals, spec, step) ? 1 : 0;
    }
  }
  return {};
}

std::string domain_text(const EncodedColumnSpec& spec) {
  if (!is_continuous(spec.kind)) {
    return "";
  }
  Table table;
  table.rows = 2;
  Column column;
  column.name = spec.name;
  column.kind = spec.kind;
  column.precision = spec.precision;
  column.significant = spec.rounding.significant;
  column.format = spec.format;
  column.numbers = {spec.minimum, spec.maximum};
  table.columns.push_back(std::move(column));
  std::string lines;
  append_csv_rows(table, lines, TextCells::kRaw);
  const std::size_t end = lines.find('\n');
  return "; its values reach from " + lines.substr(0, end) + " to " +
         lines.substr(end + 1, lines.size() - end - 2);
}

}  // namespace

std::string equal_condition(std::string_view column, std::string_view value) {
  std::string quoted = "\"";
  for (const char c : column) {
    quoted.append(c == '"' ? 2 : 1, c);
  }
  return quoted + "\"=" + std::string(value);
}

Status Where::narrow(ColumnFilter filter,
                     std::string_view condition,
                     const EncodedColumnSpec& spec) {
  const auto before = std::find_if(filters_.begin(), filters_.end(), [&](const auto& other) {
    return other.column == filter.column;
  });
  const bool is_first = before == filters_.end();
  if (!is_first) {
    filter.intervals = intersection(filter.intervals, before->intervals);
    for (std::size_t k = 0; k < filter.modes.size(); ++k) {
      filter.modes[k] = filter.modes[k] != 0 && before->modes[k] != 0 ? 1 : 0;
    }
  }
  if (is_continuous(spec.kind)) {
    GENESIS_RETURN_IF_ERROR(restrict_numbers(filter, spec));
  }
  if (std::none_of(filter.modes.begin(), filter.modes.end(), [](auto mode) { return mode != 0; })) {
    return refuse(condition,
                  is_first ? "no cell of column '" + spec.name + "' meets it" + domain_text(spec)
                           : "contradicts another condition on column '" + spec.name +
                                 "': no cell meets both");
  }
  if (is_first) {
    filters_.push_back(std::move(filter));
    std::sort(filters_.begin(), filters_.end(), [](const auto& a, const auto& b) {
      return a.column < b.column;
    });
  } else {
    *before = std::move(filter);
  }
  return {};
}

Status Where::add(std::string_view condition, std::span<const EncodedColumnSpec> columns) {
  GENESIS_ASSIGN(auto parsed, parse(condition, columns));
  const auto& spec = columns[parsed.column];
  if (spec.kind == Kind::kIdentifier) {
    return refuse(condition,
                  "column '" + spec.name + "' is an identifier: its values are new in every row");
  }
  // An empty value is a missing cell.
  if (!parsed.about_missing && trim(parsed.operand).empty()) {
    if (parsed.op != Operator::kEqual && parsed.op != Operator::kUnequal) {
      return refuse(condition, "expected a value after the operator");
    }
    if (!category_mode(spec, parsed.operand)) {
      parsed.about_missing = true;
      parsed.negated = parsed.op == Operator::kUnequal;
    }
  }
  ColumnFilter filter;
  filter.column = parsed.column;
  filter.modes.assign(spec.modes.size(), 0);
  if (parsed.about_missing) {
    for (std::size_t k = 0; k < spec.modes.size(); ++k) {
      filter.modes[k] = (spec.modes[k].type == Mode::Type::kMissing) != parsed.negated ? 1 : 0;
    }
    if (parsed.negated) {
      filter.intervals = {Interval{}};
    }
    if (!parsed.negated && std::none_of(filter.modes.begin(), filter.modes.end(), [](auto mode) {
          return mode != 0;
        })) {
      return refuse(condition, "column '" + spec.name + "' has no missing cells in this model");
    }
  } else if (is_continuous(spec.kind)) {
    GENESIS_ASSIGN(filter.intervals, intervals_of(parsed, condition, spec));
    for (std::size_t k = 0; k < spec.modes.size(); ++k) {
      filter.modes[k] = spec.modes[k].type != Mode::Type::kMissing ? 1 : 0;
    }
  } else {
    GENESIS_ASSIGN(filter.modes, categories_of(parsed, condition, spec));
  }
  return narrow(std::move(filter), condition, spec);
}

std::vector<std::size_t> Where::rows_of(const EncodedTable& encoded, const Table& decoded) const {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < encoded.rows; ++row) {
    const bool meets = std::all_of(filters_.begin(), filters_.end(), [&](const auto& filter) {
      if (filter.modes[encoded.columns[filter.column].mode[row]] == 0) {
        return false;
      }
      const auto& numbers = decoded.columns[filter.column].numbers;
      return numbers.empty() || std::isnan(numbers[row]) ||
             any_holds(filter.intervals, numbers[row]);
    });
    if (meets) {
      rows.push_back(row);
    }
  }
  return rows;
}

Result<std::vector<std::string>> categories_of(std::string_view column,
                                               std::span<const EncodedColumnSpec> columns) {
  const auto found = std::ranges::find(columns, column, &EncodedColumnSpec::name);
  if (found == columns.end()) {
    const std::string near = nearest(std::string(column), names_of(columns));
    return fail(Errc::kInvalidArgument,
                "column '" + std::string(column) + "' is not a column of this model" +
                    (near.empty() ? std::string() : "; did you mean '" + near + "'?"));
  }
  std::vector<std::string> categories;
  for (const auto& mode : found->modes) {
    if (mode.type == Mode::Type::kCategory) {
      categories.push_back(mode.category);
    }
  }
  if (categories.empty()) {
    return fail(Errc::kInvalidArgument,
                "column '" + found->name + "' holds no categories but values of the kind " +
                    std::string(to_string(found->kind)));
  }
  return categories;
}

}  // namespace genesis::tabular
