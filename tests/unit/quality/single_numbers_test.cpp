#include "common/quality/single_numbers.hpp"

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/support/catch.hpp"
#include "tests/unit/quality/a_table.hpp"

namespace genesis::quality {
namespace {

ComparedColumn a_column(std::vector<double> real,
                        std::vector<double> synthetic,
                        std::vector<double> holdout = {}) {
  ComparedColumn column;
  column.name = "dose";
  column.kind = tabular::Kind::kDecimal;
  column.real.numbers = std::move(real);
  column.synthetic.numbers = std::move(synthetic);
  column.holdout.numbers = std::move(holdout);
  return column;
}

// Rounded to `step`, so that some coincide by chance.
std::vector<double> draws(std::size_t count, double step, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0.0, 1.0);
  std::vector<double> values(count);
  for (double& value : values) {
    value = std::round(normal(random) / step) * step;
  }
  return values;
}

SingleNumbers found_in(const ComparedColumn& column) {
  const auto all = find_single_numbers({&column, 1});
  REQUIRE(all.size() == 1);
  return all.front();
}

}  // namespace

TEST_CASE(
    "quality: numbers that coincide with single rows by chance are no more than held-out ones",
    "[quality][statistical]") {
  // 80 comparisons of 1,000 cells, each wrong with probability 1 in 30,000: 1 in 375 in all.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (const double step : {0.1, 0.001}) {
      const auto real = draws(1000, step, seed);
      const auto synthetic = draws(1000, step, 100 + seed);
      CHECK_FALSE(found_in(a_column(real, synthetic)).more);
      CHECK_FALSE(found_in(a_column(real, synthetic, draws(1000, step, 200 + seed))).more);
    }
  }
}

TEST_CASE("quality: numbers copied from single rows are more than held-out ones",
          "[quality][statistical]") {
  const auto real = draws(1000, 0.001, 1);
  const auto by_halves = found_in(a_column(real, real));
  CHECK(by_halves.more);
  CHECK(by_halves.synthetic > 0.3);
  const auto beside = found_in(a_column(real, real, draws(1000, 0.001, 2)));
  CHECK(beside.more);
  CHECK(beside.synthetic > 0.6);
  CHECK(beside.held_out < beside.synthetic / 2.0);
  // One cell in five is a copy.
  auto mixed = draws(1000, 0.0001, 3);
  const auto fine = draws(1000, 0.0001, 4);
  for (std::size_t row = 0; row < mixed.size(); row += 5) {
    mixed[row] = fine[row];
  }
  CHECK(found_in(a_column(fine, mixed, draws(1000, 0.0001, 5))).more);
}

TEST_CASE("quality: the days of a calendar are copied by nobody who gives days",
          "[quality][statistical]") {
  std::vector<double> calendar(1000);
  std::iota(calendar.begin(), calendar.end(), 0.0);
  std::mt19937_64 random(1);
  std::shuffle(calendar.begin(), calendar.end(), random);
  std::vector<double> days(1000);
  for (double& day : days) {
    day = static_cast<double>(random() % 1000);
  }
  // Half of the days are known: one share of 1,000 against another, wrong 1 time in 30,000.
  const auto found = found_in(a_column(calendar, days));
  CHECK(found.held_out == 0.0);
  CHECK(found.synthetic > 0.4);
  CHECK_FALSE(found.more);
}

TEST_CASE("quality: values that several rows hold are nobody's, and missing cells are no values",
          "[quality]") {
  const auto spikes =
      found_in(a_column({1, 1, 1, 1, 2, kNone}, {1, 1, 1, kNone}, {1, 1, 2, kNone}));
  CHECK(spikes.synthetic == 0.0);
  CHECK_THAT(spikes.held_out, WithinAbs(1.0 / 3.0, 1e-12));
  CHECK_FALSE(spikes.more);
  const auto none = a_column({1, 2}, {kNone}, {1});
  CHECK(find_single_numbers({&none, 1}).empty());
}

}  // namespace genesis::quality
