// Classifiers that judge tables.
#include "common/quality/judgement.hpp"

#include <algorithm>
#include <cmath>

#include "common/base/rng.hpp"
#include "common/quality/classifier.hpp"
#include "common/quality/evaluate.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::quality;

namespace {

// x and y are equally distributed in both tables; `link` is how often y follows x. a is a category
// with gaps.
tabular::Table linked(std::size_t rows, double link, std::uint64_t seed) {
  Rng rng(seed, RoundId{0}, "", "linked");
  std::string csv = "x,y,a,label\n";
  for (std::size_t i = 0; i < rows; ++i) {
    const auto x = rng.below(100);
    const auto y = rng.uniform() < link ? x : rng.below(100);
    csv += std::to_string(x) + "," + std::to_string(y) + ",";
    csv += rng.uniform() < 0.1 ? "," : std::string(1, "pqr"[rng.below(3)]) + ",";
    csv += rng.uniform() < (x >= 80 ? 0.9 : 0.1) ? "yes\n" : "no\n";
  }
  const auto table = tabular::parse_csv(csv, "linked");
  REQUIRE(table);
  return *table;
}

Result<Report> judged(const tabular::Table& real,
                      const tabular::Table& synthetic,
                      const std::string& target = "") {
  const auto holdout = linked(3000, 0.0, 99);
  return evaluate(real, synthetic, &holdout, {.detection = true, .target = target});
}

}  // namespace

TEST_CASE("quality: the area under the curve counts pairs, ties half", "[quality]") {
  const std::vector<std::uint8_t> labels{0, 1, 0, 1};
  CHECK(area_under_curve(std::vector<double>{1, 2, 3, 4}, labels) == 0.75);
  CHECK(area_under_curve(std::vector<double>{1, 1, 1, 1}, labels) == 0.5);
  CHECK(area_under_curve(std::vector<double>{2, 1, 2, 1}, labels) == 0.0);
  CHECK(area_under_curve(std::vector<double>{1, 2}, std::vector<std::uint8_t>{1, 1}) == 0.5);
}

TEST_CASE("quality: rows of one distribution are not told apart", "[quality][statistical]") {
  // 3,000 rows of each: the deviation of an area is 0.0075; fixed rows, so no false alarm.
  const auto report = judged(linked(3000, 0.0, 1), linked(3000, 0.0, 2));
  REQUIRE(report);
  CHECK(report->detection->rows == 3000);
  CHECK_THAT(report->detection->trees, WithinAbs(0.5, 0.03));
  CHECK_THAT(report->detection->regression, WithinAbs(0.5, 0.03));
}

TEST_CASE("quality: trees see what columns have in common, regression what they are",
          "[quality][statistical]") {
  // Half of the synthetic rows have y = x, which 1 in 100 real ones has.
  const auto related = judged(linked(3000, 0.0, 1), linked(3000, 0.5, 2));
  REQUIRE(related);
  CHECK(related->detection->trees > 0.65);
  CHECK_THAT(related->detection->regression, WithinAbs(0.5, 0.03));
  auto moved = linked(3000, 0.0, 2);
  for (double& x : moved.columns[0].numbers) {
    x = std::floor(x / 2);
  }
  const auto shifted = judged(linked(3000, 0.0, 1), moved);
  REQUIRE(shifted);
  CHECK(shifted->detection->regression > 0.7);
  CHECK(shifted->detection->trees > 0.7);
}

TEST_CASE("quality: categories and gaps are told apart too", "[quality][statistical]") {
  auto without_gaps = linked(3000, 0.0, 2);
  for (auto& code : without_gaps.columns[2].codes) {
    code = code == tabular::kMissingCode ? 0 : code;
  }
  const auto report = judged(linked(3000, 0.0, 1), without_gaps);
  REQUIRE(report);
  CHECK(report->detection->trees > 0.54);  // one row in ten tells
  CHECK(report->detection->regression > 0.54);
}

TEST_CASE("quality: utility is what trees learn of the target", "[quality][statistical]") {
  // The best score is 0.9 where x >= 80, else 0.1: one row in five is of the first kind.
  const auto good = judged(linked(3000, 0.0, 1), linked(3000, 0.0, 2), "label");
  REQUIRE(good);
  CHECK(good->utility->positive == "yes");
  const double best = 0.833;  // 0.18 of 0.26 yes and 0.02 of 0.74 no are of the first kind
  CHECK_THAT(good->utility->real, WithinAbs(best, 0.04));
  CHECK_THAT(good->utility->synthetic, WithinAbs(best, 0.04));
  auto shuffled = linked(3000, 0.0, 2);
  std::rotate(shuffled.columns[3].codes.begin(),
              shuffled.columns[3].codes.begin() + 7,
              shuffled.columns[3].codes.end());
  const auto bad = judged(linked(3000, 0.0, 1), shuffled, "label");
  REQUIRE(bad);
  CHECK_THAT(bad->utility->synthetic, WithinAbs(0.5, 0.06));
  const auto number = judged(linked(3000, 0.9, 1), linked(3000, 0.9, 2), "x");
  REQUIRE(number);
  CHECK(number->utility->positive == "above the real median");
}

TEST_CASE("quality: a target that cannot be one is named", "[quality]") {
  const auto table = linked(300, 0.0, 1);
  const auto unknown = judged(table, table, "labels");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message.find("did you mean 'label'") != std::string::npos);
  auto constant = table;
  constant.columns[3].codes.assign(300, 0);
  CHECK_FALSE(judged(constant, constant, "label"));
  CHECK_FALSE(evaluate(table, table, nullptr, {.detection = false, .target = "label"}));
  const auto few = linked(20, 0.0, 1);
  CHECK_FALSE(judged(few, few)->detection);
}

TEST_CASE("quality: rows without a target say nothing of it", "[quality][statistical]") {
  // Where x < 80 the label is missing in all but one row of four: whether it is there would tell x,
  // and so the label.
  const auto thinned = [](std::uint64_t seed) {
    auto table = linked(6000, 0.0, seed);
    for (std::size_t i = 0; i < table.rows; ++i) {
      if (table.columns[0].numbers[i] < 80 && i % 4 != 0) {
        table.columns[3].codes[i] = tabular::kMissingCode;
      }
    }
    return table;
  };
  const auto holdout = thinned(99);
  const auto report = evaluate(thinned(1), thinned(2), &holdout, {.target = "label"});
  REQUIRE(report);
  // P(yes | high) = 0.9, P(yes | low) = 0.1, and half of the rows are of either kind: 0.9.
  CHECK_THAT(report->utility->real, WithinAbs(0.9, 0.03));
  CHECK_THAT(report->utility->synthetic, WithinAbs(0.9, 0.03));
  auto one_class = linked(300, 0.0, 5);
  one_class.columns[3].codes.assign(300, 0);
  const auto silent = evaluate(thinned(1), thinned(2), &one_class, {.target = "label"});
  REQUIRE_FALSE(silent);
  CHECK(silent.error().message.find("held-out rows") != std::string::npos);
}

TEST_CASE("quality: a number that is most often its maximum can be a target", "[quality]") {
  auto flagged = [](std::uint64_t seed) {
    auto table = linked(1000, 0.0, seed);
    for (std::size_t i = 0; i < table.rows; ++i) {
      table.columns[1].numbers[i] = table.columns[0].numbers[i] < 60 ? 1 : 0;
    }
    return table;
  };
  const auto holdout = flagged(3);
  const auto report = evaluate(flagged(1), flagged(2), &holdout, {.target = "y"});
  REQUIRE(report);
  CHECK(report->utility->positive == "the real maximum");
  CHECK(report->utility->real > 0.99);
}
