#include "common/aggregation/weighted_order.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "common/aggregation/median.hpp"
#include "common/aggregation/trimmed_mean.hpp"
#include "common/aggregation/weights.hpp"
#include "tests/support/catch.hpp"

namespace genesis::aggregation {
namespace {

using Updates = std::vector<std::vector<float>>;
using Weights = std::vector<std::uint64_t>;

struct Weighed {
  Updates updates;
  Weights weights;
};

// Few distinct values, so that many are equal.
Weighed draw(std::size_t count, std::size_t size, std::mt19937_64& random) {
  Weighed drawn;
  for (std::size_t i = 0; i < count; ++i) {
    drawn.weights.push_back(1 + random() % 7);
    std::vector<float> update(size);
    std::ranges::generate(update, [&] { return static_cast<float>(random() % 21) / 4 - 2; });
    drawn.updates.push_back(std::move(update));
  }
  return drawn;
}

// Every update as many times as it weighs: the usual median and trimmed mean of those.
Updates repeated(const Weighed& drawn) {
  Updates repeated;
  for (std::size_t i = 0; i < drawn.updates.size(); ++i) {
    repeated.insert(repeated.end(), drawn.weights[i], drawn.updates[i]);
  }
  return repeated;
}

template <typename SomeFold>
std::vector<float> fold(const Updates& updates, const Weights& rows, double share = 0.2) {
  auto made = SomeFold::create({.size = updates.front().size(),
                                .max_updates = updates.size(),
                                .max_total_rows = 1U << 30U,
                                .trimmed_share = share});
  REQUIRE(made);
  for (std::size_t i = 0; i < updates.size(); ++i) {
    REQUIRE(made->add(updates[i], rows[i]));
  }
  return *made->aggregate();
}

}  // namespace

TEST_CASE("aggregation: a weighted median is that of updates as often as they weigh",
          "[aggregation][property]") {
  REQUIRE(rc::check("weighted median", [] {
    std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
    const auto drawn = draw(*rc::gen::inRange<std::size_t>(1, 12), 130, random);
    const auto copies = repeated(drawn);
    const auto expected = fold<MedianFold>(copies, Weights(copies.size(), 1));
    RC_ASSERT(middles(drawn.updates, drawn.weights, 0.5, 2) == expected);
  }));
}

TEST_CASE("aggregation: what lies across the end of the trimmed weight is left out whole",
          "[aggregation]") {
  const Updates updates{{0.0F}, {1.0F}, {4.0F}, {9.0F}};
  // Of a weight of 10, 2 are left out at each end: 0 (3 wide) lies across, 9 (2 wide) is outside.
  CHECK(middles(updates, Weights{3, 4, 1, 2}, 0.2, 1) == std::vector{(1.0F * 4 + 4.0F * 1) / 5});
  CHECK(middles(updates, Weights{1, 4, 3, 2}, 0.5, 1) == std::vector{2.5F});
  CHECK(middles(updates, Weights{1, 7, 1, 1}, 0.2, 1) == std::vector{1.0F});
}

TEST_CASE("aggregation: with equal weights the middle is the usual one", "[aggregation]") {
  std::mt19937_64 random(11);
  for (const std::size_t count : {1U, 2U, 3U, 5U, 8U, 17U}) {
    const auto drawn = draw(count, 67, random);
    const Weights equal(count, 5);
    CHECK(middles(drawn.updates, equal, 0.5, 1) == fold<MedianFold>(drawn.updates, equal));
  }
}

TEST_CASE("aggregation: neither order nor threads change a bit of a weighted middle",
          "[aggregation]") {
  std::mt19937_64 random(3);
  auto drawn = draw(9, 4 * 65536, random);
  const auto before = middles(drawn.updates, drawn.weights, 0.3, 1);
  std::vector<std::size_t> order(9);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, random);
  Weighed shuffled;
  for (const auto i : order) {
    shuffled.updates.push_back(drawn.updates[i]);
    shuffled.weights.push_back(drawn.weights[i]);
  }
  CHECK(middles(shuffled.updates, shuffled.weights, 0.3, 3) == before);
}

TEST_CASE("aggregation: members with few rows, though many, do not decide a median",
          "[aggregation]") {
  const Updates updates{{1.0F}, {1.1F}, {1.2F}, {1.3F}, {9.0F}, {9.0F}, {9.0F}};
  const Weights rows{3000, 5000, 8000, 9000, 260, 260, 260};
  CHECK(fold<MedianFold>(updates, rows)[0] <= 1.2F);
  CHECK(fold<TrimmedMeanFold>(updates, rows, 0.4)[0] <= 1.2F);
  // Nor does one that claims many: it weighs what the median site does.
  const Weights claimed{3000, 5000, 8000, 9000, 1U << 29U};
  CHECK(fold<MedianFold>(Updates(updates.begin(), updates.begin() + 5), claimed)[0] <= 1.3F);
}

TEST_CASE("aggregation: weights go up to the lower median", "[aggregation]") {
  CHECK(up_to_median({}).empty());
  CHECK(up_to_median({7}) == Weights{7});
  CHECK(up_to_median({7, 3}) == Weights{3, 3});
  CHECK(up_to_median({9, 1, 5}) == Weights{5, 1, 5});
  CHECK(up_to_median({9, 1, 5, 6}) == Weights{5, 1, 5, 5});
}

}  // namespace genesis::aggregation
