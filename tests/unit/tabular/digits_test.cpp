#include "common/tabular/digits.hpp"

#include "common/base/rng.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

DigitCounts counts_of(const std::vector<double>& values) {
  DigitCounts counts;
  for (const double value : values) {
    counts.add(value, 1);
  }
  return counts;
}

Rounding rounding(const std::vector<double>& values) {
  return rounding_of(counts_of(values));
}

}  // namespace

TEST_CASE("tabular: decimals are those that the values need", "[tabular]") {
  CHECK(rounding({}) == Rounding{0, 0});
  CHECK(rounding({63.0, 64.0}) == Rounding{0, 0});
  CHECK(rounding({12.5, 0.25, 1000.75}) == Rounding{2, 0});
  CHECK(rounding({-0.125}) == Rounding{3, 0});
  CHECK(rounding({19.99, 120345.5, 7.0}) == Rounding{2, 0});
}

TEST_CASE("tabular: one value with rounding noise decides nothing", "[tabular]") {
  std::vector<double> prices(99, 12.5);
  prices.push_back(0.1 + 0.2);
  CHECK(rounding(prices) == Rounding{1, 0});
  prices.back() = 0.333333333;  // nine decimals by hand
  CHECK(rounding(prices) == Rounding{1, 0});
  // Noise in two cells of five: the others are still what was measured.
  std::vector<double> sums;
  for (int i = 1; i <= 100; ++i) {
    sums.push_back(i % 5 < 2 ? i * 0.1 * 3 : i * 0.5);
  }
  CHECK(rounding(sums).decimals <= 2);
  CHECK(rounding(sums).significant == 0);
}

TEST_CASE("tabular: doubles of all digits keep them", "[tabular]") {
  Rng rng(1, RoundId{0}, "", "digits");
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) {
    values.push_back(rng.normal());
  }
  CHECK(rounding(values) == Rounding{0, kAllDigits});
}

TEST_CASE("tabular: values over many magnitudes have significant digits", "[tabular]") {
  CHECK(rounding({3.2e-12, 1.5e-11, 7.7e-13}) == Rounding{0, 2});
  CHECK(rounding({0.00123, 45.6, 789.0, 1.02}) == Rounding{0, 3});
  CHECK(rounding({0.5, 0.25, 0.125}) == Rounding{3, 0});
}

TEST_CASE("tabular: counts of digits add up", "[tabular]") {
  const std::vector<double> first = {1.5, 3.0, 1e-9};
  const std::vector<double> second = {0.1 + 0.2, -20.25};
  auto sum = counts_of(first);
  sum += counts_of(second);
  auto all = first;
  all.insert(all.end(), second.begin(), second.end());
  CHECK(sum == counts_of(all));
}

TEST_CASE("tabular: rounding to significant digits goes by magnitude", "[tabular]") {
  CHECK(round_to_significant(1234.5, 2) == 1200.0);
  CHECK(round_to_significant(-0.00098765, 3) == -0.000988);
  CHECK(round_to_significant(9.99e-300, 2) == 1e-299);
  CHECK(round_to_significant(0.0, 3) == 0.0);
  CHECK(round_to_significant(0.1 + 0.2, kAllDigits) == 0.1 + 0.2);
}
