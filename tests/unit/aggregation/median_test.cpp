#include "common/aggregation/median.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <rapidcheck.h>

#include "common/aggregation/sorting_network.hpp"
#include "tests/support/catch.hpp"

namespace genesis::aggregation {
namespace {

using Updates = std::vector<std::vector<float>>;

FoldBounds bounds_of(std::size_t size, std::uint64_t updates) {
  return {.size = size, .max_updates = updates, .max_total_rows = 1, .threads = 1};
}

Updates random_updates(std::uint64_t seed, std::size_t count, std::size_t size) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> values(-2.0F, 2.0F);
  Updates updates(count, std::vector<float>(size));
  for (auto& update : updates) {
    // Rounded so that ties occur.
    std::generate(
        update.begin(), update.end(), [&] { return std::round(values(random) * 8.0F) / 8.0F; });
  }
  return updates;
}

std::vector<float> median_of(const Updates& updates) {
  auto fold = MedianFold::create(bounds_of(updates.front().size(), updates.size()));
  REQUIRE(fold.has_value());
  for (const auto& update : updates) {
    REQUIRE(fold->add(update, 1).has_value());
  }
  auto median = fold->aggregate();
  REQUIRE(median.has_value());
  return *std::move(median);
}

float scalar_median(const Updates& updates, std::size_t i) {
  std::vector<double> column;
  for (const auto& update : updates) {
    column.push_back(double{update[i]});
  }
  std::sort(column.begin(), column.end());
  return static_cast<float>((column[(column.size() - 1) / 2] + column[column.size() / 2]) / 2.0);
}

}  // namespace

TEST_CASE("aggregation: a median of three ignores one wild site", "[aggregation]") {
  CHECK(median_of({{1.0F, 2.0F}, {1.5F, 2.5F}, {30000.0F, -30000.0F}}) == std::vector{1.5F, 2.0F});
}

TEST_CASE("aggregation: an even count takes the mean of the middle two", "[aggregation]") {
  CHECK(median_of({{1.0F}, {4.0F}, {2.0F}, {100.0F}}) == std::vector{3.0F});
  // Their sum would not be a float.
  CHECK(median_of({{1.0F}, {std::nextafter(1.0F, 2.0F)}}) == std::vector{1.0F});
}

TEST_CASE("aggregation: the median equals a sorted reference for every count",
          "[aggregation][property]") {
  for (std::size_t count = 1; count <= 40; ++count) {
    const Updates updates = random_updates(count, count, 131);
    const auto median = median_of(updates);
    for (std::size_t i = 0; i < median.size(); ++i) {
      REQUIRE(median[i] == scalar_median(updates, i));
    }
  }
}

TEST_CASE("aggregation: the order of the updates changes no bit of a median",
          "[aggregation][property]") {
  REQUIRE(rc::check("any permutation", [](std::uint64_t seed) {
    Updates updates = random_updates(seed, 2 + seed % 9, 70);
    const auto before = median_of(updates);
    std::mt19937_64 random(seed);
    std::shuffle(updates.begin(), updates.end(), random);
    RC_ASSERT(median_of(updates) == before);
  }));
}

TEST_CASE("aggregation: zeros of both signs have one median in any order", "[aggregation]") {
  const auto bits = [](const Updates& updates) {
    return std::bit_cast<std::uint32_t>(median_of(updates)[0]);
  };
  CHECK(bits({{0.0F}, {-0.0F}, {-0.0F}}) == bits({{-0.0F}, {0.0F}, {-0.0F}}));
  CHECK(bits({{-0.0F}, {0.0F}, {-0.0F}}) == bits({{-0.0F}, {-0.0F}, {0.0F}}));
}

TEST_CASE("aggregation: a median refuses what a mean refuses and stays as it was",
          "[aggregation]") {
  auto fold = *MedianFold::create(bounds_of(2, 2));
  CHECK(fold.aggregate().error().code == Errc::kFailedPrecondition);
  REQUIRE(fold.add(std::vector{1.0F, 2.0F}, 1).has_value());
  CHECK(fold.add(std::vector{1.0F, std::numeric_limits<float>::quiet_NaN()}, 1).error().code ==
        Errc::kInvalidArgument);
  CHECK(fold.add(std::vector{1.0F, 40000.0F}, 1).error().code == Errc::kInvalidArgument);
  CHECK(fold.add(std::vector{1.0F}, 1).error().code == Errc::kInvalidArgument);
  CHECK(fold.add(std::vector{1.0F, 1.0F}, 0).error().code == Errc::kInvalidArgument);
  CHECK(fold.count() == 1);
  CHECK(*fold.aggregate() == std::vector{1.0F, 2.0F});
  REQUIRE(fold.add(std::vector{3.0F, 4.0F}, 1).has_value());
  CHECK(fold.add(std::vector{3.0F, 4.0F}, 1).error().code == Errc::kResourceExhausted);

  CHECK(MedianFold::create(bounds_of(0, 1)).error().code == Errc::kInvalidArgument);
  CHECK(MedianFold::create(bounds_of(1, 0)).error().code == Errc::kInvalidArgument);
  CHECK(MedianFold::create(bounds_of(1, kMaxKeptUpdates + 1)).error().code ==
        Errc::kResourceExhausted);
}

TEST_CASE("aggregation: a median network places the middle of every 0-1 input", "[aggregation]") {
  // The 0-1 principle (Knuth, TAOCP 3, 5.3.4, Theorem Z): right on these, right on all.
  for (std::size_t wires = 1; wires <= 12; ++wires) {
    const auto network = median_network(wires);
    for (std::uint32_t input = 0; input < (1U << wires); ++input) {
      std::uint32_t values = input;
      for (const Exchange exchange : network) {
        const bool low_is_larger =
            ((values >> exchange.low) & 1U) > ((values >> exchange.high) & 1U);
        if (low_is_larger) {
          values ^= (1U << exchange.low) | (1U << exchange.high);
        }
      }
      const std::size_t zeros = wires - static_cast<std::size_t>(std::popcount(input));
      for (const std::size_t middle : {(wires - 1) / 2, wires / 2}) {
        REQUIRE(((values >> middle) & 1U) == (middle >= zeros ? 1U : 0U));
      }
    }
  }
}

}  // namespace genesis::aggregation
