#include "common/tabular/table.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/column_csv.hpp"
#include "common/tabular/csv_file.hpp"
#include "common/tabular/csv_reader.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/infer.hpp"
#include "common/tabular/unicode.hpp"

namespace genesis::tabular {
namespace {

// Every column that the spec names is in the file, once.
Status check_named(const std::vector<std::string>& present,
                   const std::vector<std::string>& named,
                   const std::string& source,
                   std::string_view by) {
  for (auto name = named.begin(); name != named.end(); ++name) {
    if (std::find(present.begin(), present.end(), *name) == present.end()) {
      const std::string near = nearest(*name, present);
      return fail(Errc::kInvalidArgument,
                  source + ": column '" + *name + "' (" + std::string(by) + ") is not in the file" +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    if (std::find(named.begin(), name, *name) != name) {
      return fail(Errc::kInvalidArgument,
                  "column '" + *name + "' occurs twice (" + std::string(by) + ")");
    }
  }
  return {};
}

// Digits alone, with a sign at most.
bool are_digits(std::string_view text) {
  text.remove_prefix(!text.empty() && text.front() == '-' ? 1 : 0);
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What commas in a column may be whose every comma is followed by three digits.
struct Commas {
  bool any = false;
  bool all_have_large = false;  // every whole number from 1,000 on is written with one
};
Commas commas_of(const RawColumn& column) {
  constexpr std::size_t kGroup = 3;
  Commas commas;
  bool has_long = false;
  const auto& texts = column.dictionary;
  for (std::size_t code = 0; code < texts.size(); ++code) {
    const auto text = trim(texts.text(code));
    commas.any = commas.any || text.find(',') != std::string_view::npos;
    has_long = has_long || (are_digits(text) && text.size() > kGroup + (text[0] == '-' ? 1 : 0));
  }
  commas.all_have_large = commas.any && !has_long;
  return commas;
}

// How numbers are written in a column: as is declared, as its own cells show, or as the file's do.
NumberStyle style_of(const RawColumn& column,
                     std::optional<char> file_sign,
                     const RawTable& file,
                     const Dialect& declared,
                     std::vector<std::string>& notes) {
  NumberStyle style;
  style.thousands = declared.thousands;
  if (declared.decimal) {
    style.decimal = *declared.decimal;
    return style;
  }
  if (declared.thousands == ',' || declared.thousands == '.') {
    style.decimal = declared.thousands == ',' ? '.' : ',';
    return style;
  }
  if (const auto sign = decimal_sign_of(column)) {
    style.decimal = *sign;
    return style;
  }
  if (file_sign) {
    style.decimal = *file_sign;
    return style;
  }
  if (file.delimiter == ',') {
    return style;
  }
  // Nothing tells. In 1,234 the comma is the decimal sign where it does not set fields apart; but
  // not in a column without 1234, unless semicolons say that commas are for decimals.
  const auto commas = commas_of(column);
  if (commas.any) {
    style.decimal = commas.all_have_large && file.delimiter != ';' ? '.' : ',';
    notes.push_back("column '" + column.name + "': 1,234 is read as " +
                    (style.decimal == ',' ? "1.234" : "1234") +
                    "; declare table.csv.decimal to have it read as you mean it");
  }
  return style;
}

// Whether the numbers among a header's names count on, as the years of a wide table do, or the
// names that pandas gives where there are none.
bool count_on(const std::vector<double>& numbers) {
  if (numbers.size() < 2) {
    return false;
  }
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] != numbers[0] + static_cast<double>(i)) {
      return false;
    }
  }
  return true;
}

// A day, with or without a time.
bool is_day(std::string_view text) {
  constexpr std::size_t kShortest = 8;  // 1/1/2020, 20200101
  return text.size() >= kShortest &&
         std::ranges::any_of(known_datetime_formats(), [&](const auto& known) {
           return known.format.read(text).has_value();
         });
}

// A file without a header would give its first row away as names.
Status check_header(const std::vector<std::string>& names,
                    const std::string& source,
                    const ReadOptions& options) {
  std::set<std::string> seen;
  std::vector<double> numbers;
  std::vector<std::size_t> days;
  std::size_t first_number = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& name = names[i];
    if (!seen.insert(name).second) {
      return fail(Errc::kInvalidArgument,
                  source + ": two columns have one name once accents are composed, column " +
                      std::to_string(i + 1) + " and one before it; rename one of them");
    }
    const bool is_meant =
        std::ranges::find(options.declarations, name, &Declaration::name) !=
            options.declarations.end() ||
        std::ranges::find(options.discrete_columns, name) != options.discrete_columns.end();
    if (is_meant) {
      continue;
    }
    if (const auto number = parse_number(name)) {
      first_number = numbers.empty() ? i : first_number;
      numbers.push_back(number->value);
    } else if (is_day(name)) {
      days.push_back(i);
    }
  }
  constexpr std::size_t kMostDays = 2;  // of a record; a wide table has a column for each of many
  const bool has_numbers = !numbers.empty() && !count_on(numbers);
  const bool has_days = !days.empty() && days.size() <= kMostDays;
  if (!has_numbers && !has_days) {
    return {};
  }
  return fail(Errc::kInvalidArgument,
              source +
                  ":1: the first line looks like data, not like names of columns: the name of "
                  "column " +
                  std::to_string((has_numbers ? first_number : days.front()) + 1) +
                  (has_numbers ? " is a number" : " is a date") +
                  "; add a line of names, or list the name in table.columns if it is one");
}

// Takes columns out of `raw`; returns the names of those that stay at the site.
std::vector<std::string> leave_out(RawTable& raw, const ReadOptions& options) {
  std::vector<std::string> kept;
  std::erase_if(raw.columns, [&](const RawColumn& column) {
    const std::string name = composed(column.name);
    if (options.stays && options.stays(name)) {
      kept.push_back(name);
      return true;
    }
    return std::ranges::find(options.ignored_columns, name) != options.ignored_columns.end();
  });
  return kept;
}

Result<Table> type_table(RawTable raw, const std::string& source, const ReadOptions& options) {
  const auto kept = leave_out(raw, options);
  const auto stays = [&](const std::string& name) {
    return std::ranges::find(kept, name) != kept.end();
  };
  std::vector<std::string> present;
  for (auto& column : raw.columns) {
    column.name = composed(column.name);
    present.push_back(column.name);
  }
  GENESIS_RETURN_IF_ERROR(check_header(present, source, options));
  std::vector<std::string> declared;
  std::vector<std::string> flags;  // columns that are made here, not read
  for (const auto& declaration : options.declarations) {
    declared.push_back(declaration.name);
    if (declaration.censored || stays(declaration.name)) {
      flags.push_back(flag_name(declaration.name));
    }
  }
  std::vector<std::string> wanted;
  std::ranges::copy_if(declared, std::back_inserter(wanted), [&](const auto& name) {
    return std::ranges::find(flags, name) == flags.end() && !stays(name);
  });
  std::vector<std::string> discrete;
  std::ranges::copy_if(options.discrete_columns,
                       std::back_inserter(discrete),
                       [&](const auto& name) { return !stays(name); });
  GENESIS_RETURN_IF_ERROR(check_named(present, wanted, source, "declared in the table's columns"));
  GENESIS_RETURN_IF_ERROR(check_named(present, discrete, source, "listed as a discrete column"));
  if (present.empty()) {
    return fail(Errc::kInvalidArgument, source + ": no column is left to read");
  }

  Table table;
  table.rows = raw.rows;
  table.notes = std::move(raw.notes);
  table.kept = kept;
  const auto file_sign = decimal_sign_of(raw);
  if (file_sign == ',' && !options.dialect.decimal) {
    table.notes.emplace_back("decimal commas are read; rows are written with decimal points");
  }
  for (auto& raw_column : raw.columns) {
    const auto at = std::find(declared.begin(), declared.end(), raw_column.name);
    const Declaration declaration =
        at == declared.end()
            ? Declaration{}
            : options.declarations[static_cast<std::size_t>(at - declared.begin())];
    const bool forced =
        std::find(discrete.begin(), discrete.end(), raw_column.name) != discrete.end();
    const TypingRules rules{declaration,
                            forced ? Discreteness::kForced : Discreteness::kInferred,
                            options.missing_values,
                            style_of(raw_column, file_sign, raw, options.dialect, table.notes),
                            options.lenient,
                            source};
    GENESIS_ASSIGN(auto typed, type_column(std::move(raw_column), rules));
    table.columns.push_back(std::move(typed.column));
    if (typed.flag && std::ranges::find(present, typed.flag->name) != present.end()) {
      return fail(Errc::kInvalidArgument,
                  source + ": column '" + declaration.name + "' is declared censored, and '" +
                      typed.flag->name +
                      "', which that makes, is in the file already; leave it out with "
                      "table.ignoreColumns, or rename it");
    }
    if (typed.flag) {
      table.columns.push_back(*std::move(typed.flag));
    }
    table.notes.insert(table.notes.end(), typed.notes.begin(), typed.notes.end());
  }
  return table;
}

}  // namespace

Result<Table> read_csv(const std::filesystem::path& path, const ReadOptions& options) {
  CsvReader reader(path.string(), options.dialect);
  GENESIS_RETURN_IF_ERROR(
      read_in_pieces(path, [&](std::string_view bytes) { return reader.feed(bytes); }));
  GENESIS_ASSIGN(auto raw, reader.finish());
  return type_table(std::move(raw), path.string(), options);
}

Result<Table> parse_csv(std::string_view text,
                        std::string_view source,
                        const ReadOptions& options) {
  CsvReader reader(std::string(source), options.dialect);
  GENESIS_RETURN_IF_ERROR(reader.feed(text));
  GENESIS_ASSIGN(auto raw, reader.finish());
  return type_table(std::move(raw), std::string(source), options);
}

Result<Table> read_columns(const ColumnTable& columns,
                           std::string_view source,
                           const ReadOptions& options) {
  auto settled = options;
  settled.dialect = {.delimiter = ',', .quote = '"', .encoding = Encoding::kUtf8};
  CsvReader reader(std::string(source), settled.dialect);
  GENESIS_RETURN_IF_ERROR(
      write_columns(columns, source, [&](std::string_view text) { return reader.feed(text); }));
  GENESIS_ASSIGN(auto raw, reader.finish());
  return type_table(std::move(raw), std::string(source), settled);
}

Result<Table> read_table(const TableSource& source,
                         std::string_view name,
                         const ReadOptions& options) {
  if (!source.data.empty()) {
    return read_csv(source.data, options);
  }
  return source.csv.empty() && !source.columns.columns.empty()
             ? read_columns(source.columns, name, options)
             : parse_csv(source.csv, name, options);
}

}  // namespace genesis::tabular
