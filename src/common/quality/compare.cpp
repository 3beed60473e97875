#include "common/quality/compare.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/base/check.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"

namespace genesis::quality {
namespace {

using tabular::Column;
using tabular::Kind;
using tabular::kMissingCode;
using tabular::Table;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// A continuous cell as its column would write it.
class CellText {
 public:
  explicit CellText(const Column& column) : column_(column) {
    if (column.kind == Kind::kDatetime) {
      auto format = tabular::DatetimeFormat::parse(column.format);
      GENESIS_CHECK(format.has_value(), "a datetime column has a valid format");
      format_ = std::move(format).value();
      buffer_.resize(format_->max_size());
    } else {
      buffer_.resize(400);  // the largest double in fixed notation, with kMaxPrecision decimals
    }
  }

  std::string_view operator()(double value) {
    char* const begin = buffer_.data();
    if (format_) {
      return {begin, static_cast<std::size_t>(format_->write(value, begin) - begin)};
    }
    if (column_.significant != 0) {
      const auto written = std::to_chars(begin, begin + buffer_.size(), value);
      GENESIS_CHECK(written.ec == std::errc{}, "a double fits into its buffer");
      return {begin, static_cast<std::size_t>(written.ptr - begin)};
    }
    const int places = column_.kind == Kind::kInteger ? 0 : column_.precision;
    const auto written =
        std::to_chars(begin, begin + buffer_.size(), value, std::chars_format::fixed, places);
    GENESIS_CHECK(written.ec == std::errc{}, "a double fits into its buffer");
    return {begin, static_cast<std::size_t>(written.ptr - begin)};
  }

 private:
  const Column& column_;
  std::optional<tabular::DatetimeFormat> format_;
  std::string buffer_;
};

// Text as a number of the real column's kind; nothing where it is none.
class NumberReader {
 public:
  explicit NumberReader(const Column& real) {
    if (real.kind == Kind::kDatetime) {
      auto format = tabular::DatetimeFormat::parse(real.format);
      GENESIS_CHECK(format.has_value(), "a datetime column has a valid format");
      format_ = std::move(format).value();
    }
  }

  [[nodiscard]] std::optional<double> operator()(std::string_view trimmed) const {
    if (format_) {
      return format_->read(trimmed);
    }
    const auto number = tabular::parse_declared_number(trimmed);
    return number ? std::optional<double>(number->value) : std::nullopt;
  }

 private:
  std::optional<tabular::DatetimeFormat> format_;
};

struct Numbers {
  std::vector<double> values;
  std::uint64_t unreadable = 0;  // missing in `values`
  std::string example;           // of unreadable text
};

Numbers read_numbers(const Column& column, const Column& real) {
  Numbers result;
  const NumberReader read(real);
  if (tabular::is_continuous(column.kind)) {
    const bool same = (column.kind == Kind::kDatetime) == (real.kind == Kind::kDatetime);
    if (same) {
      return {.values = column.numbers, .unreadable = 0, .example = ""};
    }
    CellText text(column);
    result.values.reserve(column.numbers.size());
    for (const double value : column.numbers) {
      const auto number = std::isnan(value) ? std::nullopt : read(text(value));
      if (!std::isnan(value) && !number) {
        ++result.unreadable;
        result.example = text(value);
      }
      result.values.push_back(number.value_or(kMissing));
    }
    return result;
  }
  std::vector<std::optional<double>> meaning;  // of each category; absent: unreadable
  for (const std::string& category : column.categories) {
    const std::string_view text = tabular::trim(category);
    meaning.push_back(tabular::is_missing_token(text) ? std::optional(kMissing) : read(text));
  }
  result.values.reserve(column.codes.size());
  for (const std::uint32_t code : column.codes) {
    const auto number = code == kMissingCode ? std::optional(kMissing) : meaning[code];
    if (!number) {
      ++result.unreadable;
      result.example = column.categories[code];
    }
    result.values.push_back(number.value_or(kMissing));
  }
  return result;
}

// Categories of the real column, then those that only other tables have. Spellings of true and
// false are those of the real column, if it has both.
class Domain {
 public:
  explicit Domain(const std::vector<std::string>& categories) {
    for (const std::string& category : categories) {
      code_of(category);
    }
    if (categories.size() == 2 && tabular::is_boolean(categories)) {
      const bool is_first_true = *tabular::truth(categories[0]);
      truths_ = {is_first_true ? categories[1] : categories[0],
                 is_first_true ? categories[0] : categories[1]};
    }
  }
  std::uint32_t code_of(std::string_view category) {
    const auto truth = truths_.empty() ? std::nullopt : tabular::truth(category);
    if (truth) {
      category = truths_[*truth ? 1 : 0];
    }
    const auto code = static_cast<std::uint32_t>(codes_.size());
    return codes_.try_emplace(std::string(category), code).first->second;
  }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(codes_.size()); }

 private:
  std::unordered_map<std::string, std::uint32_t> codes_;
  std::vector<std::string> truths_;  // false and true, or empty
};

std::vector<std::uint32_t> read_codes(const Column& column, Domain& domain) {
  std::vector<std::uint32_t> codes;
  if (tabular::is_continuous(column.kind)) {
    CellText text(column);
    std::unordered_map<double, std::uint32_t> known;
    for (const double value : column.numbers) {
      if (std::isnan(value)) {
        codes.push_back(kMissingCode);
        continue;
      }
      const auto at = known.find(value);
      codes.push_back(at != known.end()
                          ? at->second
                          : known.emplace(value, domain.code_of(text(value))).first->second);
    }
    return codes;
  }
  std::vector<std::uint32_t> meaning;
  for (const std::string& category : column.categories) {
    meaning.push_back(domain.code_of(category));
  }
  codes.reserve(column.codes.size());
  for (const std::uint32_t code : column.codes) {
    codes.push_back(code == kMissingCode ? kMissingCode : meaning[code]);
  }
  return codes;
}

void find_extremes(ComparedColumn& column) {
  bool first = true;
  for (const double value : column.real.numbers) {
    if (std::isnan(value)) {
      continue;
    }
    column.minimum = first ? value : std::min(column.minimum, value);
    column.maximum = first ? value : std::max(column.maximum, value);
    first = false;
  }
}

bool has_missing(const Cells& cells) {
  return std::any_of(cells.numbers.begin(),
                     cells.numbers.end(),
                     [](double value) { return std::isnan(value); }) ||
         std::find(cells.codes.begin(), cells.codes.end(), kMissingCode) != cells.codes.end();
}

// Unreadable cells are missing by now; `cells.outside` holds their number, and they are counted
// once.
void count_outside(const ComparedColumn& column, bool real_has_missing, Cells& cells) {
  std::uint64_t missing = 0;
  std::uint64_t beyond = 0;
  for (const double value : cells.numbers) {
    const bool fraction = column.kind == Kind::kInteger && value != std::trunc(value);
    if (std::isnan(value)) {
      ++missing;
    } else if (value < column.minimum || value > column.maximum || fraction) {
      ++beyond;
    }
  }
  for (const std::uint32_t code : cells.codes) {
    if (code == kMissingCode) {
      ++missing;
    } else if (code >= column.real_categories) {
      ++beyond;
    }
  }
  cells.outside = beyond + (real_has_missing ? cells.outside : missing);
}

ComparedColumn compare_column(const Column& real, const Column& synthetic, const Column* holdout) {
  ComparedColumn column;
  column.name = real.name;
  column.kind = real.kind;
  column.format = real.format;
  if (tabular::is_continuous(real.kind)) {
    column.real.numbers = real.numbers;
    find_extremes(column);
    auto numbers = read_numbers(synthetic, real);
    column.synthetic.numbers = std::move(numbers.values);
    column.synthetic.outside = numbers.unreadable;
    column.synthetic.unreadable = numbers.unreadable;
    column.synthetic.example = std::move(numbers.example);
    if (holdout != nullptr) {
      column.holdout.numbers = read_numbers(*holdout, real).values;
    }
  } else {
    Domain domain(real.categories);
    column.real.codes = real.codes;
    column.real_categories = domain.size();
    column.synthetic.codes = read_codes(synthetic, domain);
    if (holdout != nullptr) {
      column.holdout.codes = read_codes(*holdout, domain);
    }
    column.categories = domain.size();
  }
  count_outside(column, has_missing(column.real), column.synthetic);
  return column;
}

const Column& column_named(const Table& table, const std::string& name) {
  return *std::find_if(table.columns.begin(), table.columns.end(), [&](const Column& column) {
    return column.name == name;
  });
}

// "a", "b" and 3 more
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + tabular::in_quotes(names[i]);
  }
  return names.size() > kShown ? text + " and " + std::to_string(names.size() - kShown) + " more"
                               : text;
}

std::vector<std::string> without(const std::vector<std::string>& names,
                                 const std::vector<std::string>& others) {
  std::vector<std::string> left;
  std::copy_if(names.begin(), names.end(), std::back_inserter(left), [&](const auto& name) {
    return std::find(others.begin(), others.end(), name) == others.end();
  });
  return left;
}

Status check_table(const Table& real, const Table& table, const std::string& what) {
  if (table.rows == 0) {
    return fail(Errc::kInvalidArgument, what + ": no rows; there is nothing to compare");
  }
  return check_same_columns(column_names(real), column_names(table), what);
}

}  // namespace

std::vector<std::string> column_names(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) {
    names.push_back(column.name);
  }
  return names;
}

Status check_same_columns(const std::vector<std::string>& real,
                          const std::vector<std::string>& names,
                          const std::string& what) {
  const auto lacking = without(real, names);
  const auto extra = without(names, real);
  if (lacking.empty() && extra.empty()) {
    return {};
  }
  std::string message = what + ": the columns differ from the real table: ";
  if (!lacking.empty()) {
    message += "missing " + listed(lacking);
  }
  if (!extra.empty()) {
    message += (lacking.empty() ? "additional " : "; additional ") + listed(extra);
  }
  return fail(Errc::kInvalidArgument, message + "; compare tables with the same header");
}

Result<std::vector<ComparedColumn>> compare(const Table& real,
                                            const Table& synthetic,
                                            const Table* holdout) {
  GENESIS_RETURN_IF_ERROR(check_table(real, real, "real table"));
  GENESIS_RETURN_IF_ERROR(check_table(real, synthetic, "synthetic table"));
  if (holdout != nullptr) {
    GENESIS_RETURN_IF_ERROR(check_table(real, *holdout, "held-out table"));
  }
  std::vector<ComparedColumn> columns;
  for (const Column& column : real.columns) {
    if (column.kind == Kind::kIdentifier) {
      continue;
    }
    columns.push_back(
        compare_column(column,
                       column_named(synthetic, column.name),
                       holdout == nullptr ? nullptr : &column_named(*holdout, column.name)));
  }
  return columns;
}

}  // namespace genesis::quality
