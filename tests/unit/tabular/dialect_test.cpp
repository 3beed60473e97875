#include "common/tabular/dialect.hpp"

#include "common/tabular/csv_reader.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Table read(std::string_view text, const Dialect& dialect = {}) {
  return ok(parse_csv(text, "t.csv", {.dialect = dialect}));
}

std::string why(std::string_view text, const Dialect& dialect = {}) {
  return error_of(parse_csv(text, "t.csv", {.dialect = dialect}));
}

std::vector<std::string> names(const Table& table) {
  std::vector<std::string> all;
  for (const auto& column : table.columns) {
    all.push_back(column.name);
  }
  return all;
}

using Names = std::vector<std::string>;

std::string utf16(std::u16string_view text, bool little, bool mark) {
  std::string bytes;
  const auto add = [&](char16_t unit) {
    const char low = static_cast<char>(unit & 0xFF);
    const char high = static_cast<char>(unit >> 8);
    bytes += little ? low : high;
    bytes += little ? high : low;
  };
  if (mark) {
    add(0xFEFF);
  }
  for (const auto unit : text) {
    add(unit);
  }
  return bytes;
}

}  // namespace

TEST_CASE("tabular: the sign between fields is found", "[tabular]") {
  CHECK(names(read("a;b;c\n1;2,5;x\n3;4,5;y\n")) == Names{"a", "b", "c"});
  CHECK(names(read("a\tb\n1\t2\n")) == Names{"a", "b"});
  CHECK(names(read("a|b|c\n1|2|3\n")) == Names{"a", "b", "c"});
  CHECK(names(read("a,b\n\"1;2\",3\n\"4;5\",6\n")) == Names{"a", "b"});  // quoted signs are text
  CHECK(names(read("text\nfirst; second\nthird; fourth\n")) == Names{"text"});
  // As many commas as semicolons: the sign that cuts more fields out of the header.
  CHECK(names(read("a;b;c\n1,0;2,0;3,0\n")) == Names{"a", "b", "c"});
}

TEST_CASE("tabular: a declared sign is taken, and so is the one that sep= names", "[tabular]") {
  CHECK(names(read("a:b\n1:2\n", {.delimiter = ':'})) == Names{"a", "b"});
  CHECK(names(read("a;b\n1;2\n", {.delimiter = ','})) == Names{"a;b"});
  CHECK(names(read("sep=;\r\na;b\r\n1;2\r\n")) == Names{"a", "b"});
  CHECK(names(read("sep=^\na^b\n1^2\n")) == Names{"a", "b"});
}

TEST_CASE("tabular: one column whose cells hold a sign as often as its name is refused",
          "[tabular]") {
  CHECK(why("a^b\n1^2\n3^4\n") ==
        "t.csv: one column, \"a^b\", whose cells all hold as many of the sign '^' as its name; if "
        "it sets fields apart, declare table.csv.delimiter: \"^\", and \",\" if it does not");
}

TEST_CASE("tabular: a title above columns is no header of one column", "[tabular]") {
  const std::string title = "Loans of branch 2\nmade by hand\nbranch;rate\n";
  CHECK_THAT(read_error(title + "a;1.5\nb;2.5\na;3.5\nc;1\nc;2\nc;3\nc;4\nc;5\nc;6\n"),
             ContainsSubstring("t.csv: one column; the first lines look like a title: declare "
                               "table.csv.skipRows: 2"));
}

TEST_CASE("tabular: titles, comments and quotes are passed over where declared", "[tabular]") {
  CHECK_THAT(why("Ward report\nMarch\na,b\n1,2\n3,4\n"),
             ContainsSubstring("declare table.csv.skipRows: 2"));
  CHECK(names(read("Ward report\n\na,b\n1,2\n", {.skip_rows = 2})) == Names{"a", "b"});
  CHECK(read("# made by hand\na,b\n1,2\n# and this\n3,4\n", {.comment = '#'}).rows == 2);
  CHECK_THAT(why("a\tb\n5\" pipe\tx\n"), ContainsSubstring("declare table.csv.quote: none"));
  CHECK(read("a\tb\n5\" pipe\tx\n", {.quote = '\0'}).columns[0].categories[0] == "5\" pipe");
  CHECK(read("a,b\n'1,5',x\n", {.quote = '\''}).columns[0].categories.empty());
  CHECK_THAT(why("title\na,b\n1,2\n3,oops\n4,5,6\n", {.skip_rows = 1}),
             ContainsSubstring("t.csv:5: 3 fields"));  // lines count from the file's first
}

TEST_CASE("tabular: an index without a name is left out, with a note", "[tabular]") {
  for (const auto* text : {",a,b\n0,x,1\n1,y,2\n",
                           ",a,b\n7,x,1\n3,y,2\n",            // of a filtered frame
                           "Unnamed: 0,a,b\n0,x,1\n1,y,2\n",  // read and written again
                           "a,b\n1,x,1\n2,y,2\n"}) {          // R's write.table
    INFO(text);
    const auto table = read(text);
    CHECK(names(table) == Names{"a", "b"});
    CHECK(table.columns[1].numbers == std::vector<double>{1.0, 2.0});
    REQUIRE(table.notes.size() == 1);
    CHECK_THAT(table.notes[0], ContainsSubstring("left out"));
  }
  CHECK_THAT(why(",a\nx,1\ny,2\n"), ContainsSubstring("column 1 has no name"));
  CHECK_THAT(why("a,,c\n1,2,3\n"), ContainsSubstring("column 2 has no name"));
}

TEST_CASE("tabular: delimiters at the end of lines are no column", "[tabular]") {
  for (const auto* text : {"a,b,\n1,2,\n3,4,\n", "a,b\n1,2,\n3,4,\n", "a,b,\n1,2\n3,4\n"}) {
    INFO(text);
    CHECK(names(read(text)) == Names{"a", "b"});
  }
  CHECK_THAT(why("a,b\nx,2,3\ny,4,5\n"), ContainsSubstring("t.csv:2: 3 fields, the header has 2"));
}

TEST_CASE("tabular: UTF-16 is read with and without its mark, wherever it is cut", "[tabular]") {
  const std::u16string_view text = u"gr\u00F6\u00DFe\tn\r\n\u6771\U0001F600\t1\r\nb\t2\r\n";
  for (const bool little : {true, false}) {
    for (const bool mark : {true, false}) {
      const auto bytes = utf16(text, little, mark);
      const auto table = read(bytes);
      CHECK(names(table) == Names{"größe", "n"});
      CHECK(table.columns[0].categories == Names{"b", "東😀"});
      for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        CsvReader reader("t.csv");
        REQUIRE(reader.feed(std::string_view(bytes).substr(0, cut)));
        REQUIRE(reader.feed(std::string_view(bytes).substr(cut)));
        CHECK(ok(reader.finish()).rows == 2);
      }
    }
  }
  auto cut = utf16(text, true, true);
  cut.pop_back();
  CHECK_THAT(why(cut), ContainsSubstring("ends within a character"));
  CHECK_THAT(why(utf16(text, true, true), {.encoding = Encoding::kWindows1252}),
             ContainsSubstring("the file is UTF-16"));
}

TEST_CASE("tabular: Windows-1252 is read where no other text is UTF-8", "[tabular]") {
  const auto table = read(
      "stra\xDF"
      "e,n\nZ\xFCrich,1\nBern,2\n5\x80,3\n");
  CHECK(names(table) == Names{"straße", "n"});
  CHECK(table.columns[0].categories == Names{"5€", "Bern", "Zürich"});
  REQUIRE(table.notes.size() == 1);
  CHECK_THAT(table.notes[0], ContainsSubstring("Windows-1252"));
  CHECK(read("x\nZ\xFCrich\n", {.encoding = Encoding::kLatin1}).columns[0].categories[0] ==
        "Zürich");

  CHECK_THAT(why("x\nZürich\nZ\xFCrich\n"),
             ContainsSubstring("t.csv:3: column 'x': text is not UTF-8") &&
                 ContainsSubstring("table.csv.encoding"));
  CHECK_THAT(why("x\n\x81\x8D\n"), ContainsSubstring("is not UTF-8"));  // of no code page
  CHECK_THAT(why("x\nZ\xFCrich\n", {.encoding = Encoding::kUtf8}),
             ContainsSubstring("is not UTF-8"));
}

TEST_CASE("tabular: text has one form, whatever its file composed it of", "[tabular]") {
  const auto table = read("Gru\xCC\x88n\nMu\xCC\x88ller\nMüller\n");
  CHECK(names(table) == Names{"Grün"});
  CHECK(table.columns[0].categories == Names{"Müller"});
  CHECK(folded("Müller-Lüdenscheidt") == folded("MULLER  LUDENSCHEIDT"));
  CHECK(folded("Maier") != folded("Meier"));
}

TEST_CASE("tabular: the decimal sign is that of the column, else of the file", "[tabular]") {
  const auto numbers = [](std::string_view text, std::size_t column, const Dialect& dialect = {}) {
    return read(text, dialect).columns[column].numbers;
  };
  using Numbers = std::vector<double>;
  CHECK(numbers("w;n\n82,5;1\n70,25;2\n", 0) == Numbers{82.5, 70.25});
  // 1.234 is 1,234 where other columns have decimal commas, and 1.234 where they have points.
  CHECK(numbers("w;n\n82,5;1.234\n70,1;900\n", 1) == Numbers{1234.0, 900.0});
  CHECK(numbers("w;n\n82.5;1.234\n70.1;900\n", 1) == Numbers{1.234, 900.0});
  CHECK(numbers("w,n\n82.5,\"1,234\"\n70.1,900\n", 1) == Numbers{1234.0, 900.0});
  CHECK(numbers("w;n\n1;1,234\n2;5,678\n", 1) == Numbers{1.234, 5.678});
  CHECK(numbers("w;n\n1;1,234\n2;5,678\n", 1, {.decimal = '.'}) == Numbers{1234.0, 5678.0});
  CHECK(numbers("w;n\n1;1 234,5\n2;12 345,5\n", 1) == Numbers{1234.5, 12345.5});
}
