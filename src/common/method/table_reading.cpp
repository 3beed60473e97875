#include "common/method/table_reading.hpp"

#include <algorithm>
#include <utility>

#include "common/tabular/cell.hpp"
#include "common/tabular/unicode.hpp"

namespace genesis::method {
namespace {

// The schema's words for signs that are not written as themselves.
char sign_of(const std::string& text) {
  return text == "tab" ? '\t' : text == "none" ? '\0' : text.front();
}

void set(const std::optional<std::string>& text, std::optional<char>& sign) {
  if (text) {
    sign = sign_of(*text);
  }
}

// What `csv` says replaces what is there.
void add(const spec::CsvSpec& csv, tabular::Dialect& dialect) {
  set(csv.delimiter, dialect.delimiter);
  set(csv.decimal, dialect.decimal);
  set(csv.thousands, dialect.thousands);
  set(csv.quote, dialect.quote);
  set(csv.comment, dialect.comment);
  if (csv.encoding) {
    dialect.encoding = *csv.encoding == "utf-16"         ? tabular::Encoding::kUtf16LittleEndian
                       : *csv.encoding == "windows-1252" ? tabular::Encoding::kWindows1252
                       : *csv.encoding == "iso-8859-1"   ? tabular::Encoding::kLatin1
                                                         : tabular::Encoding::kUtf8;
  }
  if (csv.skip_rows) {
    dialect.skip_rows = static_cast<std::uint64_t>(*csv.skip_rows);
  }
}

// As cells are, before they are compared with it.
std::string word(std::string_view text) {
  return tabular::composed(tabular::trim(text));
}

std::vector<std::string> words(std::vector<std::string> texts) {
  std::ranges::transform(texts, texts.begin(), word);
  return texts;
}

tabular::Declaration declaration_of(const spec::DeclaredColumn& column) {
  tabular::Declaration declaration;
  declaration.name = word(column.name);
  if (column.kind) {
    if (auto kind = tabular::parse_kind(*column.kind)) {  // the schema's enum has the same words
      declaration.kind = *kind;
    }
  }
  declaration.minimum = column.minimum;
  declaration.maximum = column.maximum;
  if (column.precision) {
    declaration.precision = static_cast<int>(*column.precision);
  }
  declaration.format = column.format;
  declaration.categories = words(column.categories);
  for (const auto& alias : column.aliases) {
    declaration.aliases.push_back({word(alias.value), words(alias.from)});
  }
  declaration.missing_values = column.missing_values;
  declaration.censored = column.censored.value_or(false);
  declaration.pattern = column.pattern;
  declaration.other = column.other;
  return declaration;
}

}  // namespace

std::vector<tabular::Declaration> declarations(const spec::TableSpec& table) {
  std::vector<tabular::Declaration> all;
  for (const auto& column : table.columns) {
    all.push_back(declaration_of(column));
    if (all.back().censored) {
      tabular::Declaration flag;
      flag.name = tabular::flag_name(word(column.name));
      flag.kind = tabular::Kind::kCategory;
      flag.categories = {"<", "=", ">"};
      all.push_back(std::move(flag));
    }
  }
  return all;
}

tabular::ReadOptions TableReading::options() const {
  return {.declarations = declarations,
          .discrete_columns = discrete_columns,
          .dialect = dialect,
          .missing_values = missing_values,
          .ignored_columns = ignored_columns,
          .lenient = lenient};
}

TableReading table_reading(const spec::FederatedTraining& training, std::string_view participant) {
  const auto& table = training.table;
  TableReading reading;
  reading.declarations = declarations(table);
  reading.discrete_columns = words(table.discrete_columns);
  reading.missing_values = table.missing_values;
  reading.ignored_columns = words(table.ignore_columns);
  reading.lenient = table.lenient;
  if (table.csv) {
    add(*table.csv, reading.dialect);
  }
  for (const auto& site : training.participants) {
    if (site.name == participant && site.csv) {
      add(*site.csv, reading.dialect);
    }
  }
  return reading;
}

}  // namespace genesis::method
