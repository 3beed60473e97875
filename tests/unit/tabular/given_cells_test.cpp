// Cells that somebody has, as a model of their columns reads them.
#include "common/tabular/given_cells.hpp"

#include "common/tabular/text_table.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Mode category(const std::string& text) {
  Mode mode;
  mode.category = text;
  return mode;
}

Mode of_type(Mode::Type type) {
  Mode mode;
  mode.type = type;
  return mode;
}

GivenCell read(const EncodedColumnSpec& spec, std::string_view text) {
  const auto reader = GivenReader::create(spec, {});
  REQUIRE(reader);
  return reader->read(text);
}

}  // namespace

TEST_CASE("tabular: a given number, date or category is understood, and a gap is one",
          "[tabular]") {
  EncodedColumnSpec number;
  number.name = "n";
  number.kind = Kind::kDecimal;
  number.rounding.decimals = 1;
  number.minimum = -10.0;
  number.maximum = 100.0;
  CHECK(read(number, " 4.50 ") == GivenCell{Given::kUnderstood, 4.5, 0});
  CHECK(read(number, "007") == GivenCell{Given::kUnderstood, 7.0, 0});
  CHECK(read(number, "N/A").given == Given::kNothing);
  CHECK(read(number, "").given == Given::kNothing);
  CHECK(read(number, "many").given == Given::kForeign);
  CHECK(read(number, "100.04") == GivenCell{Given::kUnderstood, 100.04, 0});  // rounds to the bound
  CHECK(read(number, "999").given == Given::kForeign);
  CHECK(read(number, "-99").given == Given::kForeign);

  EncodedColumnSpec date;
  date.kind = Kind::kDatetime;
  date.format = "%Y-%m-%d";
  date.maximum = 86400.0 * 20000;
  CHECK(read(date, "1970-01-02") == GivenCell{Given::kUnderstood, 86400.0, 0});
  CHECK(read(date, "2023-02-30").given == Given::kForeign);
  date.format = "%Q";
  CHECK_FALSE(GivenReader::create(date, {}));

  EncodedColumnSpec text;
  text.kind = Kind::kCategory;
  text.modes = {category("?"), category("a"), of_type(Mode::Type::kMissing)};
  CHECK(read(text, "a") == GivenCell{Given::kUnderstood, 0.0, 1});
  CHECK(read(text, "?") == GivenCell{Given::kUnderstood, 0.0, 0});  // a category here
  CHECK(read(text, "none").given == Given::kNothing);
  CHECK(read(text, "b").given == Given::kForeign);
  text.modes.push_back(of_type(Mode::Type::kOther));
  CHECK(read(text, "b") == GivenCell{Given::kUnderstood, 0.0, 3});
}

TEST_CASE("tabular: a given category may be spelled as other programs write it", "[tabular]") {
  EncodedColumnSpec truth;
  truth.kind = Kind::kCategory;  // as mixture has it
  truth.modes = {category("False"), category("True")};
  CHECK(read(truth, "true") == GivenCell{Given::kUnderstood, 0.0, 1});
  CHECK(read(truth, "no") == GivenCell{Given::kUnderstood, 0.0, 0});
  CHECK(read(truth, "perhaps").given == Given::kForeign);

  EncodedColumnSpec code;
  code.kind = Kind::kCategory;
  code.modes = {category("1"), category("1.0"), category("41"), category("2.50"), category("-7.0")};
  CHECK(read(code, "1.0") == GivenCell{Given::kUnderstood, 0.0, 1});  // as it is, before all
  CHECK(read(code, "41.00") == GivenCell{Given::kUnderstood, 0.0, 2});
  CHECK(read(code, "-7") == GivenCell{Given::kUnderstood, 0.0, 4});
  for (const auto* const text : {"041", "41.", "41.5", "2.5", ".0", "1.0.0", "true", "x.0"}) {
    CHECK(read(code, text).given == Given::kForeign);
  }
}

TEST_CASE("tabular: cells are given row by row, none where there is no such column", "[tabular]") {
  const auto table = parse_text_table("n,t\n1,a\n,b\n", "test");
  REQUIRE(table);
  EncodedColumnSpec number;
  number.name = "n";
  number.kind = Kind::kInteger;
  number.maximum = 9.0;
  const auto cells = given_cells(*table, number);
  REQUIRE(cells);
  CHECK(*cells == std::vector<GivenCell>{{Given::kUnderstood, 1.0, 0}, {}});
  number.name = "absent";
  CHECK(given_cells(*table, number) == std::vector<GivenCell>(2));
}

TEST_CASE("tabular: numbers are read with the decimal sign that most of them have", "[tabular]") {
  CHECK(style_of({"1,5", "2,25", "3"}).decimal == ',');
  CHECK(style_of({"1.5", "2.25", "3"}).decimal == '.');
  CHECK(style_of({"1", "2"}).decimal == '.');
  CHECK(style_of({}).decimal == '.');
  const auto table = parse_text_table("n\n\"1,5\"\n\"2,25\"\n", "test");
  REQUIRE(table);
  EncodedColumnSpec number;
  number.name = "n";
  number.kind = Kind::kDecimal;
  number.maximum = 10.0;
  const auto cells = given_cells(*table, number);
  REQUIRE(cells);
  CHECK((*cells)[1] == GivenCell{Given::kUnderstood, 2.25, 0});
}
