#include "common/aggregation/mean.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

namespace genesis::aggregation {
namespace {

struct Contribution {
  std::vector<float> values;
  std::uint64_t rows = 1;
};

FoldBounds bounds_of(std::size_t size, std::uint64_t updates, std::uint64_t rows) {
  return {.size = size, .max_updates = updates, .max_total_rows = rows, .threads = 1};
}

MeanFold a_mean(const FoldBounds& bounds, Weighting weighting = Weighting::kByRows) {
  auto fold = MeanFold::create(bounds, weighting);
  REQUIRE(fold.has_value());
  return *std::move(fold);
}

std::uint64_t total_rows(const std::vector<Contribution>& all) {
  return std::accumulate(all.begin(), all.end(), std::uint64_t{0}, [](auto sum, const auto& one) {
    return sum + one.rows;
  });
}

// Magnitudes from far below the fixed-point unit up to the bound.
float a_value(std::mt19937_64& random) {
  const double mantissa = std::uniform_real_distribution<double>(-1.0, 1.0)(random);
  const int exponent = std::uniform_int_distribution<int>(-45, 15)(random);
  return static_cast<float>(std::ldexp(mantissa, exponent));
}

std::vector<Contribution> contributions(std::uint64_t seed, std::size_t count, std::size_t size) {
  std::mt19937_64 random(seed);
  std::vector<Contribution> all(count);
  for (auto& one : all) {
    one.values.resize(size);
    std::generate(one.values.begin(), one.values.end(), [&] { return a_value(random); });
    one.rows = std::uniform_int_distribution<std::uint64_t>(1, 50000)(random);
  }
  return all;
}

std::vector<float> mean_of(const std::vector<Contribution>& all, Weighting weighting) {
  MeanFold fold =
      a_mean(bounds_of(all.front().values.size(), all.size(), total_rows(all)), weighting);
  for (const auto& one : all) {
    REQUIRE(fold.add(one.values, one.rows).has_value());
  }
  auto mean = fold.aggregate();
  REQUIRE(mean.has_value());
  return *std::move(mean);
}

// A sum of at most 32 products of 53 bits, in 64 bits of mantissa.
long double reference(const std::vector<Contribution>& all, Weighting weighting, std::size_t i) {
  long double sum = 0.0L;
  long double total = 0.0L;
  for (const auto& one : all) {
    const long double weight =
        weighting == Weighting::kEqual ? 1.0L : static_cast<long double>(one.rows);
    sum += weight * static_cast<long double>(one.values[i]);
    total += weight;
  }
  return sum / total;
}

}  // namespace

TEST_CASE("aggregation: a mean by rows weighs each update by its rows", "[aggregation]") {
  MeanFold fold = a_mean(bounds_of(3, 2, 4));
  REQUIRE(fold.add(std::vector{1.0F, -2.0F, 0.0F}, 1).has_value());
  REQUIRE(fold.add(std::vector{5.0F, 2.0F, -4.0F}, 3).has_value());
  CHECK(*fold.aggregate() == std::vector{4.0F, 1.0F, -3.0F});
  CHECK(fold.count() == 2);
  CHECK(fold.total_weight() == 4);
}

TEST_CASE("aggregation: an equal mean ignores rows", "[aggregation]") {
  MeanFold fold = a_mean(bounds_of(1, 2, 1), Weighting::kEqual);
  REQUIRE(fold.add(std::vector{1.0F}, 1).has_value());
  REQUIRE(fold.add(std::vector{2.0F}, 1000000).has_value());
  CHECK(*fold.aggregate() == std::vector{1.5F});
}

TEST_CASE("aggregation: the order of the updates changes no bit of a mean",
          "[aggregation][property]") {
  REQUIRE(rc::check("any permutation", [](std::uint64_t seed) {
    auto all = contributions(seed, 7, 65);
    const Weighting weighting = seed % 2 == 0 ? Weighting::kEqual : Weighting::kByRows;
    const auto before = mean_of(all, weighting);
    std::mt19937_64 random(seed ^ 1U);
    std::shuffle(all.begin(), all.end(), random);
    RC_ASSERT(mean_of(all, weighting) == before);
  }));
}

TEST_CASE("aggregation: naive float sums do depend on order where the exact mean does not",
          "[aggregation]") {
  const float big = 16777216.0F / 1024.0F;
  std::vector<Contribution> all = {{{big}, 1}, {{0x1p-11F}, 1}, {{0x1p-11F}, 1}, {{-big}, 1}};
  const auto naive = [&] {
    float sum = 0.0F;
    for (const auto& one : all) {
      sum += one.values[0];
    }
    return sum;
  };
  const float forward = naive();
  const auto exact = mean_of(all, Weighting::kEqual);
  std::rotate(all.begin(), all.begin() + 1, all.end());
  CHECK(naive() != forward);
  CHECK(mean_of(all, Weighting::kEqual) == exact);
  CHECK(exact == std::vector{0x1p-12F});
}

TEST_CASE("aggregation: a mean is within one ulp of a long double reference",
          "[aggregation][property]") {
  REQUIRE(rc::check("up to the fixed-point unit", [](std::uint64_t seed) {
    const auto all = contributions(seed, 1 + seed % 32, 33);
    for (const Weighting weighting : {Weighting::kEqual, Weighting::kByRows}) {
      const auto mean = mean_of(all, weighting);
      // Each of n products is off by half a unit of 2^-47 * W at most (mean.hpp), W rounded up.
      const long double unit = std::ldexp(static_cast<long double>(all.size()), -47);
      for (std::size_t i = 0; i < mean.size(); ++i) {
        const long double expected = reference(all, weighting, i);
        const float nearest = static_cast<float>(expected);
        const float next = std::nextafter(std::fabs(nearest), INFINITY);
        const long double ulp = static_cast<long double>(next - std::fabs(nearest));
        const long double difference = std::fabs(static_cast<long double>(mean[i]) - expected);
        RC_ASSERT(difference <= ulp + unit);
      }
    }
  }));
}

TEST_CASE("aggregation: extremes at the bounds neither overflow nor lose a bit", "[aggregation]") {
  const std::uint64_t updates = GENERATE(1U, 2U, 3U, 100U, 127U, 128U, 129U, 1000U);
  const float value = GENERATE(1.0F, -1.0F) * kMaxMagnitude;
  MeanFold equal = a_mean(bounds_of(2, updates, 1), Weighting::kEqual);
  MeanFold by_rows = a_mean(bounds_of(
      2, 1, updates * kMaxWeight > kMaxTotalWeight ? kMaxTotalWeight : updates * kMaxWeight));
  for (std::uint64_t i = 0; i < updates; ++i) {
    REQUIRE(equal.add(std::vector{value, -value}, 1).has_value());
    if (kMaxTotalWeight - by_rows.total_weight() >= kMaxWeight) {
      REQUIRE(by_rows.add(std::vector{value, -value}, kMaxWeight).has_value());
    }
  }
  CHECK(*equal.aggregate() == std::vector{value, -value});
  CHECK(*by_rows.aggregate() == std::vector{value, -value});
}

TEST_CASE("aggregation: the unit leaves head-room of two bits at every total weight",
          "[aggregation]") {
  for (std::uint64_t total = 1; total <= kMaxTotalWeight; total = total * 2 + 1) {
    const MeanFold fold = a_mean(bounds_of(1, 1, total));
    const double largest =
        std::ldexp(static_cast<double>(total) * double{kMaxMagnitude}, fold.fraction_bits());
    CHECK(largest <= 0x1p62);
    CHECK(largest > 0x1p60);
  }
}

TEST_CASE("aggregation: a refused update leaves the mean as it was", "[aggregation]") {
  using Limits = std::numeric_limits<float>;
  const float bad = GENERATE(Limits::quiet_NaN(),
                             -Limits::quiet_NaN(),
                             Limits::infinity(),
                             -Limits::infinity(),
                             32768.004F,
                             -32768.004F,
                             Limits::max());
  // Before, in and after the first block; the last value; alone.
  const std::size_t size = 10000;
  const std::size_t place = GENERATE(0U, 2047U, 2048U, 5000U, 9999U);
  std::mt19937_64 random(7);
  std::vector<float> good(size);
  std::generate(good.begin(), good.end(), [&] { return a_value(random); });
  std::vector<float> spoilt(size);
  std::generate(spoilt.begin(), spoilt.end(), [&] { return a_value(random); });
  spoilt[place] = bad;

  MeanFold fold = a_mean(bounds_of(size, 3, 100));
  REQUIRE(fold.add(good, 3).has_value());
  const auto before = *fold.aggregate();
  const Status refused = fold.add(spoilt, 5);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::kInvalidArgument);
  CHECK_THAT(refused.error().message, ContainsSubstring("element " + std::to_string(place) + " "));
  CHECK(*fold.aggregate() == before);
  CHECK(fold.count() == 1);
  CHECK(fold.total_weight() == 3);
}

TEST_CASE("aggregation: a mean refuses wrong sizes, weights and bounds by name", "[aggregation]") {
  CHECK(MeanFold::create(bounds_of(0, 1, 1), Weighting::kEqual).error().code ==
        Errc::kInvalidArgument);
  CHECK(MeanFold::create(bounds_of(1, 0, 1), Weighting::kEqual).error().code ==
        Errc::kInvalidArgument);
  CHECK(MeanFold::create(bounds_of(1, 1, kMaxTotalWeight + 1), Weighting::kByRows).error().code ==
        Errc::kResourceExhausted);

  MeanFold fold = a_mean(bounds_of(2, 10, 100));
  CHECK(fold.aggregate().error().code == Errc::kFailedPrecondition);
  CHECK_THAT(fold.add(std::vector{1.0F}, 1).error().message,
             ContainsSubstring("expected 2 values but received 1"));
  CHECK_THAT(fold.add(std::vector{1.0F, 2.0F}, 0).error().message, ContainsSubstring("no rows"));
  REQUIRE(fold.add(std::vector{1.0F, 2.0F}, 60).has_value());
  CHECK(fold.add(std::vector{1.0F, 2.0F}, 41).error().code == Errc::kResourceExhausted);
  CHECK(fold.add(std::vector{1.0F, 2.0F}, 40).has_value());
  CHECK(fold.total_weight() == 100);

  MeanFold huge = a_mean(bounds_of(1, 1, kMaxTotalWeight));
  CHECK(huge.add(std::vector{1.0F}, kMaxWeight + 1).error().code == Errc::kResourceExhausted);
}

}  // namespace genesis::aggregation
