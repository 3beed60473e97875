#include "common/quality/evaluate.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <vector>

#include <unistd.h>

#include "tests/support/catch.hpp"
#include "tests/unit/quality/a_table.hpp"

namespace genesis::quality {
namespace {

// Days since 1970 of the dates in the comment below.
constexpr double kJanuary = 18262;  // 2020-01-01

tabular::Table real_patients() {
  return a_table({letters("sex", "fmfmmfmf"),
                  texts("paid",
                        {"true", "false", "true", "false", "false", "true", "", "true"},
                        tabular::Kind::kBoolean),
                  integers("age", {20, 31, 25, 47, 38, 29, 60, kNone}),
                  numbers("pay", {1.5, 2.5, 2.0, 4.0, 3.0, 2.5, 5.5, 2.0}),
                  days("day",
                       {kJanuary,
                        kJanuary + 31,
                        kJanuary + 10,
                        kJanuary + 121,
                        kJanuary + 60,
                        kJanuary + 30,
                        kJanuary + 182,
                        kNone})});
}

tabular::Table synthetic_patients() {
  return a_table(
      {letters("sex", "ffmmfx"),
       texts("paid", {"true", "true", "false", "", "false", "true"}, tabular::Kind::kBoolean),
       integers("age", {22, 33, 41, 28, kNone, 70}),
       numbers("pay", {2.5, 1.5, 4.5, 2.0, 3.5, 5.0}),
       days("day",
            {kJanuary + 4, kJanuary + 60, kJanuary + 91, kNone, kJanuary + 50, kJanuary + 213})});
}

Report report_of(const tabular::Table& real, const tabular::Table& synthetic) {
  const auto report = evaluate(real, synthetic, nullptr, {});
  REQUIRE(report.has_value());
  return *report;
}

TEST_CASE("quality: a table of all kinds scores as SDMetrics scores it", "[quality][golden]") {
  // sdmetrics 0.32.0, QualityReport on the same cells (pandas 2.3), dates as %Y-%m-%d:
  //   real      f/m as above, days 2020-01-01, 02-01, 01-11, 05-01, 03-01, 01-31, 07-01, missing
  //   synthetic days 2020-01-05, 03-01, 04-01, missing, 02-20, 08-01
  const Report report = report_of(real_patients(), synthetic_patients());
  const std::vector<double> shapes = {0.8333333333, 0.9714285714, 0.8, 0.75, 0.628571428571};
  const std::vector<double> trends = {0.625,
                                      0.375,
                                      0.25,
                                      0.291666666667,
                                      0.375,
                                      0.25,
                                      0.416666666667,
                                      0.902470197817,
                                      0.996157629055,
                                      0.867162733233};
  REQUIRE(report.columns.size() == shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    INFO(report.columns[i].name);
    CHECK_THAT(*report.columns[i].score, WithinAbs(shapes[i], 1e-9));
  }
  REQUIRE(report.pairs.size() == trends.size());
  for (std::size_t i = 0; i < trends.size(); ++i) {
    INFO(report.pairs[i].columns[0] << " with " << report.pairs[i].columns[1]);
    CHECK_THAT(*report.pairs[i].score, WithinAbs(trends[i], 1e-9));
  }
  CHECK_THAT(*report.pairs[0].real, WithinAbs(1.0, 1e-9));             // Cramer's V
  CHECK_THAT(*report.pairs[4].real, WithinAbs(0.735980072194, 1e-9));  // paid with age
  CHECK_THAT(*report.pairs[7].real, WithinAbs(0.995183528253, 1e-9));  // Pearson
  CHECK_THAT(*report.column_shapes, WithinAbs(0.796666679167, 1e-6));
  CHECK_THAT(*report.column_pair_trends, WithinAbs(0.534912389344, 1e-9));
  CHECK_THAT(report.overall, WithinAbs(0.6657895342552582, 1e-6));
}

TEST_CASE("quality: cells outside the domain are a share of all cells", "[quality]") {
  const Report report = report_of(real_patients(), synthetic_patients());
  // sex x; age 70; day 2020-08-01; of 6 rows of 5 columns.
  CHECK_THAT(report.cells_outside, WithinAbs(3.0 / 30.0, 1e-12));
  CHECK(report.columns[0].cells_outside == 1);
  CHECK(report.columns[3].cells_outside == 0);
  CHECK(report.new_rows == 1.0);
}

TEST_CASE("quality: a table compared with itself is perfect, and all copies", "[quality]") {
  const auto real = real_patients();
  const Report report = report_of(real, real);
  CHECK_THAT(report.overall, WithinAbs(1.0, 1e-12));
  CHECK(report.cells_outside == 0.0);
  CHECK(report.new_rows == 0.0);
  CHECK(report.distances.synthetic_to_real == 0.0);
}

TEST_CASE("quality: a column without synthetic values counts 0 and is named", "[quality]") {
  const auto real = a_table({letters("a", "xyxy"), numbers("n", {1, 2, 3, 4})});
  const Report report =
      report_of(real, a_table({letters("a", "xxyy"), numbers("n", {kNone, kNone, kNone, kNone})}));
  CHECK(report.columns[0].score == 1.0);
  CHECK(report.columns[1].score == 0.0);
  CHECK(*report.column_shapes == 0.5);
  CHECK(report.without_values == std::vector<std::string>{"n"});
  CHECK_THAT(print(report), ContainsSubstring("column 'n': no synthetic cell has a value"));
}

TEST_CASE("quality: cells that can't be read are counted, with one of them", "[quality]") {
  const auto real = a_table({letters("a", "xyxy"), days("day", {1, 2, 3, 4})});
  const Report report = report_of(
      real, a_table({letters("a", "xxyy"), texts("day", {"1 Jan", "1 Jan", "1 Jan", "1 Jan"})}));
  CHECK(report.columns[1].score == 0.0);
  CHECK(report.columns[1].cells_unreadable == 4);
  CHECK(report.without_values == std::vector<std::string>{"day"});
  CHECK_THAT(print(report),
             ContainsSubstring("column 'day': 4 synthetic cells are no dates of the form %Y-%m-%d, "
                               "such as \"1 Jan\"; the column counts 0"));
  // Where some can be read the column is scored by those.
  const Report half = report_of(a_table({integers("n", {1, 2, 3, 4})}),
                                a_table({texts("n", {"1", "2", "3", "four"})}));
  CHECK(*half.columns[0].score > 0.7);
  CHECK(half.columns[0].cells_unreadable == 1);
  CHECK(half.without_values.empty());
}

TEST_CASE("quality: a column that the real table has no value of is not scored", "[quality]") {
  const Report report =
      report_of(a_table({letters("a", "xyxy"), numbers("n", {kNone, kNone, kNone, kNone})}),
                a_table({letters("a", "xxyy"), numbers("n", {1, 2, 3, 4})}));
  CHECK_FALSE(report.columns[1].score.has_value());
  CHECK(*report.column_shapes == 1.0);
}

TEST_CASE("quality: quantiles tell magnitudes apart that a few ranks hide", "[quality]") {
  std::vector<double> small;
  std::vector<double> large;
  for (int i = 1; i <= 100; ++i) {
    small.push_back(1e-12 * i);
    large.push_back(i);
  }
  const Report report = report_of(a_table({numbers("x", small)}), a_table({numbers("x", large)}));
  CHECK(report.columns[0].score == 0.0);
  CHECK_THAT((*report.columns[0].real_quantiles)[2], WithinRel(51e-12, 1e-9));
  CHECK((*report.columns[0].synthetic_quantiles)[4] == 96.0);
  const std::string printed = print(report);
  CHECK_THAT(printed, ContainsSubstring("median") && ContainsSubstring("5.1e-11"));
  CHECK_THAT(to_json(report), ContainsSubstring("\"quantiles\":{\"shares\":[0.05,"));
  const Report dates = report_of(a_table({days("d", {0, 1, 2})}), a_table({days("d", {0, 1, 2})}));
  CHECK_THAT(to_json(dates), ContainsSubstring("\"1970-01-02\""));
}

TEST_CASE("quality: without related pairs the shapes alone decide", "[quality]") {
  const Report report = report_of(a_table({letters("a", "xxyy"), letters("b", "pqpq")}),
                                  a_table({letters("a", "xxxy"), letters("b", "pqpq")}));
  CHECK_FALSE(report.column_pair_trends.has_value());
  CHECK_THAT(report.overall, WithinAbs(0.875, 1e-12));
}

TEST_CASE("quality: a single row and a single column are tables too", "[quality]") {
  const auto one = a_table({letters("a", "x"), numbers("n", {1})});
  CHECK(report_of(one, one).overall == 1.0);
  const auto narrow = a_table({letters("a", "xy")});
  CHECK(report_of(narrow, narrow).pairs.empty());
}

TEST_CASE("quality: a constant column is scored by its shape", "[quality]") {
  const auto real = a_table({letters("a", "xx"), numbers("n", {3, 3})});
  const auto moved = a_table({letters("a", "xx"), numbers("n", {3, 4})});
  CHECK(report_of(real, real).overall == 1.0);
  CHECK_THAT(report_of(real, moved).overall, WithinAbs(0.75, 1e-12));
}

TEST_CASE("quality: real tables without a value are refused", "[quality]") {
  const auto real = a_table({letters("a", "xy")});
  const auto blank = a_table({letters("a", "..")});
  CHECK(report_of(real, blank).overall == 0.0);
  const auto report = evaluate(blank, real, nullptr, {});
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().code == Errc::kInvalidArgument);
  const auto keys = a_table({texts("id", {"1", "2"}, tabular::Kind::kIdentifier)});
  const auto identifiers = evaluate(keys, keys, nullptr, {});
  REQUIRE_FALSE(identifiers.has_value());
  CHECK_THAT(identifiers.error().message, ContainsSubstring("identifier"));
}

TEST_CASE("quality: held-out rows enter where they are given", "[quality]") {
  const auto real = real_patients();
  const auto report = evaluate(real, synthetic_patients(), &real, {});
  REQUIRE(report.has_value());
  CHECK(report->holdout_rows == 8U);
  CHECK(*report->distances.holdout_to_real == 0.0);
  CHECK_THAT(*report->distances.closer_to_real, WithinAbs(0.5, 1e-12));
}

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("genesis-quality-" + std::to_string(::getpid()) + ".csv")) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST_CASE("quality: a file is read beside the real table without losing a cell", "[quality]") {
  // Inference would take `code` for an integer, and `n` for text.
  const auto real = a_table({texts("code", {"007", "x"}), integers("n", {1, 9})});
  const TemporaryFile file("n,code\n1,007\nbad,7\n");
  const auto synthetic = read_beside(file.path(), real);
  REQUIRE(synthetic.has_value());
  const Report report = report_of(real, *synthetic);
  CHECK(report.columns[0].cells_outside == 1);  // "7" is not "007"
  CHECK(report.columns[1].cells_outside == 1);  // "bad"
}

TEST_CASE("quality: a file of other columns is refused with its name and theirs", "[quality]") {
  const auto real = a_table({letters("a", "x"), letters("b", "x")});
  const TemporaryFile lacking("a,c\nx,x\n");
  const auto first = read_beside(lacking.path(), real);
  REQUIRE_FALSE(first.has_value());
  CHECK_THAT(first.error().message,
             ContainsSubstring(lacking.path().string()) && ContainsSubstring("missing \"b\"") &&
                 ContainsSubstring("additional \"c\""));
}

TEST_CASE("quality: a file with a column too many, or broken, is refused", "[quality]") {
  const auto real = a_table({letters("a", "x")});
  {
    const TemporaryFile wide("a,c\nx,x\n");
    const auto table = read_beside(wide.path(), real);
    REQUIRE_FALSE(table.has_value());
    CHECK_THAT(table.error().message, ContainsSubstring("additional \"c\""));
  }
  const TemporaryFile broken("a\n\"x\n");
  CHECK_FALSE(read_beside(broken.path(), real).has_value());
  CHECK_FALSE(read_beside("/nonexistent/rows.csv", real).has_value());
}

}  // namespace
}  // namespace genesis::quality
