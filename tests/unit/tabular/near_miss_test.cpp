#include <algorithm>

#include "common/tabular/datetime.hpp"
#include "common/tabular/infer.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

// Forty different numbers, then `odd`.
std::string numbers_and(const std::vector<std::string>& odd) {
  std::vector<std::string> cells;
  for (int i = 0; i < 40; ++i) {
    cells.push_back(std::to_string(i) + ".5");
  }
  cells.insert(cells.end(), odd.begin(), odd.end());
  return one_column(cells);
}

std::string why(const std::string& text, const ReadOptions& options = {}) {
  return error_of(parse_csv(text, "t.csv", options));
}

Column read(const std::string& text, const ReadOptions& options = {}) {
  return ok(parse_csv(text, "t.csv", options)).columns[0];
}

}  // namespace

TEST_CASE("tabular: a column that is almost one of numbers stops with line, cell and remedy",
          "[tabular]") {
  CHECK(why(numbers_and({"missing"})) ==
        "t.csv:42: column 'x': \"missing\" is no number, as 97.5% of the cells are: correct it, or "
        "list it in table.missingValues if it stands for no value, or declare kind: category in "
        "table.columns");
  CHECK_THAT(why(numbers_and({">900", "<1"})),
             ContainsSubstring("t.csv:42") && ContainsSubstring("censored: true") &&
                 ContainsSubstring("\">900\" and 1 other text are no numbers"));
  CHECK_THAT(why(numbers_and({"-inf"})),
             ContainsSubstring("\"-inf\" is no number") && ContainsSubstring("missingValues"));
  CHECK_THAT(why(numbers_and({"12%"})), ContainsSubstring("\"12%\" is no number"));
  CHECK_THAT(why(numbers_and({"\"12,5\""})), ContainsSubstring("\"12,5\" is no number"));
  // A word that holds 40% of the cells, among many different numbers.
  CHECK_THAT(why(numbers_and(std::vector<std::string>(25, "unknown"))),
             ContainsSubstring("\"unknown\" is no number"));
}

TEST_CASE("tabular: a column that is almost one of dates stops too", "[tabular]") {
  std::vector<std::string> cells(19, "2020-01-31");
  cells.push_back("31.01.2020");
  CHECK_THAT(why(one_column(cells)),
             ContainsSubstring("t.csv:21: column 'x': \"31.01.2020\" is no date, as 95.0%") &&
                 ContainsSubstring("%Y-%m-%d"));
  cells.back() = "0000-00-00";  // what databases write for none
  CHECK(std::isnan(read(one_column(cells)).numbers.back()));
}

TEST_CASE("tabular: numbers that are flagged or mixed with remarks are not thrown away",
          "[tabular]") {
  std::vector<std::string> flagged;
  std::vector<std::string> remarks;
  for (int i = 0; i < 120; ++i) {
    const auto number = std::to_string(i) + ".5";
    flagged.push_back(number + (i % 5 == 0 ? " H" : i % 7 == 0 ? "*" : ""));
    remarks.push_back(i % 3 == 0 ? "see note " + std::to_string(i) : number);
  }
  std::vector<std::string> codes(flagged.size(), "7.5");
  for (std::size_t i = 1; i < codes.size(); ++i) {
    codes[i] = std::to_string(i % 40) + ".5A";
  }
  CHECK(read(one_column(codes)).kind == Kind::kCategory);
  CHECK_THAT(why(one_column(flagged)), ContainsSubstring("\"0.5 H\" and 37 other texts"));
  CHECK_THAT(why(one_column(remarks)), ContainsSubstring("\"see note 0\" and 39 other texts"));
  const auto lenient = ok(parse_csv(one_column(remarks), "t.csv", {.lenient = true}));
  CHECK(lenient.columns[0].kind == Kind::kIdentifier);
}

TEST_CASE("tabular: numbers that carry their unit stop, and are not taken for words", "[tabular]") {
  const auto cells = [](const std::string& before, const std::string& after) {
    std::vector<std::string> all;
    for (int i = 0; i < 120; ++i) {
      all.push_back('"' + before + std::to_string(50 + i) + after + '"');
    }
    return all;
  };
  CHECK(
      why(one_column(cells("", ".5 kg"))) ==
      "t.csv:2: column 'x': \"50.5 kg\" is a number with a unit, as 100.0% of the cells are: write "
      "the numbers alone, all in one unit, or declare kind: category or identifier in "
      "table.columns");
  for (const auto* const unit :
       {".5mm²", ",5 kg", ".5 Pa", " kg", "kg", "mmHg", " years", " °C", "mg/dl", " /min"}) {
    INFO(unit);
    CHECK_THAT(why(one_column(cells("", unit))), ContainsSubstring("with a unit"));
  }
  auto some = cells("", "kg");
  some.insert(some.end(), {"", "NA", "heavy", "130 lb", "12.5"});
  CHECK_THAT(why(one_column(some)), ContainsSubstring("98.3% of the cells"));
  CHECK_THAT(ok(parse_csv(one_column(some), "t.csv", {.lenient = true})).notes.at(0),
             ContainsSubstring("50kg") && ContainsSubstring("read as text"));
  // A few doses are names of doses.
  CHECK(read(one_column({"100 mg", "250 mg", "500 mg", "100 mg", "250 mg"})).kind ==
        Kind::kCategory);
}

TEST_CASE("tabular: codes, addresses and words behind numbers are no units", "[tabular]") {
  const auto kind_of = [](const std::string& before, const std::vector<std::string>& after) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < 120; ++i) {
      all.push_back('"' + before + std::to_string(50 + i) + after[i % after.size()] + '"');
    }
    return read(one_column(all)).kind;
  };
  for (const auto* const after : {" B",
                                  "B",
                                  "ER",
                                  "a",
                                  "-A",
                                  "-kg",
                                  "/7",
                                  "th",
                                  " rooms or more",
                                  " Main Street",
                                  " High Street, London",
                                  " Hauptstr.",
                                  "_x",
                                  " Q4",
                                  " (kg)"}) {
    INFO(after);
    CHECK(kind_of("", {after}) == Kind::kIdentifier);
  }
  CHECK(kind_of("A ", {""}) == Kind::kIdentifier);
  CHECK(kind_of("Ward ", {" kg"}) == Kind::kIdentifier);
  // Letters that differ from cell to cell are a part of a code, although some are units.
  CHECK(kind_of("", {"g", "m", "s", "d", "l"}) == Kind::kIdentifier);
}

TEST_CASE("tabular: lenient reading takes a near miss as text and says so", "[tabular]") {
  const auto table = ok(parse_csv(numbers_and({"missing"}), "t.csv", {.lenient = true}));
  CHECK(table.columns[0].kind == Kind::kCategory);
  REQUIRE(table.notes.size() == 1);
  CHECK_THAT(table.notes[0], ContainsSubstring("line 42") && ContainsSubstring("read as text"));
}

TEST_CASE("tabular: codes, categories and what is declared are no near misses", "[tabular]") {
  CHECK(read(one_column({"10115", "20095", "01067", "80331", "50667", "60311", "70173"})).kind ==
        Kind::kCategory);  // postal codes
  CHECK(read(one_column({"1", "2", "1", "2", "unknown"})).kind == Kind::kCategory);
  const std::vector<std::string> discrete = {"x"};
  CHECK(read(numbers_and({"missing"}), {.discrete_columns = discrete}).kind == Kind::kCategory);
  const std::vector<Declaration> category = {declare("x", Kind::kCategory)};
  CHECK(read(numbers_and({"missing"}), {.declarations = category}).kind == Kind::kCategory);
}

TEST_CASE("tabular: declared words stand for no value, in numbers and among words", "[tabular]") {
  const ReadOptions declared{.missing_values = std::vector<std::string>{"missing", "-999"}};
  const auto numbers = read(numbers_and({"missing", "-999", "-999.0"}), declared);
  CHECK(numbers.kind == Kind::kDecimal);
  CHECK(std::count_if(numbers.numbers.begin(), numbers.numbers.end(), [](double x) {
          return std::isnan(x);
        }) == 3);
  const auto words = read(one_column({"a", "missing", "b", ""}), declared);
  CHECK(words.categories == std::vector<std::string>{"a", "b"});
  // A list replaces the words that are known without one.
  CHECK_THAT(why(numbers_and({"NA"}), declared), ContainsSubstring("\"NA\" is no number"));
  // Of a column, it replaces the table's.
  auto column = declare("x", Kind::kCategory);
  column.missing_values = {"b"};
  const std::vector<Declaration> of_column = {column};
  auto options = declared;
  options.declarations = of_column;
  CHECK(read(one_column({"a", "missing", "b"}), options).categories ==
        std::vector<std::string>{"a", "missing"});
  CHECK(read(one_column({"a", "NA", "none"})).categories.size() == 3);  // none without a list
}

TEST_CASE("tabular: censored cells are their bound, beside a flag", "[tabular]") {
  auto declaration = declare("x", Kind::kDecimal);
  declaration.censored = true;
  const std::vector<Declaration> declarations = {declaration};
  const auto table =
      ok(parse_csv("x,y\n<0.1,a\n2.5,a\n>900,b\n,b\n", "t.csv", {.declarations = declarations}));
  REQUIRE(table.columns.size() == 3);
  CHECK(table.columns[0].numbers[0] == 0.1);
  CHECK(table.columns[0].numbers[2] == 900.0);
  CHECK(table.columns[1].name == "x_censored");
  CHECK(table.columns[1].categories == std::vector<std::string>{"<", "=", ">"});
  CHECK(table.columns[1].codes == std::vector<std::uint32_t>{0, 1, 2, kMissingCode});
  CHECK_THAT(
      error_of(parse_csv(
          "x\n<0.1\n", "t.csv", {.declarations = std::vector{declare("x", Kind::kDecimal)}})),
      ContainsSubstring("declare censored: true"));
}

TEST_CASE("tabular: whole numbers that number the rows are identifiers", "[tabular]") {
  const auto kind_of = [](const std::string& name, int first, int step, int rows) {
    std::string text = name + "\n";
    for (int i = 0; i < rows; ++i) {
      text += std::to_string(first + i * step) + "\n";
    }
    return read(text).kind;
  };
  CHECK(kind_of("x", 1, 1, 100) == Kind::kIdentifier);
  CHECK(kind_of("x", 500, 3, 200) == Kind::kIdentifier);        // with gaps
  CHECK(kind_of("x", 1, 1, 99) == Kind::kInteger);              // too few rows to tell
  CHECK(kind_of("amount", 20000, 997, 100) == Kind::kInteger);  // chance repeats none of these
  CHECK(kind_of("patientId", 20000, 997, 100) == Kind::kIdentifier);
  CHECK(kind_of("patient_id", 20000, 997, 100) == Kind::kIdentifier);
  CHECK(kind_of("paid", 20000, 997, 100) == Kind::kInteger);
  CHECK(kind_of("x", 4000000, 50021, 100) == Kind::kIdentifier);  // seven digits, all of them
}

TEST_CASE("tabular: keys are keys in small and in large tables", "[tabular]") {
  std::string large = "key\n";
  for (int i = 1; i <= 200'000; ++i) {  // 100000 is 1e+05 in the shortest form
    large += std::to_string(i) + "\n";
  }
  CHECK(read(large).kind == Kind::kIdentifier);
  std::vector<std::string> few;
  for (int i = 0; i < 15; ++i) {
    few.push_back(std::to_string(40'123'000 + 977 * i));
  }
  CHECK(read(one_column(few)).kind == Kind::kIdentifier);
  CHECK(read("patient_id\n17\n4\n52\n").kind == Kind::kIdentifier);
  CHECK(read("age\n17\n4\n52\n").kind == Kind::kInteger);
}

TEST_CASE("tabular: a column of many numbers keeps their texts where these matter", "[tabular]") {
  // As words, whatever their number.
  std::string codes = "c\n";
  for (int i = 1; i <= 120'000; ++i) {
    codes += std::to_string(i <= 20'000 ? i : 100'000) + "\n";
  }
  const auto forced =
      ok(parse_csv(codes, "t.csv", {.discrete_columns = std::vector<std::string>{"c"}}));
  CHECK(std::ranges::count(forced.columns[0].categories, "100000") == 1);
  CHECK(std::ranges::count(forced.columns[0].categories, "1e+05") == 0);
  // 1.230 is a thousand and more, where another column has decimal commas.
  std::string mixed = "n;x\n";
  for (int i = 0; i < 60'000; ++i) {
    const int thousands = 1 + i % 900;
    const int rest = i / 900 * 10;
    mixed += std::to_string(thousands) + "." +
             (rest < 10    ? "00"
              : rest < 100 ? "0"
                           : "") +
             std::to_string(rest) + ";" + std::to_string(i % 10) + ",5\n";
  }
  const auto table = ok(parse_csv(mixed, "t.csv", {}));
  CHECK(table.columns[0].kind == Kind::kInteger);
  CHECK(table.columns[0].numbers[0] == 1000.0);
  CHECK(table.columns[1].numbers[1] == 1.5);
}

TEST_CASE("tabular: addresses tell nothing of decimal signs, and 3E33 is a code", "[tabular]") {
  std::string text = "host;x\n";
  for (int i = 0; i < 20; ++i) {
    text += "10." + std::to_string(290 + i) + ".194." + std::to_string(290 + i) + ";" +
            std::to_string(1 + i % 9) + ".250\n10.3." + std::to_string(i) + ";2.500\n10.4." +
            std::to_string(i) + ";2.500\n";
  }
  CHECK(ok(parse_csv(text, "t.csv", {})).columns[1].numbers[3] == 2.25);
  CHECK(read(one_column({"3E33", "1E10", "5E42", "2E11"})).kind == Kind::kCategory);
  CHECK(read(one_column({"3E+05", "1.5E10", "7"})).numbers ==
        std::vector<double>{3e5, 1.5e10, 7.0});
  CHECK(read(one_column({"1E5", "70000", "80000"})).numbers[0] == 1e5);
  CHECK(read(one_column({"\"₹1,234.50\"", "₹7.25"})).numbers == std::vector<double>{1234.5, 7.25});
  CHECK(read(one_column({"\"12,50 zł\"", "\"7,25 zł\""})).numbers ==
        std::vector<double>{12.5, 7.25});
}

TEST_CASE("tabular: thousands are not taken for decimals in silence", "[tabular]") {
  const std::string tabs = "pay\tx\n1,234\t1\n12,345\t2\n999\t3\n";
  const auto read_as = [](const std::string& text, const ReadOptions& options = {}) {
    return ok(parse_csv(text, "t.csv", options));
  };
  const auto thousands = read_as(tabs);
  CHECK(thousands.columns[0].numbers == std::vector<double>{1234.0, 12345.0, 999.0});
  CHECK_THAT(thousands.notes.at(1), ContainsSubstring("1,234 is read as 1234"));
  // Beside 1234 the comma can't set thousands apart, and semicolons speak for decimals.
  CHECK(read_as("pay\tx\n1,234\t1\n1234\t2\n").columns[0].numbers[0] == 1.234);
  const auto decimals = read_as("pay;x\n1,234;1\n12,345;2\n");
  CHECK(decimals.columns[0].numbers[0] == 1.234);
  CHECK_THAT(decimals.notes.at(1), ContainsSubstring("1,234 is read as 1.234"));
  ReadOptions declared;
  declared.dialect.thousands = ',';
  CHECK(read_as("pay;x\n1,234;1\n12,345;2\n", declared).columns[0].numbers[0] == 1234.0);
}

TEST_CASE("tabular: digits do not depend on the order of rows", "[tabular]") {
  std::vector<std::string> cells;
  for (int i = 0; i < 100'000; ++i) {  // every tenth of the even ones has three places
    cells.push_back(std::to_string(i) + (i % 20 == 0 ? ".125" : ".25"));
  }
  const auto mixed = read(one_column(cells));
  std::ranges::sort(cells, {}, [](const auto& cell) { return cell.size(); });
  const auto sorted = read(one_column(cells));
  CHECK(mixed.precision == sorted.precision);
  CHECK(mixed.significant == sorted.significant);
}

TEST_CASE("tabular: dates are read in the formats of exports", "[tabular]") {
  const auto format_of = [](const std::vector<std::string>& cells) {
    const auto column = read(one_column(cells));
    return column.kind == Kind::kDatetime ? column.format : std::string(to_string(column.kind));
  };
  CHECK(format_of({"2022-03-04 10:11:12.123", "2022-03-05 10:11:12"}) == "%Y-%m-%d %H:%M:%S.%3f");
  CHECK(format_of({"2022-03-04T10:11:12.000Z", "2022-03-05T10:11:13.000Z"}) ==
        "%Y-%m-%dT%H:%M:%S.000Z");
  CHECK(format_of({"2022-03-04 00:00:00", "2022-03-05 00:00:00"}) == "%Y-%m-%d 00:00:00");
  CHECK(format_of({"2022-03-04T10:11:12+01:00", "2022-07-04T10:11:12+02:00"}) ==
        "%Y-%m-%dT%H:%M:%S%z");
  CHECK(format_of({"03/14/2022 01:30 PM", "12/31/2022 11:05 AM"}) == "%m/%d/%Y %I:%M %p");
  CHECK(format_of({"04-MAR-2022", "31-DEC-2021"}) == "%d-%b-%Y");
  CHECK(format_of({"4 March 2022", "31 December 2021"}) == "%d %B %Y");
  CHECK(format_of({"31.12.99", "01.01.05"}) == "%d.%m.%y");
  CHECK(format_of({"20220304", "20211231"}) == "%Y%m%d");
  CHECK(format_of({"20220304", "20221304"}) == "integer");
  CHECK(format_of({"23:59", "00:01"}) == "%H:%M");
  CHECK(format_of({"3. März 2024", "31. Dezember 2023"}) == "%d. %B %Y");
  CHECK(ok(parse_csv(one_column({"3. März 2024", "31. Dezember 2023"}), "t.csv", {})).notes ==
        std::vector<std::string>{"column 'x': names of months are written in English"});
  CHECK(ok(parse_csv(one_column({"04-MAR-2022", "31-DEC-2021"}), "t.csv", {})).notes.empty());
  CHECK(ok(DatetimeFormat::parse("%d.%b.%Y")).read("03.Mar.2024") ==
        ok(DatetimeFormat::parse("%F")).read("2024-03-03"));
  CHECK(format_of({"3 mars 2024", "14 FÉVRIER 2023"}) == "%d %B %Y");
  CHECK(format_of({"03-Mär-2024", "31-Dez-2023", "01-Jan-2023"}) == "%d-%b-%Y");
  CHECK(format_of({"3. Okt. 2024", "14. Sept. 2023", "1. Mai 2023"}) == "%d. %b %Y");
  CHECK(format_of({"3 janv. 2024", "14 juil. 2023", "1 déc. 2023"}) == "%d %b %Y");
  CHECK(format_of({"\"2022-03-04 10:11:12,123\"", "\"2022-03-05 10:11:12,456\""}) ==
        "%Y-%m-%d %H:%M:%S,%3f");
  CHECK(format_of({"2022-03-04 10:11:12 UTC", "2022-03-05 10:11:13 UTC"}) ==
        "%Y-%m-%d %H:%M:%S %z");
  CHECK(format_of({"36:15:00", "07:00:30"}) == "[%H]:%M:%S");
  CHECK(format_of({"2 days 03:00:01", "0 days 12:30:00"}) == "[%d] days %H:%M:%S");
}
