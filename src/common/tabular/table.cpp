#include "common/tabular/table.hpp"

#include <algorithm>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/csv_file.hpp"
#include "common/tabular/csv_reader.hpp"
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

}  // namespace genesis::tabular
