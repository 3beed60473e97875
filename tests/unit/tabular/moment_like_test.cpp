// Dates and times that are almost read.
#include "common/tabular/moment_like.hpp"

#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Column read(const std::vector<std::string>& cells) {
  return table_of(one_column(cells)).columns[0];
}

std::string why(const std::vector<std::string>& cells) {
  return read_error(one_column(cells));
}

std::string two(int number) {
  return std::to_string(100 + number).substr(1);
}

}  // namespace

TEST_CASE("tabular: digits that are almost all dates stop where some are none", "[tabular]") {
  const auto days = [](const std::vector<std::string>& others) {
    std::vector<std::string> cells;
    for (int i = 0; i < 120; ++i) {
      cells.push_back(std::to_string(2003 + i % 60 / 3) + "03" + two(10 + i % 20));
    }
    cells.insert(cells.end(), others.begin(), others.end());
    return cells;
  };
  CHECK_THAT(why(days({"20230231"})),
             ContainsSubstring("t.csv:122: column 'x': \"20230231\" is no date, as 99.1% of the "
                               "cells are (%Y%m%d)"));
  CHECK_THAT(why(days({"0", "0"})), ContainsSubstring("table.missingValues"));
  const auto lenient = ok(parse_csv(one_column(days({"20230231"})), "t.csv", {.lenient = true}));
  CHECK(lenient.columns[0].kind == Kind::kInteger);
  CHECK_THAT(lenient.notes.at(0), ContainsSubstring("20230231"));
  const auto missing = read(days({"00000000"}));
  CHECK(missing.kind == Kind::kDatetime);
  CHECK(std::isnan(missing.numbers.back()));
  CHECK(read(days({"99991231"})).kind == Kind::kDatetime);
  // So it is where a column has so many values that it keeps numbers.
  std::vector<std::string> many;
  for (int i = 0; i < 30'000; ++i) {
    many.push_back(std::to_string(1910 + i / 336) + two(1 + i / 28 % 12) + two(1 + i % 28));
  }
  CHECK(read(many).kind == Kind::kDatetime);
  many.emplace_back("0");
  CHECK_THAT(why(many), ContainsSubstring("\"0\" is no date"));
}

TEST_CASE("tabular: dates and times in no known format stop, and are not made anew", "[tabular]") {
  using Cell = std::string (*)(const std::string&, const std::string&);
  const auto cells = [](Cell cell) {
    std::vector<std::string> all;
    for (int i = 0; i < 120; ++i) {
      all.push_back('"' + cell(two(1 + i % 12), two(10 + i / 3)) + '"');
    }
    return all;
  };
  const Cell unknown[] = {
      [](const std::string& a, const std::string& b) { return "Mo, " + a + ".03.20" + b; },
      [](const std::string& a, const std::string& b) { return "March " + a + "th, 20" + b; },
      [](const std::string& a, const std::string& b) { return "20" + b + "-" + a; },
      [](const std::string& a, const std::string& b) { return a + "/20" + b; },
      [](const std::string& a, const std::string& b) { return a + ":" + b + " Uhr"; },
      [](const std::string& a, const std::string& b) { return a + "h" + b; },
      [](const std::string& a, const std::string& b) {
        return "Mon Apr " + a + " 10:20:" + b + " 2022";
      },
      [](const std::string& a, const std::string& b) {
        return "2021-07-" + a + " 16:55:" + b + ".25 CEST";
      },
  };
  for (const auto cell : unknown) {
    INFO(cell("12", "34"));
    CHECK_THAT(why(cells(cell)),
               ContainsSubstring("t.csv:2: column 'x': holds dates or times in a format that is "
                                 "not known"));
  }
  auto with_gap = cells(unknown[0]);
  with_gap.insert(with_gap.begin(), "NA");
  CHECK_THAT(why(with_gap), ContainsSubstring("t.csv:3: column 'x'"));
  const Cell codes[] = {
      [](const std::string& a, const std::string& b) { return "2021-00" + a + b; },
      [](const std::string& a, const std::string& b) { return "10." + a + ".0." + b; },
      [](const std::string& a, const std::string& b) { return "T" + a + "-" + b; },
      [](const std::string& a, const std::string& b) { return a + "/" + b; },
      [](const std::string& a, const std::string& b) { return "room " + a + b; },
      [](const std::string& a, const std::string& b) { return "00:1b:" + a + ":" + b + ":c4:7f"; },
      [](const std::string& a, const std::string& b) { return "1:" + a + "0" + b; },
  };
  for (const auto cell : codes) {
    INFO(cell("12", "34"));
    CHECK_FALSE(is_moment_like(cell("12", "34")));
    CHECK_FALSE(is_continuous(read(cells(cell)).kind));
  }
}

TEST_CASE("tabular: a file that is no text table is named", "[tabular]") {
  CHECK_THAT(read_error(std::string("PK\x03\x04\x14\0", 6) + "xl/workbook.xml"),
             ContainsSubstring("this is an Excel workbook or a zip archive; export the table"));
  CHECK_THAT(read_error("<!DOCTYPE html><html>\n"), ContainsSubstring("this is a web page"));
  CHECK_THAT(read_error("[{\"a\": 1}]\n"), ContainsSubstring("this is JSON"));
  CHECK(table_of("<LOD,b\nx,y\n").columns[0].name == "<LOD");
}
