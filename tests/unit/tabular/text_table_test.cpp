#include "common/tabular/text_table.hpp"

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

namespace genesis::tabular {
namespace {

Table read(std::string_view text) {
  auto table = parse_text_table(text, "x.csv");
  CAPTURE(table ? "" : table.error().message);
  REQUIRE(table.has_value());
  return std::move(*table);
}

std::string cell(const Table& table, std::size_t column, std::size_t row) {
  const auto& cells = table.columns[column];
  return cells.codes[row] == kMissingCode ? "" : cells.categories[cells.codes[row]];
}

std::vector<std::string> row_of(const Table& table, std::size_t row) {
  std::vector<std::string> cells;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    cells.push_back(cell(table, c, row));
  }
  return cells;
}

using Row = std::vector<std::string>;

}  // namespace

TEST_CASE("tabular: a text table takes every cell as it stands", "[tabular]") {
  const auto table = read(
      "\xEF\xBB\xBF"
      "a,b\r\n1,x\r\n\r\n\"2,5\",\"say \"\"y\"\"\"\r\nnan,\n");
  REQUIRE(table.rows == 3);
  CHECK(row_of(table, 0) == Row{"1", "x"});
  CHECK(row_of(table, 1) == Row{"2,5", "say \"y\""});
  CHECK(row_of(table, 2) == Row{"nan", ""});
  CHECK(table.columns[0].kind == Kind::kCategory);
}

TEST_CASE("tabular: the header says what parts a text table's fields", "[tabular]") {
  CHECK(row_of(read("a;b\n1,5;2\n"), 0) == Row{"1,5", "2"});
  CHECK(row_of(read("a\tb\n1\t2\n"), 0) == Row{"1", "2"});
}

TEST_CASE("tabular: what is declared of a text table holds cell by cell", "[tabular]") {
  std::vector<Declaration> declarations(3);
  declarations[0].name = "w";
  declarations[0].kind = Kind::kDecimal;
  declarations[1].name = "s";
  declarations[1].kind = Kind::kCategory;
  declarations[1].aliases = {{"f", {"F", "w"}}};
  declarations[2].name = "c";
  declarations[2].kind = Kind::kCategory;
  declarations[2].missing_values = std::vector<std::string>{"u"};
  const std::vector<std::string> ignored{"row"};
  ReadOptions options;
  options.declarations = declarations;
  options.ignored_columns = ignored;
  options.missing_values = std::vector<std::string>{"-"};
  options.dialect.delimiter = ';';
  options.dialect.decimal = ',';
  options.dialect.skip_rows = 1;
  options.dialect.comment = '%';
  options.stays = [](const std::string& name) { return name == "secret"; };
  const auto table = parse_text_table(
      "a title\nw;s;c;row;secret\n%note\n1.234,5; w ;u;1;x\n-;f;2,5;2;y\n", "x.csv", options);
  REQUIRE(table);
  REQUIRE(table->rows == 2);
  CHECK(row_of(*table, 0) == Row{"1234.5", "f", ""});
  CHECK(row_of(*table, 1) == Row{"", "f", "2,5"});
  CHECK(table->kept == std::vector<std::string>{"secret"});
}

TEST_CASE("tabular: no row of a text table is an error", "[tabular]") {
  const auto table = read("a,b\n1\n1,2,3\n\"open,2\nx\"y,3\n\xFF\xFE,4\n\"\"\n");
  REQUIRE(table.rows == 6);
  CHECK(row_of(table, 0) == Row{"1", ""});
  CHECK(row_of(table, 1) == Row{"1", "2"});
  CHECK(row_of(table, 2) == Row{"\"open", "2"});
  CHECK(row_of(table, 3) == Row{"x\"y", "3"});
  CHECK(row_of(table, 4) == Row{"\xFF\xFE", "4"});
  CHECK(read("a,b\n").rows == 0);
}

TEST_CASE("tabular: a text table's header is checked", "[tabular]") {
  for (const char* bad : {"", "a,a\n1,2\n", "a,\n1,2\n", "a,\xFF\n1,2\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_text_table(bad, "x.csv").has_value());
  }
}

TEST_CASE("tabular: a row more changes no cell of the others in a text table",
          "[tabular][property]") {
  // Cells of any bytes but quotes, line ends and commas, as a writer would have quoted those.
  const auto a_cell =
      rc::gen::container<std::string>(rc::gen::suchThat(rc::gen::arbitrary<char>(), [](char c) {
        return std::string_view("\"\n\r,").find(c) == std::string_view::npos;
      }));
  REQUIRE(rc::check("one more", [&] {
    const auto rows = *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
        rc::gen::pair(a_cell, a_cell));
    const auto at = *rc::gen::inRange<std::size_t>(0, rows.size() + 1);
    const auto added = *rc::gen::pair(a_cell, a_cell);
    std::string without = "a,b\n";
    std::string with = without;
    for (std::size_t i = 0; i <= rows.size(); ++i) {
      if (i == at) {
        with += added.first + "," + added.second + "\n";
      }
      if (i < rows.size()) {
        without += rows[i].first + "," + rows[i].second + "\n";
        with += rows[i].first + "," + rows[i].second + "\n";
      }
    }
    const auto fewer = read(without);
    const auto more = read(with);
    RC_ASSERT(more.rows == fewer.rows + 1);
    for (std::size_t i = 0; i < fewer.rows; ++i) {
      RC_ASSERT(row_of(more, i < at ? i : i + 1) == row_of(fewer, i));
    }
  }));
}

TEST_CASE("tabular: a text table that is to be written again is whole or refused", "[tabular]") {
  const ReadOptions whole{.is_whole = true};
  CHECK(parse_text_table("a,b\n1,2\n3\n", "x.csv", whole));
  const auto more = parse_text_table("a,b\n1,2\n3,4,5\n", "x.csv", whole);
  REQUIRE_FALSE(more);
  CHECK(more.error().message.find("x.csv: row 2 has 3 fields") != std::string::npos);
  const auto large =
      parse_text_table("a,b\n1," + std::string(kMaxCellBytes + 1, 'x') + "\n", "x.csv", whole);
  REQUIRE_FALSE(large);
  CHECK(large.error().message.find("column 'b'") != std::string::npos);
  CHECK(parse_text_table("a,b\n3,4,5\n", "x.csv"));
}

}  // namespace genesis::tabular
