#include "common/aggregation/strategy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "common/aggregation/parallel.hpp"
#include "tests/support/catch.hpp"

namespace genesis::aggregation {
namespace {

std::vector<float> aggregate(std::string_view strategy,
                             const std::vector<std::vector<float>>& updates,
                             const std::vector<std::uint64_t>& rows,
                             unsigned threads = 1) {
  const FoldBounds bounds{
      .size = updates.front().size(),
      .max_updates = updates.size(),
      .max_total_rows = std::accumulate(rows.begin(), rows.end(), std::uint64_t{0}),
      .threads = threads};
  auto fold = make_fold(strategy, bounds);
  REQUIRE(fold.has_value());
  for (std::size_t i = 0; i < updates.size(); ++i) {
    REQUIRE((*fold)->add(updates[i], rows[i]).has_value());
  }
  CHECK((*fold)->count() == updates.size());
  auto result = (*fold)->aggregate();
  REQUIRE(result.has_value());
  return *std::move(result);
}

}  // namespace

TEST_CASE("aggregation: each strategy does what its name says", "[aggregation]") {
  const std::vector<std::vector<float>> updates = {{0.0F}, {1.0F}, {8.0F}};
  const std::vector<std::uint64_t> rows = {1, 1, 6};
  CHECK(aggregate("fedavg", updates, rows) == std::vector{3.0F});
  CHECK(aggregate("weighted", updates, rows) == std::vector{6.125F});
  CHECK(aggregate("fedprox", updates, rows) == std::vector{6.125F});
  CHECK(aggregate("median", updates, rows) == std::vector{1.0F});
  CHECK(aggregate("trimmed-mean", updates, rows) == std::vector{1.0F});
}

TEST_CASE("aggregation: one update alone comes back unchanged from every strategy",
          "[aggregation]") {
  const std::vector<std::vector<float>> updates = {{0.25F, -32768.0F, 0x1p-20F, 0.0F}};
  for (const Strategy& strategy : strategies()) {
    CHECK(aggregate(strategy.name, updates, {12345}) == updates[0]);
  }
}

TEST_CASE("aggregation: the number of threads changes no bit of any strategy", "[aggregation]") {
  std::mt19937 random(3);
  std::normal_distribution<float> values(0.0F, 0.01F);
  std::vector<std::vector<float>> updates(5, std::vector<float>(3 * kMinValuesPerThread + 17));
  for (auto& update : updates) {
    for (float& value : update) {
      value = values(random);
    }
  }
  const std::vector<std::uint64_t> rows = {10, 20, 30, 40, 50};
  for (const Strategy& strategy : strategies()) {
    const auto alone = aggregate(strategy.name, updates, rows, 1);
    CHECK(aggregate(strategy.name, updates, rows, 2) == alone);
    CHECK(aggregate(strategy.name, updates, rows, 3) == alone);
  }
}

TEST_CASE("aggregation: a refusal on one thread takes back what the others added",
          "[aggregation]") {
  const std::size_t size = 2 * kMinValuesPerThread;
  const FoldBounds bounds{.size = size, .max_updates = 2, .max_total_rows = 10, .threads = 2};
  for (const Strategy& strategy : strategies()) {
    auto fold = *strategy.make(bounds);
    REQUIRE(fold->add(std::vector<float>(size, 0.5F), 1).has_value());
    std::vector<float> spoilt(size, 1.0F);
    spoilt[size - 1] = INFINITY;
    CHECK_FALSE(fold->add(spoilt, 1).has_value());
    CHECK(*fold->aggregate() == std::vector<float>(size, 0.5F));
  }
}

TEST_CASE("aggregation: an unknown strategy is refused with the known ones", "[aggregation]") {
  const auto fold = make_fold("krum", FoldBounds{.size = 1, .max_updates = 1, .max_total_rows = 1});
  REQUIRE_FALSE(fold.has_value());
  CHECK(fold.error().message ==
        "aggregation.strategy: \"krum\" is not one of fedavg, weighted, fedprox, median, "
        "trimmed-mean");
}

TEST_CASE("aggregation: ranges cover everything once", "[aggregation]") {
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 131072U, 131073U, 1000003U}) {
    for (const unsigned threads : {0U, 1U, 2U, 3U, 7U}) {
      std::size_t next = 0;
      const auto ranges = split(size, threads);
      for (const Range& range : ranges) {
        REQUIRE(range.begin == next);
        REQUIRE(range.end > range.begin);
        next = range.end;
      }
      REQUIRE(next == size);
      REQUIRE(ranges.size() <= std::max(1U, threads));
    }
  }
}

}  // namespace genesis::aggregation
