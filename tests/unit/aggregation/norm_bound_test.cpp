#include "common/aggregation/norm_bound.hpp"

#include <algorithm>
#include <vector>

#include "common/aggregation/direction.hpp"
#include "tests/support/catch.hpp"

namespace genesis::aggregation {

TEST_CASE("aggregation: the first bound lets weights move by 1 on average", "[aggregation]") {
  CHECK(first_norm_bound(10'000) == 100.0);
}

TEST_CASE("aggregation: the next bound is ten times the median, whatever the order",
          "[aggregation]") {
  std::vector<double> norms{3.0, 1.0, 1000.0};
  do {
    CHECK(next_norm_bound(norms, 1000.0) == 30.0);
  } while (std::ranges::next_permutation(norms).found);
  CHECK(next_norm_bound({2.0, 4.0}, 7.0) == 30.0);
  CHECK(next_norm_bound({}, 7.0) == 7.0);
  CHECK(next_norm_bound({0.0, 0.0, 5.0}, 7.0) == 7.0);
}

TEST_CASE("aggregation: a minority can't carry the bound", "[aggregation]") {
  double bound = 10.0;
  for (int round = 0; round < 20; ++round) {
    bound = next_norm_bound({1.0, 1.2, bound}, bound);
  }
  CHECK(bound == 12.0);
}

TEST_CASE("aggregation: what is longer keeps its direction", "[aggregation]") {
  const std::vector<float> update{3.0F, -4.0F};
  const auto scaled = scaled_to(update, norm(update), 2.5);
  CHECK(scaled == std::vector{1.5F, -2.0F});
}

}  // namespace genesis::aggregation
