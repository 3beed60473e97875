#include "common/aggregation/weights.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

namespace genesis::aggregation {
namespace {

using Rows = std::vector<std::uint64_t>;

constexpr auto kNoCap = std::numeric_limits<std::uint64_t>::max();

double largest_share(const Rows& rows, std::uint64_t cap, std::uint64_t declared) {
  auto sum = static_cast<double>(declared);
  double largest = 0.0;
  for (const auto count : rows) {
    const auto weight = static_cast<double>(std::min(count, cap));
    sum += weight;
    largest = std::max(largest, weight);
  }
  return largest / sum;
}

}  // namespace

TEST_CASE("aggregation: a claim of 2^29 rows weighs no more than all others together",
          "[aggregation]") {
  const auto cap = weight_cap(Rows{150, 160, 536'870'911}, {}, 0.5);
  CHECK(cap == 310);
  CHECK(weight_cap(Rows{150, 160}, Rows{300}, 0.5) == kNoCap);
  CHECK(weight_cap(Rows{536'870'911}, Rows{150, 160}, 0.5) == 310);
}

TEST_CASE("aggregation: shares that are within the bound, of few, or of all are not capped",
          "[aggregation]") {
  CHECK(weight_cap(Rows{8426, 9843, 4180, 3600}, {}, 0.5) == kNoCap);
  CHECK(weight_cap(Rows{1, 536'870'911}, {}, 0.5) == kNoCap);
  CHECK(weight_cap(Rows{1, 1, 536'870'911}, {}, 1.0) == kNoCap);
  CHECK(weight_cap({}, Rows{1, 2, 3}, 0.5) == kNoCap);
}

TEST_CASE("aggregation: a share that nobody can keep makes all weigh alike", "[aggregation]") {
  CHECK(weight_cap(Rows{10, 20, 30}, {}, 0.1) == 10);
}

TEST_CASE("aggregation: the cap is the largest that keeps every undeclared share",
          "[aggregation]") {
  CHECK(rc::check([] {
    const auto rows =
        *rc::gen::suchThat(rc::gen::container<Rows>(rc::gen::inRange<std::uint64_t>(1, 1'000'000)),
                           [](const Rows& r) { return r.size() >= 3 && r.size() <= 40; });
    const auto declared = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
    const double share = *rc::gen::inRange(34, 100) / 100.0;
    const auto cap = weight_cap(rows, Rows{declared}, share);
    RC_ASSERT(largest_share(rows, cap, declared) <= share * (1.0 + 1e-12));
    if (cap != kNoCap) {
      RC_ASSERT(largest_share(rows, cap + 1, declared) > share * (1.0 - 1e-12));
      auto other_order = rows;
      std::reverse(other_order.begin(), other_order.end());
      RC_ASSERT(weight_cap(other_order, Rows{declared}, share) == cap);
    }
  }));
}

TEST_CASE("aggregation: counts of fewer rows keep their proportions and their sum",
          "[aggregation]") {
  CHECK(apportioned(Rows{300, 100, 0}, 400, 4) == Rows{3, 1, 0});
  CHECK(apportioned(Rows{1, 1, 1}, 3, 2) == Rows{1, 1, 0});
  CHECK(apportioned(Rows{536'870'911}, 536'870'911, 310) == Rows{310});
  CHECK(rc::check([] {
    const auto counts =
        *rc::gen::nonEmpty(rc::gen::container<Rows>(rc::gen::inRange<std::uint64_t>(0, 1'000'000)));
    const auto rows = std::accumulate(counts.begin(), counts.end(), std::uint64_t{1});
    const auto weight = *rc::gen::inRange<std::uint64_t>(1, rows + 1);
    const auto scaled = apportioned(counts, rows, weight);
    const auto sum = std::accumulate(scaled.begin(), scaled.end(), std::uint64_t{0});
    RC_ASSERT(sum == (rows - 1) * weight / rows);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      RC_ASSERT(scaled[i] <= counts[i]);
      RC_ASSERT(scaled[i] + 1 >= counts[i] * weight / rows);
    }
  }));
}

}  // namespace genesis::aggregation
