#include <algorithm>

#include <rapidcheck.h>

#include "common/tabular/cell.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

std::string again(std::string_view text) {
  return write_csv(table_of(text), TextCells::kRaw);
}

std::vector<std::string> some_texts() {
  return {
      "a", "b,c", "say \"hi\"", "two\nlines", "cr\r\nlf", "in spaces", "NA", "Zürich", "007", "\""};
}

rc::Gen<bool> rarely() {
  return rc::gen::map(rc::gen::inRange(0, 10), [](int x) { return x == 0; });
}

void fill_numbers(Column& column, std::size_t rows) {
  for (std::size_t row = 0; row < rows; ++row) {
    const auto units = *rc::gen::inRange<std::int64_t>(-2000000000, 2000000000);
    double value = static_cast<double>(units);
    if (column.kind == Kind::kDecimal) {
      value /= power_of_ten(column.precision);
    }
    column.numbers.push_back(*rarely() ? std::nan("") : value);
  }
}

// Each category occurs, as in every table that was read.
void fill_codes(Column& column, std::size_t rows) {
  std::vector<std::string> cells;
  for (std::size_t row = 0; row < rows; ++row) {
    cells.push_back(*rarely() ? "" : *rc::gen::elementOf(some_texts()));
  }
  column.categories = cells;
  std::sort(column.categories.begin(), column.categories.end());
  column.categories.erase(std::unique(column.categories.begin(), column.categories.end()),
                          column.categories.end());
  std::erase(column.categories, "");
  for (const auto& cell : cells) {
    const auto at = std::lower_bound(column.categories.begin(), column.categories.end(), cell);
    column.codes.push_back(
        cell.empty() ? kMissingCode : static_cast<std::uint32_t>(at - column.categories.begin()));
  }
}

Table any_table() {
  Table table;
  table.rows = *rc::gen::inRange<std::size_t>(1, 20);
  const auto columns = *rc::gen::inRange<std::size_t>(1, 5);
  for (std::size_t i = 0; i < columns; ++i) {
    Column column;
    column.name = std::to_string(i);
    column.name += *rc::gen::element<std::string>("", ",", "\"", "\n");
    column.kind =
        *rc::gen::element(Kind::kInteger, Kind::kDecimal, Kind::kDatetime, Kind::kCategory);
    column.precision = column.kind == Kind::kDecimal ? *rc::gen::inRange(0, 6) : 0;
    column.format = column.kind == Kind::kDatetime ? "%Y-%m-%d %H:%M:%S" : "";
    if (is_continuous(column.kind)) {
      fill_numbers(column, table.rows);
    } else {
      fill_codes(column, table.rows);
    }
    table.columns.push_back(std::move(column));
  }
  return table;
}

std::vector<Declaration> declarations_of(const Table& table) {
  std::vector<Declaration> declarations;
  for (const auto& column : table.columns) {
    auto declaration = declare(column.name, column.kind);
    if (column.kind == Kind::kDecimal) {
      declaration.precision = column.precision;
    }
    if (column.kind == Kind::kDatetime) {
      declaration.format = column.format;
    }
    declarations.push_back(declaration);
  }
  return declarations;
}

}  // namespace

TEST_CASE("tabular: reading what was written gives the same table", "[tabular][property]") {
  REQUIRE(rc::check("read(write(t)) == t", [] {
    const Table table = any_table();
    const auto declarations = declarations_of(table);
    const Dialect commas{.delimiter = ','};
    const auto back = parse_csv(write_csv(table, TextCells::kRaw),
                                "t.csv",
                                {.declarations = declarations, .dialect = commas});
    RC_ASSERT(back.has_value());
    RC_ASSERT(same_table(*back, table));
  }));
}

TEST_CASE("tabular: cells are written by kind, precision and format", "[tabular]") {
  CHECK(again("n,x,d,c\n1,2.5,2020-01-02,a\n-20,-0.125,1999-12-31,b\n") ==
        "n,x,d,c\n1,2.500,2020-01-02,a\n-20,-0.125,1999-12-31,b\n");
  CHECK(again("x,y\n63.00,1\n64.00,2\n") == "x,y\n63.00,1\n64.00,2\n");
  CHECK(again("x,y\n63.0,1\n64.0,2\n") == "x,y\n63,1\n64,2\n");  // through floats
  CHECK(again("t,c\n10:00:00,\"a,\"\"b\"\"\"\n9:05:07,\n") ==
        "t,c\n10:00:00,\"a,\"\"b\"\"\"\n09:05:07,\n");
}

TEST_CASE("tabular: missing cells are empty, and quoted in an only column", "[tabular]") {
  CHECK(again("n,c\nNA,x\n1,\n") == "n,c\n,x\n1,\n");
  CHECK(again("n\n1\nNA\n2\n") == "n\n1\n\"\"\n2\n");
  CHECK(again("c\nx\n\"\"\n") == "c\nx\n\"\"\n");
}

TEST_CASE("tabular: numbers of any size are written so that they read back", "[tabular]") {
  Table table;
  table.rows = 6;
  Column column;
  column.name = "x";
  column.kind = Kind::kDecimal;
  column.precision = 9;
  column.numbers = {1e300, -1e300, 123456789.123456789, -0.000000001, 0.0, 2e15};
  table.columns.push_back(column);
  const auto declarations = declarations_of(table);
  const auto back =
      ok(parse_csv(write_csv(table, TextCells::kRaw), "t.csv", {.declarations = declarations}));
  for (std::size_t row = 0; row < table.rows; ++row) {
    CHECK_THAT(back.columns[0].numbers[row], WithinRel(column.numbers[row], 1e-15));
  }
}

TEST_CASE("tabular: blocks of rows add up to the whole", "[tabular]") {
  std::string text = "n,c\n";
  for (int i = 0; i < 30000; ++i) {
    text += std::to_string(i) + ",category-" + std::to_string(i % 7) + "\n";
  }
  const Table table = table_of(text);
  CHECK(write_csv(table, TextCells::kRaw) == text);
  std::string out = csv_header(table, TextCells::kRaw);
  CHECK(out == "n,c\n");
  append_csv_rows(table, out, TextCells::kRaw);
  CHECK(out == text);
}

TEST_CASE("tabular: text that a spreadsheet would run as a formula gets a quote in front",
          "[tabular]") {
  Table table;
  Column column;
  column.name = "=name";
  column.kind = Kind::kCategory;
  const std::vector<std::pair<std::string, std::string>> cells = {
      {"\tx", "'\tx"},
      {"\rx", "\"'\rx\""},
      {"+1", "+1"},
      {"+1+1", "'+1+1"},
      {"+a", "'+a"},
      {"-", "'-"},
      {"-.", "'-."},
      {"-.5", "-.5"},
      {"-1", "-1"},
      {"-1 day", "'-1 day"},
      {"-1.5e-3", "-1.5e-3"},
      {"-1e", "'-1e"},
      {"-e5", "'-e5"},
      {"1-2", "1-2"},
      {"=1", "'=1"},
      {"=HYPERLINK(\"a\",b)", "\"'=HYPERLINK(\"\"a\"\",b)\""},
      {"@SUM(1)", "'@SUM(1)"},
      {"a=1", "a=1"},
  };
  std::string neutralised = "'=name\n";
  for (const auto& [cell, written] : cells) {
    column.categories.push_back(cell);
    column.codes.push_back(static_cast<std::uint32_t>(table.rows++));
    neutralised += written + "\n";
  }
  column.codes.push_back(kMissingCode);
  ++table.rows;
  neutralised += "\"\"\n";
  REQUIRE(std::is_sorted(column.categories.begin(), column.categories.end()));
  table.columns.push_back(column);
  CHECK(write_csv(table, TextCells::kNeutralised) == neutralised);
  const std::vector<std::string> discrete{"=name"};
  const auto back =
      ok(parse_csv(write_csv(table, TextCells::kRaw), "t.csv", {.discrete_columns = discrete}));
  for (auto& category : column.categories) {  // blanks at both ends of a cell are no part of it
    category.erase(0, category.find_first_not_of('\t'));
  }
  std::ranges::sort(column.categories);
  CHECK(back.columns[0].categories == column.categories);
}

TEST_CASE("tabular: a sign beside censored numbers is no formula", "[tabular]") {
  const auto table = table_of("x_censored\n=\n<\n=\n");
  CHECK(write_csv(table, TextCells::kNeutralised) == "x_censored\n=\n<\n=\n");
}

TEST_CASE("tabular: numbers are numbers whatever is done to text", "[tabular]") {
  const Table table = table_of("n,x\n-1,-0.5\n-20,2.5\n");
  CHECK(write_csv(table, TextCells::kNeutralised) == "n,x\n-1,-0.5\n-20,2.5\n");
}
