// Expected values by hand, or from numpy 2.4, scipy 1.17 and sdmetrics 0.32 where the test says so.
#include "common/quality/trends.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include <rapidcheck.h>

#include "common/quality/compare.hpp"
#include "common/quality/draw.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/quality/a_table.hpp"

namespace genesis::quality {
namespace {

std::vector<PairScore> pairs_of(std::vector<tabular::Column> real,
                                std::vector<tabular::Column> synthetic) {
  const auto columns = compare(a_table(std::move(real)), a_table(std::move(synthetic)), nullptr);
  REQUIRE(columns.has_value());
  return pair_scores(*columns);
}

TEST_CASE("quality: ten bins, and an eleventh for the maximum and missing values", "[quality]") {
  // numpy.digitize(x, numpy.histogram_bin_edges([0, .1, .3, .7, 1])) - 1: 0.3 falls below the edge
  // that numpy.linspace puts at 0.30000000000000004.
  CHECK(discretize(std::vector<double>{0, 0.1, 0.3, 0.7, 1, kNone}).codes ==
        std::vector<std::uint32_t>{0, 1, 2, 6, 10, 10});
  CHECK(discretize(std::vector<double>{5, 5, kNone}).codes == std::vector<std::uint32_t>{5, 5, 10});
  CHECK(discretize(std::vector<double>{kNone, kNone}).codes == std::vector<std::uint32_t>{10, 10});
  CHECK(discretize(std::vector<double>{-10, -9, 0}).codes == std::vector<std::uint32_t>{0, 1, 10});
}

TEST_CASE("quality: correlation takes the rows that have both values", "[quality]") {
  const std::vector<double> x = {1, 2, kNone, 3, 4};
  const std::vector<double> y = {2, 4, 100, 6, kNone};
  CHECK_THAT(correlation(x, y), WithinAbs(1.0, 1e-15));
  const std::vector<double> falling = {3, 2, 1};
  const std::vector<double> rising = {1, 2, 3};
  CHECK_THAT(correlation(falling, rising), WithinAbs(-1.0, 1e-15));
  // By hand: deviations (-1, 0, 1) and (-2/3, -2/3, 4/3): 2 / (sqrt 2 * sqrt(8/3)).
  const std::vector<double> bent = {1, 1, 3};
  CHECK_THAT(correlation(rising, bent), WithinAbs(std::sqrt(3.0) / 2.0, 1e-15));
}

TEST_CASE("quality: a constant column or a single row has no correlation", "[quality]") {
  // The mean of three times 0.1 is not 0.1 in doubles; still constant.
  const std::vector<double> constant = {0.1, 0.1, 0.1};
  const std::vector<double> rising = {1, 2, 3};
  CHECK(std::isnan(correlation(constant, rising)));
  const std::vector<double> first_only = {1, kNone, kNone};
  CHECK(std::isnan(correlation(first_only, rising)));
  CHECK(std::isnan(correlation({}, {})));
}

TEST_CASE("quality: Cramer's V of a cross table", "[quality]") {
  // scipy.stats.contingency.association([[3, 1, 0], [0, 2, 4]], method='cramer')
  const Levels a{.codes = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1}, .size = 2};
  const Levels b{.codes = {0, 0, 0, 1, 1, 1, 2, 2, 2, 2}, .size = 3};
  CHECK_THAT(cramers_v(cross(a, b)), WithinAbs(0.8498365855987975, 1e-12));
  CHECK_THAT(cramers_v(cross(b, a)), WithinAbs(0.8498365855987975, 1e-12));
  CHECK_THAT(cramers_v(cross(a, a)), WithinAbs(1.0, 1e-12));
  const Levels independent{.codes = {0, 0, 1, 1}, .size = 2};
  const Levels alternating{.codes = {0, 1, 0, 1}, .size = 2};
  CHECK_THAT(cramers_v(cross(independent, alternating)), WithinAbs(0.0, 1e-7));
}

TEST_CASE("quality: a side with a single level has no association", "[quality]") {
  const Levels constant{.codes = {2, 2, 2}, .size = 5};
  const Levels other{.codes = {0, 1, 0}, .size = 2};
  CHECK(std::isnan(cramers_v(cross(constant, other))));
  CHECK(std::isnan(cramers_v(cross(other, constant))));
}

TEST_CASE("quality: cells of one table only count as different", "[quality]") {
  // SDMetrics: ContingencySimilarity of xxyy/pqpp and xyyyz/ppqpp is 0.6. By hand: xp |1/4-1/5|,
  // xq 1/4, yp |1/2-2/5|, yq 1/5, zp 1/5, half of which is 0.4.
  const CrossTable real =
      cross({.codes = {0, 0, 1, 1}, .size = 3}, {.codes = {0, 1, 0, 0}, .size = 2});
  const CrossTable synthetic =
      cross({.codes = {0, 1, 1, 1, 2}, .size = 3}, {.codes = {0, 0, 1, 0, 0}, .size = 2});
  CHECK_THAT(similarity(real, synthetic), WithinAbs(0.6, 1e-15));
  CHECK_THAT(similarity(real, real), WithinAbs(1.0, 1e-15));
}

TEST_CASE("quality: large cross tables are counted as small ones are", "[quality][property]") {
  REQUIRE(rc::check("sorted and dense", [](const std::vector<std::pair<bool, bool>>& rows) {
    Levels a{.codes = {}, .size = 2};
    Levels b = a;
    for (const auto& [x, y] : rows) {
      a.codes.push_back(x ? 1 : 0);
      b.codes.push_back(y ? 1 : 0);
    }
    const CrossTable dense = cross(a, b);
    a.size = 1U << 20U;  // too many cells for a dense table; the keys stay
    const CrossTable sorted = cross(a, b);
    RC_ASSERT(dense.cells.size() == sorted.cells.size());
    for (std::size_t i = 0; i < dense.cells.size(); ++i) {
      RC_ASSERT(dense.cells[i].key == sorted.cells[i].key);
      RC_ASSERT(dense.cells[i].count == sorted.cells[i].count);
    }
  }));
}

TEST_CASE("quality: a pair counts only where the real columns are related", "[quality]") {
  const auto pairs = pairs_of({letters("a", "xxyy"), letters("b", "ppqq"), letters("c", "uvuv")},
                              {letters("a", "xyxy"), letters("b", "ppqq"), letters("c", "uvuv")});
  REQUIRE(pairs.size() == 3);
  CHECK_THAT(*pairs[0].real, WithinAbs(1.0, 1e-12));   // a with b
  CHECK_THAT(*pairs[0].score, WithinAbs(0.5, 1e-12));  // spread over 4 cells instead of 2
  CHECK_THAT(*pairs[1].real, WithinAbs(0.0, 1e-7));    // a with c: unrelated
  CHECK_FALSE(pairs[1].score.has_value());
  CHECK(pairs[2].columns == std::array<std::string, 2>{"b", "c"});
}

TEST_CASE("quality: correlations at or below one half do not count", "[quality]") {
  // By hand: deviations (-1, 0, 1) and (-1, 1, 0): 1 / 2.
  const auto half = pairs_of({numbers("a", {1, 2, 3}), numbers("b", {1, 3, 2})},
                             {numbers("a", {1, 2, 3}), numbers("b", {1, 2, 3})});
  CHECK_THAT(*half[0].real, WithinAbs(0.5, 1e-12));
  CHECK_FALSE(half[0].score.has_value());
  const auto opposite = pairs_of({numbers("a", {1, 2, 3}), numbers("b", {1, 2, 3})},
                                 {numbers("a", {1, 2, 3}), numbers("b", {3, 2, 1})});
  CHECK_THAT(*opposite[0].score, WithinAbs(0.0, 1e-12));
}

TEST_CASE("quality: a constant column takes its numeric pairs out", "[quality]") {
  const std::vector<tabular::Column> rising = {numbers("a", {1, 2, 3}), numbers("b", {1, 2, 3})};
  const std::vector<tabular::Column> flat = {numbers("a", {1, 2, 3}), numbers("b", {7, 7, kNone})};
  CHECK_FALSE(pairs_of(rising, flat)[0].score.has_value());
  CHECK_FALSE(pairs_of(flat, rising)[0].score.has_value());
  CHECK_FALSE(pairs_of(flat, rising)[0].real.has_value());
  CHECK(pairs_of(rising, rising)[0].score == 1.0);
}

TEST_CASE("quality: rows that stand for a table are distinct, fair and always the same",
          "[quality][statistical]") {
  CHECK(draw_rows(3, 5, "x") == std::vector<std::size_t>{0, 1, 2});
  CHECK(draw_rows(0, 5, "x").empty());
  CHECK(draw_rows(1000, 100, "x") == draw_rows(1000, 100, "x"));
  CHECK(draw_rows(1000, 100, "x") != draw_rows(1000, 100, "y"));
  const auto rows = draw_rows(100000, 20000, "x");
  REQUIRE(rows.size() == 20000);
  CHECK(std::adjacent_find(rows.begin(), rows.end(), std::greater_equal<>()) == rows.end());
  CHECK(rows.back() < 100000);
  // The mean row is 50,000 +- 183 (a standard deviation); five of them, and the seed is fixed.
  const double mean = std::accumulate(rows.begin(), rows.end(), 0.0) / 20000.0;
  CHECK_THAT(mean, WithinAbs(49999.5, 5 * 183.0));
}

TEST_CASE("quality: a long table is judged by a fair part of its rows", "[quality]") {
  // Twice kPairRows, in two halves that differ: a prefix would show one cell only.
  const std::size_t rows = 2 * kPairRows;
  std::string half(rows / 2, 'x');
  const std::string cells = half + std::string(rows / 2, 'y');
  const auto pairs = pairs_of({letters("a", cells), letters("b", cells)},
                              {letters("a", cells), letters("b", cells)});
  CHECK_THAT(*pairs[0].real, WithinAbs(1.0, 1e-12));
  CHECK_THAT(*pairs[0].score, WithinAbs(1.0, 0.02));
}

}  // namespace
}  // namespace genesis::quality
