#include "common/tabular/where.hpp"

#include <algorithm>

#include "common/base/rng.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Rng stream(std::string_view purpose) {
  return {7, RoundId{0}, "", purpose};
}

const Table& patients() {
  static const Table kTable = [] {
    Rng rng = stream("patients");
    std::string text = "age,crp,admitted,dx,sex,\"a=b\",age in years,name\n";
    const std::vector<std::string> dx = {
        "I10", "a=b", "\"x, y\"", "\"say \"\"hi\"\"\"", " spaced ", ">50K", ""};
    for (int i = 0; i < 2000; ++i) {
      const double age = std::clamp(50.0 + 15.0 * rng.normal(), 18.0, 95.0);
      text += std::to_string(static_cast<int>(age)) + ",";
      if (rng.below(5) != 0) {
        text += std::to_string(rng.below(30)) + "." + std::to_string(rng.below(10));
      }
      const auto day = 10 + rng.below(18);
      text += ",2022-0" + std::to_string(1 + rng.below(9)) + "-" + std::to_string(day) + ",";
      text += dx[rng.below(dx.size())] + (rng.below(2) == 0 ? ",F," : ",M,");
      text += std::to_string(rng.below(4)) + "," + std::to_string(rng.below(60)) + ",person " +
              std::to_string(i) + "\n";
    }
    return table_of(text);
  }();
  return kTable;
}

const Encoder& model() {
  static const Encoder kEncoder = encoder_for({patients()});
  return kEncoder;
}

Where where(const std::vector<std::string>& conditions) {
  Where result;
  for (const auto& condition : conditions) {
    const auto added = result.add(condition, model());
    INFO(condition << ": " << (added ? "" : added.error().message));
    REQUIRE(added);
  }
  return result;
}

std::string refusal(const std::vector<std::string>& conditions) {
  Where result;
  for (const auto& condition : conditions) {
    if (const auto added = result.add(condition, model()); !added) {
      return added.error().message;
    }
  }
  return "accepted";
}

std::vector<std::size_t> chosen(const std::vector<std::string>& conditions) {
  static const EncodedTable kEncoded = ok(model().encode(patients(), stream("encode")));
  return where(conditions).rows_of(kEncoded, patients());
}

// Rows of the table that a predicate takes; none and all would show nothing.
template <typename Predicate>
std::vector<std::size_t> rows_where(Predicate predicate) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < patients().rows; ++row) {
    if (predicate(row)) {
      rows.push_back(row);
    }
  }
  REQUIRE_FALSE(rows.empty());
  REQUIRE(rows.size() < patients().rows);
  return rows;
}

double number(std::size_t column, std::size_t row) {
  return patients().columns[column].numbers[row];
}

std::string text(std::size_t column, std::size_t row) {
  const auto& cells = patients().columns[column];
  return cells.codes[row] == kMissingCode ? "" : cells.categories[cells.codes[row]];
}

constexpr std::size_t kAge = 0;
constexpr std::size_t kCrp = 1;
constexpr std::size_t kAdmitted = 2;
constexpr std::size_t kDx = 3;
constexpr std::size_t kSex = 4;

}  // namespace

TEST_CASE("tabular: conditions on numbers take the rows that they say", "[tabular]") {
  CHECK(chosen({"age=40"}) == rows_where([](auto row) { return number(kAge, row) == 40; }));
  CHECK(chosen({"age != 40"}) == rows_where([](auto row) { return number(kAge, row) != 40; }));
  CHECK(chosen({"age>=40"}) == rows_where([](auto row) { return number(kAge, row) >= 40; }));
  CHECK(chosen({"age > 40"}) == rows_where([](auto row) { return number(kAge, row) > 40; }));
  CHECK(chosen({"age<40"}) == rows_where([](auto row) { return number(kAge, row) < 40; }));
  CHECK(chosen({"age<= 40"}) == rows_where([](auto row) { return number(kAge, row) <= 40; }));
  const auto between =
      rows_where([](auto row) { return number(kAge, row) >= 40 && number(kAge, row) <= 60; });
  CHECK(chosen({"age=40..60"}) == between);
  CHECK(chosen({"age in 40 .. 60"}) == between);
  CHECK(chosen({"age>=40", "age<=60"}) == between);
  CHECK(chosen({"age in 40..50,50..60"}) == between);
  CHECK(chosen({"age=60.."}) == chosen({"age>=60"}));
  CHECK(chosen({"age not in ..59"}) == chosen({"age>=60"}));
  CHECK(chosen({"age in 20, 70"}) ==
        rows_where([](auto row) { return number(kAge, row) == 20 || number(kAge, row) == 70; }));
}

TEST_CASE("tabular: a missing cell meets no condition on values", "[tabular]") {
  const auto missing = rows_where([](auto row) { return std::isnan(number(kCrp, row)); });
  const auto present = rows_where([](auto row) { return !std::isnan(number(kCrp, row)); });
  CHECK(chosen({"crp is missing"}) == missing);
  CHECK(chosen({"crp="}) == missing);
  CHECK(chosen({"crp is not missing"}) == present);
  CHECK(chosen({"crp!="}) == present);
  CHECK(chosen({"crp>=0"}) == present);
  CHECK(chosen({"crp!=9.0"}) == rows_where([](auto row) {
          return !std::isnan(number(kCrp, row)) && number(kCrp, row) != 9.0;
        }));
  CHECK(chosen({"dx is missing"}) == rows_where([](auto row) { return text(kDx, row).empty(); }));
  CHECK(chosen({"dx!=I10"}) ==
        rows_where([](auto row) { return !text(kDx, row).empty() && text(kDx, row) != "I10"; }));
}

TEST_CASE("tabular: conditions on dates are written in the column's format", "[tabular]") {
  const auto moment = number(kAdmitted, 0);
  CHECK(chosen({"admitted>=2022-05-01"}).size() + chosen({"admitted<2022-05-01"}).size() ==
        patients().rows);
  CHECK(chosen({"admitted=2022-05-01..2022-05-31"}) ==
        chosen({"admitted>=2022-05-01", "admitted<=2022-05-31"}));
  CHECK(moment > 0.0);
  CHECK_THAT(refusal({"admitted>=05/01/2022"}),
             ContainsSubstring("no date of column 'admitted'") && ContainsSubstring("%Y-%m-%d"));
}

TEST_CASE("tabular: a value is all that follows the first equals sign", "[tabular]") {
  for (const std::string value : {"I10", "a=b", "x, y", "say \"hi\"", "spaced", ">50K"}) {
    INFO(value);
    CHECK(chosen({"dx=" + value}) == rows_where([&](auto row) { return text(kDx, row) == value; }));
  }
  CHECK(chosen({"dx=\"x, y\""}) == chosen({"dx=x, y"}));
  CHECK(chosen({"dx = I10"}) == chosen({"dx=I10"}));
  CHECK(chosen({"dx= spaced "}) == chosen({"dx=spaced"}));  // outer blanks are no part of a cell
  CHECK(chosen({"dx=\"say \"\"hi\"\"\""}) == chosen({"dx=say \"hi\""}));
}

TEST_CASE("tabular: lists hold categories, in quotes where a comma is one's own", "[tabular]") {
  CHECK(chosen({"dx in I10, a=b"}) ==
        rows_where([](auto row) { return text(kDx, row) == "I10" || text(kDx, row) == "a=b"; }));
  CHECK(chosen({"dx in \"x, y\",\"say \"\"hi\"\"\""}) == rows_where([](auto row) {
          return text(kDx, row) == "x, y" || text(kDx, row) == "say \"hi\"";
        }));
  CHECK(chosen({"dx not in I10"}) == chosen({"dx!=I10"}));
  CHECK_THAT(refusal({"dx in I10,,a=b"}), ContainsSubstring("an item of the list is empty"));
  CHECK_THAT(refusal({"dx in \"I10\" a=b"}), ContainsSubstring("expected a comma"));
}

TEST_CASE("tabular: the longest column name counts, and quotes settle it", "[tabular]") {
  CHECK(where({"age in years=7"}).filters()[0].column == 6);
  CHECK(where({"a=b=1"}).filters()[0].column == 5);
  CHECK(where({"\"a=b\"=1"}).filters()[0].column == 5);
  CHECK(where({"\"age in years\" in 7,8"}).filters()[0].column == 6);
  Where equal;
  REQUIRE(equal.add(equal_condition("a=b", "1"), model()));
  CHECK(equal.filters()[0].column == 5);
}

TEST_CASE("tabular: several conditions must all be met", "[tabular]") {
  CHECK(chosen({"sex=F", "age>=70", "dx=I10"}) == rows_where([](auto row) {
          return text(kSex, row) == "F" && number(kAge, row) >= 70 && text(kDx, row) == "I10";
        }));
  CHECK_THAT(refusal({"sex=F", "sex=M"}), ContainsSubstring("contradicts another condition"));
  CHECK_THAT(refusal({"age>=60", "age<40"}), ContainsSubstring("contradicts another condition"));
  CHECK_THAT(refusal({"crp is missing", "crp>1"}), ContainsSubstring("contradicts"));
  CHECK(refusal({"sex in F,M", "sex=M"}) == "accepted");
}

TEST_CASE("tabular: what no cell can meet is refused with what can", "[tabular]") {
  CHECK_THAT(refusal({"age>=200"}),
             ContainsSubstring("no cell of column 'age' meets it") &&
                 ContainsSubstring("its values reach from 18 to 95"));
  CHECK_THAT(refusal({"admitted>=2030-01-01"}), ContainsSubstring("from 2022-01-1"));
  CHECK_THAT(refusal({"age=40.5"}), ContainsSubstring("no row can have 40.5"));
  CHECK_THAT(refusal({"age!=40.5"}), ContainsSubstring("no row can have 40.5"));
  CHECK_THAT(refusal({"age=60..40"}), ContainsSubstring("the range 60..40 is empty"));
  CHECK_THAT(refusal({"age is missing"}), ContainsSubstring("has no missing cells"));
  CHECK_THAT(refusal({"dx=I1O"}), ContainsSubstring("did you mean \"I10\"?"));
  CHECK_THAT(refusal({"sex>F"}), ContainsSubstring("has no order"));
  CHECK_THAT(refusal({"age=old"}), ContainsSubstring("\"old\" is no number"));
  CHECK_THAT(refusal({"age=>40"}), ContainsSubstring("write age>40"));
  CHECK_THAT(refusal({"age>="}), ContainsSubstring("expected a value"));
  CHECK_THAT(refusal({"name=person 1"}), ContainsSubstring("is an identifier"));
  CHECK_THAT(refusal({"agee>=3"}), ContainsSubstring("did you mean 'age'?"));
  CHECK_THAT(refusal({"DX=I10"}), ContainsSubstring("did you mean 'dx'?"));
  for (const std::string bare : {"age", "dx is", "age between 3 and 4", "", "=", "\"age\""}) {
    INFO(bare);
    CHECK_THAT(refusal({bare}), ContainsSubstring("expected column=value"));
  }
}

TEST_CASE("tabular: modes that can't meet a condition are not drawn", "[tabular]") {
  const auto restricted = where({"age>=80"});
  const auto& filter = restricted.filters()[0];
  const auto& modes = model().columns()[kAge].modes;
  REQUIRE(filter.modes.size() == modes.size());
  // What passes is at least what rows there are in.
  const EncodedTable encoded = ok(model().encode(patients(), stream("encode")));
  for (std::size_t row = 0; row < patients().rows; ++row) {
    if (number(kAge, row) >= 80) {
      REQUIRE(filter.modes[encoded.columns[kAge].mode[row]] == 1);
    }
  }
}
