// Files as others export them, where a guess would give rows away or change what they say.
#include "common/tabular/cell.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

TEST_CASE("tabular: a first line that looks like data is no header", "[tabular]") {
  for (const auto* text : {"Smith,41,3.5\nMiller,42,3.6\n",
                           "1,2.5\n3,4.5\n",
                           "Smith,F,2020-01-31\nMiller,M,2020-02-01\n",
                           "07/04/2020 10:11,ward\n08/04/2020 10:12,ward\n"}) {
    const auto message = read_error(text);
    CHECK_THAT(message,
               ContainsSubstring("t.csv:1: the first line looks like data") &&
                   ContainsSubstring("add a line of names"));
    CHECK_THAT(message, !ContainsSubstring("Smith"));  // what it holds is not told on
  }
  CHECK_THAT(read_error("Smith,41\nMiller,42\n"),
             ContainsSubstring("the name of column 2 is a number"));
}

TEST_CASE("tabular: years, days and numbers that count on may be names", "[tabular]") {
  CHECK(table_of("id,2019,2020,2021\na,1,2,3\n").columns[1].name == "2019");
  CHECK(table_of("0,1,2\na,1,2\n").columns.size() == 3);  // names that pandas gives
  CHECK(table_of("2020-01-01,2020-01-02,2020-01-03\n1,2,3\n").columns.size() == 3);
  const std::vector<Declaration> declared{declare("2019", Kind::kInteger)};
  CHECK(table_of("id,2019\na,1\n", declared).columns.size() == 2);
  CHECK(table_of("id,2019\na,1\n", {}, {"2019"}).columns.size() == 2);
}

TEST_CASE("tabular: codes of letters and digits are no amounts", "[tabular]") {
  CHECK(table_of("stage\nCAD1\nCAD2\nCAD3\n").columns[0].kind == Kind::kCategory);
  CHECK(table_of("unit\nKR12\nKR13\n").columns[0].kind == Kind::kCategory);
  CHECK(table_of("pay\nCAD 1\n2 CAD\nUSD3.50\n").columns[0].kind == Kind::kCategory);  // mixed
  const auto pay = table_of("pay\n5 US$\nUS$ 7\n$9\n");
  CHECK(pay.columns[0].kind == Kind::kInteger);
  CHECK(pay.columns[0].numbers == std::vector<double>{5.0, 7.0, 9.0});
  CHECK(table_of("pay\nCAD 12\n7.50 CAD\n").columns[0].kind == Kind::kDecimal);
}

TEST_CASE("tabular: amounts in two currencies are no column of numbers", "[tabular]") {
  std::string text = "pay\n";
  for (int i = 0; i < 30; ++i) {
    text += (i == 12 ? "€" : "$") + std::to_string(100 + i) + "\n";
  }
  CHECK_THAT(read_error(text), ContainsSubstring("t.csv:14: column 'pay': \"€112\" is no number"));
}

TEST_CASE("tabular: a column without a name is an index only where its numbers differ",
          "[tabular]") {
  CHECK_THAT(read_error(",x\n40,a\n41,b\n40,c\n33,d\n"),
             ContainsSubstring("column 1 has no name; give each column one"));
  CHECK(table_of("Unnamed: 0,x\n40,a\n40,b\n").columns.size() == 2);
  CHECK(table_of(",x\n7,a\n2,b\n9,c\n").columns.size() == 1);  // of a selection of rows
  std::string large = ",x\n";
  for (int i = 0; i < 20'000; ++i) {  // so many that they are kept as numbers
    large += std::to_string(20'000 - i) + ",a\n";
  }
  CHECK(table_of(large).columns.size() == 1);
}

TEST_CASE("tabular: two columns never get one name", "[tabular]") {
  CHECK_THAT(read_error("\xC3\xA9,e\xCC\x81\n1,2\n"),  // composed, and not
             ContainsSubstring("two columns have one name once accents are composed, column 2"));
  auto censored = declare("x", Kind::kDecimal);
  censored.censored = true;
  CHECK_THAT(read_error("x,x_censored\n<1,=\n2,=\n", {censored}),
             ContainsSubstring("column 'x' is declared censored, and 'x_censored', which that "
                               "makes, is in the file already; leave it out"));
}

TEST_CASE("tabular: aliases make a column of numbers one of words", "[tabular]") {
  Declaration sex;
  sex.name = "sex";
  sex.aliases = {{"male", {"1"}}, {"female", {"2"}}};
  const auto table = table_of("sex\n1\n2\n2\n", {sex});
  CHECK(table.columns[0].kind == Kind::kCategory);
  CHECK(table.columns[0].categories == std::vector<std::string>{"female", "male"});
}

TEST_CASE("tabular: one truth word beside words for no value is a boolean that lacks some",
          "[tabular]") {
  const auto half = table_of("ill,n\nno,1\nNA,2\nno,3\n");
  CHECK(half.columns[0].kind == Kind::kBoolean);
  CHECK(half.columns[0].codes == std::vector<std::uint32_t>{0, kMissingCode, 0});
  const auto whole = table_of("ill,n\nyes,1\nno,2\nNA,3\n");
  const auto agreed = ok(plan_for({half, whole}));
  CHECK(agreed.columns[0].kind == Kind::kBoolean);
  CHECK(agreed.columns[0].categories == std::vector<std::string>{"no", "yes"});
  const auto total = total_of({half, whole}, agreed);
  CHECK(total.columns[0].missing == 2);
  CHECK(table_of("ill,n\nno,1\nno,2\n").columns[0].kind == Kind::kCategory);
}

TEST_CASE("tabular: a declared word for no value is found in either form of its accents",
          "[tabular]") {
  const std::vector<std::string> missing{"n\xC3\xA9"};
  const std::string text = "x\n1.5\n2.5\nne\xCC\x81\n";  // decomposed
  const auto table = ok(parse_csv(text, "t.csv", {.missing_values = missing}));
  CHECK(table.columns[0].kind == Kind::kDecimal);
  CHECK(std::isnan(table.columns[0].numbers[2]));
}

TEST_CASE("tabular: which kinds meet does not depend on the sites' names", "[tabular]") {
  std::string key = "k\n";
  std::string text = "k\n";
  for (int i = 0; i < 120; ++i) {
    key += "case " + std::to_string(i) + "\n";
    text += std::string(1, static_cast<char>('a' + i % 3)) + "\n";
  }
  std::vector<Table> sites{table_of("k\n1\n2\n1\n"), table_of(text), table_of(key)};
  REQUIRE(sites[0].columns[0].kind == Kind::kInteger);
  REQUIRE(sites[2].columns[0].kind == Kind::kIdentifier);
  std::vector<std::size_t> order{0, 1, 2};
  do {
    const auto agreed = plan_for({sites[order[0]], sites[order[1]], sites[order[2]]});
    REQUIRE(agreed);
    CHECK(agreed->columns[0].kind == Kind::kIdentifier);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("tabular: a minus behind the digits is a minus, as ledgers write it", "[tabular]") {
  const auto pay = table_of("pay;n\n12,50-;1\n7,25;2\n1.200,00-;3\n", {}, {});
  CHECK(pay.columns[0].numbers == std::vector<double>{-12.5, 7.25, -1200.0});
  CHECK(table_of("code\nA-\n5--\n-5-\n").columns[0].kind == Kind::kCategory);
}

TEST_CASE("tabular: dates as statistics programs write them", "[tabular]") {
  const auto born = table_of("born\n03JAN1962\n28OCT1970\n");
  REQUIRE(born.columns[0].kind == Kind::kDatetime);
  CHECK(born.columns[0].format == "%d%b%Y");
  CHECK(table_of("at\n03JAN2022:10:00:01\n28OCT2023:23:59:30\n").columns[0].format ==
        "%d%b%Y:%H:%M:%S");
}

TEST_CASE("tabular: dates in two formats stop, as neither holds for all", "[tabular]") {
  std::string text = "at\n";
  for (int day = 10; day < 28; ++day) {
    text +=
        day % 2 == 0 ? "2023-04-" + std::to_string(day) + "\n" : std::to_string(day) + ".05.2023\n";
  }
  CHECK_THAT(read_error(text),
             ContainsSubstring("column 'at': holds dates in more than one format"));
  const auto lenient = ok(parse_csv(text, "t.csv", {.lenient = true}));
  REQUIRE(lenient.notes.size() == 1);
  CHECK_THAT(lenient.notes[0], ContainsSubstring("read as text"));
}

TEST_CASE("tabular: a short line below the table is no title above it", "[tabular]") {
  CHECK(read_error("age,sex,cost\n41,m,2.5\n42,f,3.5\nTotal: 2 rows\n") ==
        "t.csv:4: 1 field, the header has 3; correct the line, or remove it if it is no row, such "
        "as a total below the table");
}

TEST_CASE("tabular: a table's description writes whole numbers with all their digits",
          "[tabular]") {
  const auto lines = describe(table_of("n\n100000\n200000\n200000\n"));
  CHECK_THAT(lines[1], ContainsSubstring("100000 to 200000"));
}
