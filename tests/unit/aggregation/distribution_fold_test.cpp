#include "common/aggregation/distribution_fold.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"

namespace genesis::aggregation {
namespace {

using Counts = std::vector<std::uint64_t>;

constexpr double kMedian = 0.5;
constexpr std::uint64_t kMostRows = 1U << 30U;

DistributionFold fold_of(std::vector<std::size_t> groups, double aside = kMedian) {
  return {std::move(groups), aside, kMostRows};
}

}  // namespace

TEST_CASE("aggregation: sites that agree on a distribution get it, of the rows of all",
          "[aggregation]") {
  for (const double aside : {kMedian, 0.2, 0.0}) {
    auto fold = fold_of({1, 3, 2}, aside);
    REQUIRE(fold.add(Counts{100, 10, 30, 60, 50, 50}, 100));
    REQUIRE(fold.add(Counts{200, 20, 60, 120, 100, 100}, 200));
    REQUIRE(fold.add(Counts{10, 1, 3, 6, 5, 5}, 10));
    CHECK(*fold.aggregate() == Counts{310, 31, 93, 186, 155, 155});
  }
}

TEST_CASE(
    "aggregation: a minority that counts all its rows in one place moves a distribution no "
    "further than the others reach",
    "[aggregation]") {
  auto fold = fold_of({1, 4});
  REQUIRE(fold.add(Counts{100, 20, 30, 20, 30}, 100));
  REQUIRE(fold.add(Counts{100, 22, 28, 22, 28}, 100));
  REQUIRE(fold.add(Counts{100, 18, 32, 18, 32}, 100));
  REQUIRE(fold.add(Counts{100'000, 0, 0, 100'000, 0}, 100'000));
  REQUIRE(fold.add(Counts{100'000, 0, 0, 100'000, 0}, 100'000));
  const auto counts = *fold.aggregate();
  const auto rows = static_cast<double>(counts[0]);
  CHECK(static_cast<double>(counts[1]) / rows == Approx(0.18));
  CHECK(static_cast<double>(counts[1] + counts[2]) / rows == Approx(0.5));
  CHECK(static_cast<double>(counts[4]) / rows == Approx(0.28));
}

TEST_CASE(
    "aggregation: a median of distributions adds up, and keeps what is spread over values "
    "that few rows hold",
    "[aggregation]") {
  // Each value is held at one site alone, so that a median of each count by itself would be 0.
  constexpr std::size_t kSites = 5;
  constexpr std::size_t kValues = 500;
  auto fold = fold_of({1, kValues});
  std::mt19937_64 random(3);
  std::vector<std::size_t> values(kValues);
  std::iota(values.begin(), values.end(), std::size_t{0});
  std::ranges::shuffle(values, random);
  for (std::size_t site = 0; site < kSites; ++site) {
    Counts counts(1 + kValues, 0);
    counts[0] = kValues / kSites;
    for (std::size_t i = 0; i < counts[0]; ++i) {
      counts[1 + values[site * counts[0] + i]] = 1;
    }
    REQUIRE(fold.add(counts, counts[0]));
  }
  const auto counts = *fold.aggregate();
  CHECK(counts[0] == kValues);
  CHECK(std::reduce(counts.begin() + 1, counts.end()) == kValues);
  const auto middle = counts.begin() + 1 + static_cast<std::ptrdiff_t>(kValues / 2);
  const auto below = std::reduce(counts.begin() + 1, middle);
  CHECK(below > 230);
  CHECK(below < 270);
}

TEST_CASE(
    "aggregation: many small sites do not outvote the rows of others, nor one that claims most",
    "[aggregation]") {
  auto fold = fold_of({1, 2});
  for (int site = 0; site < 4; ++site) {
    REQUIRE(fold.add(Counts{1000, 300, 700}, 1000));
  }
  for (int site = 0; site < 3; ++site) {
    REQUIRE(fold.add(Counts{10, 10, 0}, 10));
  }
  REQUIRE(fold.add(Counts{1'000'000, 1'000'000, 0}, 1'000'000));
  const auto counts = *fold.aggregate();
  CHECK(static_cast<double>(counts[1]) / static_cast<double>(counts[0]) == Approx(0.3));
}

TEST_CASE("aggregation: what is left aside of distributions is left aside by weight",
          "[aggregation]") {
  auto fold = fold_of({1, 2}, 0.25);
  for (const std::uint64_t first : {0U, 20U, 40U, 100U}) {
    REQUIRE(fold.add(Counts{100, first, 100 - first}, 100));
  }
  CHECK(*fold.aggregate() == Counts{400, 120, 280});  // the mean of 20% and 40%
}

TEST_CASE("aggregation: distributions in any order of arrival give the same counts",
          "[aggregation]") {
  std::mt19937_64 random(5);
  std::vector<Counts> sites;
  for (std::uint64_t rows = 50; rows < 400; rows += 31) {
    Counts counts(1 + 40, 0);
    counts[0] = rows;
    for (std::uint64_t row = 0; row < rows; ++row) {
      ++counts[1 + random() % 40];
    }
    sites.push_back(std::move(counts));
  }
  const auto counts_of = [&] {
    auto fold = fold_of({1, 40}, 0.2);
    for (const auto& site : sites) {
      REQUIRE(fold.add(site, site[0]));
    }
    return *fold.aggregate();
  };
  const auto first = counts_of();
  std::ranges::shuffle(sites, random);
  CHECK(counts_of() == first);
}

TEST_CASE("aggregation: lists that are not distributions of the rows are refused",
          "[aggregation]") {
  auto fold = fold_of({1, 2});
  CHECK(fold.add(Counts{10, 5, 5}, 0).error().code == Errc::kInvalidArgument);
  CHECK(fold.add(Counts{10, 5}, 10).error().code == Errc::kInvalidArgument);
  CHECK(fold.add(Counts{10, 5, 6}, 10).error().code == Errc::kInvalidArgument);
  CHECK(fold.add(Counts{10, 5, 4}, 10).error().code == Errc::kInvalidArgument);
  CHECK(fold.add(Counts{kMostRows + 1, 1, kMostRows}, kMostRows + 1).error().code ==
        Errc::kResourceExhausted);
  CHECK(fold.aggregate().error().code == Errc::kFailedPrecondition);
}

}  // namespace genesis::aggregation
