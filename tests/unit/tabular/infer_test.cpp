#include "common/tabular/infer.hpp"

#include "common/tabular/cell.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Column column_of(const std::vector<std::string>& cells) {
  return table_of(one_column(cells)).columns[0];
}

Column declared_column_of(const std::vector<std::string>& cells, const Declaration& declaration) {
  return table_of(one_column(cells), {declaration}).columns[0];
}

std::string refusal(const std::vector<std::string>& cells, const Declaration& declaration) {
  return read_error(one_column(cells), {declaration});
}

std::vector<std::string> numbered(std::string_view prefix, int count) {
  std::vector<std::string> cells;
  for (int i = 0; i < count; ++i) {
    cells.emplace_back(prefix);
    cells.back() += std::to_string(i);
  }
  return cells;
}

}  // namespace

TEST_CASE("tabular: a column's kind is what all its cells are", "[tabular]") {
  struct Row {
    std::vector<std::string> cells;
    Kind kind;
  };
  const std::vector<Row> rows = {
      {{"1", "-2", "30"}, Kind::kInteger},
      {{"1", "", "NA", "null", "3"}, Kind::kInteger},
      {{"0", "1", "1"}, Kind::kInteger},
      {{" 39", "40 "}, Kind::kInteger},
      {{"1", "2.5"}, Kind::kDecimal},
      {{"1e-3", "2"}, Kind::kDecimal},
      {{"12345678901234567890", "1.5"}, Kind::kDecimal},
      {{"12345678901234567890", "1"}, Kind::kCategory},
      {{"007", "12"}, Kind::kCategory},
      {{"1", "?", "-", "."}, Kind::kInteger},
      {{"41.0", "7", ""}, Kind::kInteger},
      {{"41.00", "7"}, Kind::kDecimal},
      {{"2020-01-31", "", "1999-12-01"}, Kind::kDatetime},
      {{"2020-01-31", "today"}, Kind::kCategory},
      {{"true", "false", ""}, Kind::kBoolean},
      {{"Yes", "No"}, Kind::kBoolean},
      {{"True", "false"}, Kind::kBoolean},
      {{"y", "N", "Y"}, Kind::kBoolean},
      {{"M", "F"}, Kind::kCategory},
      {{"true", "false", "unknown"}, Kind::kCategory},
      {{"true", "true"}, Kind::kCategory},
      {{"a", "b", "a"}, Kind::kCategory},
      {{"", "", ""}, Kind::kCategory},
      {{"None", "None"}, Kind::kCategory},
      {numbered("p", 99), Kind::kCategory},
      {numbered("p", 100), Kind::kIdentifier},
      {numbered("", 99), Kind::kInteger},
      {numbered("", 100), Kind::kIdentifier},
  };
  for (const auto& row : rows) {
    INFO(row.cells[0] << ", " << row.cells[1] << ", …");
    CHECK(to_string(column_of(row.cells).kind) == to_string(row.kind));
  }
}

TEST_CASE("tabular: text is an identifier from 100 cells, more than half of them distinct",
          "[tabular]") {
  auto cells = numbered("p", 100);
  cells.insert(cells.end(), 100, "p0");
  CHECK(column_of(cells).kind == Kind::kCategory);  // 100 of 200
  cells[199] = "other";
  CHECK(column_of(cells).kind == Kind::kIdentifier);  // 101 of 200
  cells.insert(cells.end(), 50, "");
  CHECK(column_of(cells).kind == Kind::kIdentifier);  // missing cells don't count
}

TEST_CASE("tabular: whole numbers that look like codes are told", "[tabular]") {
  // `rows` draws of `distinct` values, each `value(i)`.
  const auto remark = [](int rows, int distinct, const auto& value) {
    std::vector<std::string> cells;
    for (int i = 0; i < rows; ++i) {
      cells.push_back(std::to_string(value(i * 7919 % distinct)));
    }
    return table_of(one_column(cells)).columns[0].remark;
  };
  const auto scattered = [](int i) { return 10'000 + i * 48'271 % 89'999; };
  CHECK_THAT(remark(1500, 400, scattered), ContainsSubstring("kind: category if they are codes"));
  CHECK_THAT(remark(1500, 400, [&](int i) { return 10 * scattered(i); }),
             ContainsSubstring("codes"));
  CHECK(remark(1500, 20, scattered).empty());    // learnt value by value
  CHECK(remark(1500, 1400, scattered).empty());  // hardly one repeats
  CHECK(remark(1500, 400, [](int i) { return 1000 + i; }).empty());
  CHECK(remark(1500, 400, [](int i) { return 1000 + 3 * i; }).empty());
  CHECK(remark(1500, 400, [](int i) { return 5'000 + 500 * i; }).empty());
  // Incomes, mostly rounded; and a column of zeros with a few amounts.
  CHECK(remark(1500, 400, [&](int i) {
          return i % 3 == 0 ? scattered(i) : scattered(i) / 500 * 500;
        }).empty());
  CHECK(remark(3000, 1000, [&](int i) { return i < 900 ? 0 : scattered(i); }).empty());
}

TEST_CASE("tabular: numbers keep value, precision and what is missing", "[tabular]") {
  const auto integers = column_of({"5", "none", "-7"});
  CHECK(integers.numbers[0] == 5.0);
  CHECK(std::isnan(integers.numbers[1]));
  CHECK(integers.numbers[2] == -7.0);
  CHECK(integers.precision == 0);
  CHECK(integers.codes.empty());

  const auto decimals = column_of({"63.0", "1.125", "2"});
  CHECK(decimals.precision == 3);
  CHECK(decimals.numbers == std::vector<double>{63.0, 1.125, 2.0});
  const auto long_one = column_of({"0.12345678901234", "1"});
  CHECK(long_one.precision == 14);
  CHECK(long_one.numbers[0] == 0.12345678901234);
  CHECK(column_of({"1e3", "2e3"}).kind == Kind::kDecimal);  // though whole
  const auto tiny = column_of({"3.2e-12", "4.1e-13", "0"});
  CHECK(tiny.numbers[0] == 3.2e-12);
  CHECK(tiny.significant == 2);
}

TEST_CASE("tabular: categories are sorted bytewise, and only the empty cell is missing",
          "[tabular]") {
  const auto column = column_of({"b", "NA", "", "ä", "?", "b"});
  CHECK(column.categories == std::vector<std::string>{"?", "NA", "b", "ä"});
  CHECK(column.codes == std::vector<std::uint32_t>{2, 1, kMissingCode, 3, 0, 2});
  CHECK(column_of({" Private", "Private\xC2\xA0", "Private"}).categories.size() == 1);
}

TEST_CASE("tabular: one date format fits a whole column", "[tabular]") {
  CHECK(column_of({"03/04/2020", "25/12/2020"}).format == "%d/%m/%Y");
  CHECK(column_of({"03/04/2020", "12/25/2020"}).format == "%m/%d/%Y");
  CHECK(column_of({"03/04/2020", "05/06/2020"}).format == "%d/%m/%Y");  // both fit: the first
  CHECK(column_of({"25/12/2020", "12/25/2020"}).kind == Kind::kCategory);
  CHECK(column_of({"2020-01-01T10:00:00Z", "2020-01-01T10:00:01Z"}).format == "%Y-%m-%dT%H:%M:%SZ");
  CHECK(column_of({"10:00:00", "23:59:59"}).format == "%H:%M:%S");
  CHECK(column_of({"2020-01-01", "2020-02-30"}).kind == Kind::kCategory);
}

TEST_CASE("tabular: discrete columns become categories and booleans stay", "[tabular]") {
  const auto table = table_of("n,b,t\n1,true,x\n02,false,y\n", {}, {"n", "b"});
  CHECK(table.columns[0].kind == Kind::kCategory);
  CHECK(table.columns[0].categories == std::vector<std::string>{"02", "1"});
  CHECK(table.columns[0].declared);
  CHECK(table.columns[1].kind == Kind::kBoolean);
  CHECK_FALSE(table.columns[2].declared);
}

TEST_CASE("tabular: a declared column that the file lacks is named with the nearest", "[tabular]") {
  CHECK_THAT(read_error("age,sex\n1,f\n", {declare("aeg", Kind::kInteger)}),
             ContainsSubstring("'aeg'") && ContainsSubstring("did you mean 'age'?"));
  CHECK_THAT(read_error("age,sex\n1,f\n", {}, {"income"}),
             ContainsSubstring("'income' (listed as a discrete column) is not in the file"));
  CHECK_THAT(
      read_error("age\n1\n", {declare("age", Kind::kInteger), declare("age", Kind::kDecimal)}),
      ContainsSubstring("'age' occurs twice"));
  CHECK_THAT(read_error("age\n1\n", {declare("age", Kind::kInteger)}, {"age"}),
             ContainsSubstring("remove one of the two"));
}

TEST_CASE("tabular: a cell that breaks its declaration is named with line and column",
          "[tabular]") {
  CHECK(refusal({"1", "abc"}, declare("x", Kind::kInteger)) ==
        "t.csv:3: column 'x': \"abc\" is not an integer");
  CHECK_THAT(refusal({"1.5"}, declare("x", Kind::kInteger)), ContainsSubstring("not an integer"));
  CHECK_THAT(refusal({"1", "", "x1"}, declare("x", Kind::kDecimal)),
             ContainsSubstring("t.csv:4: column 'x': \"x1\" is not a number"));
  CHECK_THAT(refusal({"true", "false", "maybe"}, declare("x", Kind::kBoolean)),
             ContainsSubstring("more than two values"));
  CHECK_THAT(refusal({"2020-01-01", "soon"}, declare("x", Kind::kDatetime)),
             ContainsSubstring("declare its format"));

  auto dated = declare("x", Kind::kDatetime);
  dated.format = "%d.%m.%Y";
  CHECK_THAT(
      refusal({"01.02.2020", "2020-02-01"}, dated),
      ContainsSubstring("t.csv:3") && ContainsSubstring("does not have the format %d.%m.%Y"));
  dated.format = "%Q";
  CHECK_THAT(refusal({"01.02.2020"}, dated), ContainsSubstring("are known"));

  auto listed = declare("x", Kind::kCategory);
  listed.categories = {"north", "south"};
  CHECK_THAT(refusal({"north", "sotuh"}, listed),
             ContainsSubstring("t.csv:3") && ContainsSubstring("the nearest is \"south\""));
}

TEST_CASE("tabular: declared bounds bind every cell", "[tabular]") {
  auto bounded = declare("x", Kind::kInteger);
  bounded.minimum = 0.0;
  bounded.maximum = 120.0;
  CHECK(declared_column_of({"0", "120", ""}, bounded).numbers.size() == 3);
  CHECK_THAT(refusal({"5", "-1"}, bounded),
             ContainsSubstring("t.csv:3: column 'x': \"-1\" is below the declared minimum 0"));
  CHECK_THAT(refusal({"5", "121"}, bounded), ContainsSubstring("above the declared maximum 120"));
  bounded.kind.reset();
  CHECK_THAT(refusal({"a", "b"}, bounded), ContainsSubstring("a column of kind category"));
  CHECK(declared_column_of({"", "NA"}, bounded).kind == Kind::kCategory);  // no value breaks them
}

TEST_CASE("tabular: a declaration overrides what the cells look like", "[tabular]") {
  CHECK(declared_column_of({"1", "2"}, declare("x", Kind::kCategory)).kind == Kind::kCategory);
  CHECK(declared_column_of({"1", "2"}, declare("x", Kind::kIdentifier)).kind == Kind::kIdentifier);
  CHECK(declared_column_of({"0", "1"}, declare("x", Kind::kBoolean)).kind == Kind::kBoolean);
  CHECK(declared_column_of({"007", "63.0"}, declare("x", Kind::kInteger)).numbers ==
        std::vector<double>{7.0, 63.0});
  CHECK(declared_column_of({"1", "2"}, declare("x", Kind::kDecimal)).declared);
  CHECK(declared_column_of({"", "NA"}, declare("x", Kind::kInteger)).kind == Kind::kInteger);
  CHECK_FALSE(declared_column_of({"", "NA"}, declare("x", Kind::kDatetime)).declared);

  Declaration implied;
  implied.name = "x";
  implied.precision = 1;
  const auto rounded = declared_column_of({"1.25", "2"}, implied);
  CHECK(rounded.kind == Kind::kDecimal);
  CHECK(rounded.numbers[0] == 1.2);  // to even
}

TEST_CASE("tabular: a zero byte is refused with its line", "[tabular]") {
  CHECK_THAT(read_error(std::string("x\na\0b\n", 6)),
             ContainsSubstring("t.csv:2: column 'x': a zero byte"));
}

TEST_CASE("tabular: kinds have names and back", "[tabular]") {
  for (const auto kind : {Kind::kInteger,
                          Kind::kDecimal,
                          Kind::kDatetime,
                          Kind::kCategory,
                          Kind::kBoolean,
                          Kind::kIdentifier}) {
    CHECK(ok(parse_kind(to_string(kind))) == kind);
  }
  CHECK_THAT(error_of(parse_kind("number")), ContainsSubstring("\"number\" is not a kind"));
}
