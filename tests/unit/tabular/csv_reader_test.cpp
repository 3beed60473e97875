#include "common/tabular/csv_reader.hpp"

#include <map>

#include <rapidcheck.h>

#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

using Rows = std::vector<std::vector<std::string>>;

Result<RawTable> read_whole(std::string_view text) {
  CsvReader reader("t.csv");
  GENESIS_RETURN_IF_ERROR(reader.feed(text));
  return reader.finish();
}

// Names first, then the rows.
Rows rows_of(const RawTable& table) {
  Rows rows(table.rows + 1);
  for (const auto& column : table.columns) {
    rows[0].push_back(column.name);
    for (std::size_t row = 0; row < table.rows; ++row) {
      rows[row + 1].emplace_back(column.dictionary.text(column.codes[row]));
    }
  }
  return rows;
}

const std::string kAwkward =
    "\xEF\xBB\xBF\"na,me\",b\r\n"
    "\"two\r\nlines\",1\r\n"
    "\r\n"
    "\"a \"\"quote\"\"\", spaces \r\n"
    ",\"\"\r\n"
    "last,3";

}  // namespace

TEST_CASE("tabular: quotes, line breaks, CRLF, a byte order mark and spaces are read",
          "[tabular]") {
  CHECK(rows_of(ok(read_whole(kAwkward))) == Rows{{"na,me", "b"},
                                                  {"two\r\nlines", "1"},
                                                  {"a \"quote\"", " spaces "},
                                                  {"", ""},
                                                  {"last", "3"}});
  CHECK(rows_of(ok(read_whole("x\r1\r2\r"))) == Rows{{"x"}, {"1"}, {"2"}});
  CHECK(rows_of(ok(read_whole("\"x\"\n\"\"\n"))) == Rows{{"x"}, {""}});
}

TEST_CASE("tabular: where the bytes are cut makes no difference", "[tabular]") {
  const auto whole = rows_of(ok(read_whole(kAwkward)));
  for (std::size_t cut = 0; cut <= kAwkward.size(); ++cut) {
    INFO("cut at " << cut);
    CsvReader reader("t.csv");
    REQUIRE(reader.feed(std::string_view(kAwkward).substr(0, cut)));
    REQUIRE(reader.feed(std::string_view(kAwkward).substr(cut)));
    CHECK(rows_of(ok(reader.finish())) == whole);
  }
  CsvReader reader("t.csv");
  for (const char c : kAwkward) {
    REQUIRE(reader.feed({&c, 1}));
  }
  CHECK(rows_of(ok(reader.finish())) == whole);
}

TEST_CASE("tabular: a malformed file is refused with line and reason", "[tabular]") {
  const std::string remedy =
      "; correct the line, or remove it if it is no row, such as a total below the table";
  const auto why = [](std::string_view text) { return error_of(read_whole(text)); };
  CHECK(why("a,b\n1,2\n3\n") == "t.csv:3: 1 field, the header has 2" + remedy);
  CHECK(why("a,b\n1,2,3\n") == "t.csv:2: 3 fields, the header has 2");
  CHECK(why("a,b\n\n\"x\ny\",2\n5\n") == "t.csv:5: 1 field, the header has 2" + remedy);
  CHECK(why("a,b\r\n\r\n\"x\r\ny\",2\r\n5\r\n") == "t.csv:5: 1 field, the header has 2" + remedy);
  CHECK_THAT(why("a,b\n1,\"cut\n2,3\n"), ContainsSubstring("t.csv:2: field 2 starts with a quote"));
  CHECK_THAT(why("a,b\n1,2\n3,\"x\"y\n"), ContainsSubstring("t.csv:3: field 2 has a quote"));
  CHECK_THAT(why("a,b\n1,x\"y\n"), ContainsSubstring("t.csv:2: field 2 has a quote"));
  CHECK_THAT(why("a,b,a\n1,2,3\n"), ContainsSubstring("columns 1 and 3 are both called \"a\""));
  CHECK_THAT(why("a,,c\n1,2,3\n"), ContainsSubstring("column 2 has no name"));
  CHECK_THAT(why("a,b\n"), ContainsSubstring("no rows after the header"));
  CHECK_THAT(why("a,b"), ContainsSubstring("no rows after the header"));
  CHECK_THAT(why(""), ContainsSubstring("the file is empty"));
  CHECK_THAT(why("\xEF\xBB\xBF"), ContainsSubstring("the file is empty"));
  CHECK_THAT(why("\n\n"), ContainsSubstring("the file is empty"));
}

TEST_CASE("tabular: an error stays, whatever is fed after it", "[tabular]") {
  CsvReader reader("t.csv");
  std::string rows = "a,a\n";
  while (rows.size() < (std::size_t{1} << 16)) {
    rows += "1,2\n";
  }
  CHECK_FALSE(reader.feed(rows));
  CHECK_FALSE(reader.feed("3,4\n"));
  CHECK_THAT(error_of(reader.finish()), ContainsSubstring("both called"));
}

TEST_CASE("tabular: cells, columns and names are bounded", "[tabular]") {
  const std::string largest(kMaxCellBytes, 'x');
  CHECK(rows_of(ok(read_whole("a\n" + largest + "\n"))).size() == 2);
  CHECK_THAT(error_of(read_whole("a\n" + largest + "y\n")), ContainsSubstring("more than 1.0 MiB"));
  // A quote that is never closed must not buffer the rest of the file.
  CsvReader reader("t.csv");
  REQUIRE(reader.feed("a\n\""));
  Status status;
  std::size_t fed = 0;
  const std::string piece(1 << 16, 'x');
  while (status && fed < 4 * kMaxCellBytes) {
    status = reader.feed(piece);
    fed += piece.size();
  }
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kResourceExhausted);
  CHECK_THAT(status.error().message, ContainsSubstring("closing quote"));

  std::string header = "c0";
  for (std::size_t i = 1; i <= kMaxColumns; ++i) {
    header += ",c" + std::to_string(i);
  }
  CHECK_THAT(error_of(read_whole(header + "\n")), ContainsSubstring("more than 4096 columns"));
  CHECK_THAT(error_of(read_whole(std::string(kMaxNameBytes + 1, 'n') + "\n1\n")),
             ContainsSubstring("more than 1024 bytes"));
}

TEST_CASE("tabular: each distinct text of a column is kept once, with its first line",
          "[tabular]") {
  const auto table = ok(read_whole("x\nb\na\nb\n\nb\nc\n"));
  const auto& column = table.columns[0];
  CHECK(column.codes == std::vector<std::uint32_t>{0, 1, 0, 0, 2});
  CHECK(column.dictionary.line(1) == 3);
  CHECK(column.dictionary.line(2) == 7);
}

TEST_CASE("tabular: a dictionary gives each text one code", "[tabular][property]") {
  REQUIRE(rc::check("codes are a map's", [](const std::vector<std::string>& texts) {
    Dictionary dictionary;
    std::map<std::string, std::uint32_t> expected;
    for (const auto& text : texts) {
      const auto next = static_cast<std::uint32_t>(expected.size());
      const auto code = expected.emplace(text, next).first->second;
      RC_ASSERT(dictionary.add(text, 1) == code);
    }
    for (const auto& [text, code] : expected) {
      RC_ASSERT(dictionary.text(code) == text);
    }
  }));
  Dictionary large;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    REQUIRE(large.add(std::to_string(i), i) == i);
  }
  CHECK(large.add("4321", 9) == 4321);
  CHECK(large.size() == 5000);
}

TEST_CASE("tabular: no bytes make the reader fail otherwise than with an error",
          "[tabular][property]") {
  REQUIRE(rc::check("read or refuse", [] {
    const auto text = *rc::gen::container<std::string>(rc::gen::element('a', '"', ',', '\n', '\r'));
    const auto table = read_whole(text);
    if (table) {
      for (const auto& column : table->columns) {
        RC_ASSERT(column.codes.size() == table->rows);
      }
    } else {
      RC_ASSERT(!table.error().message.empty());
    }
  }));
}
