#include "common/aggregation/direction.hpp"

#include <cmath>

#include "tests/support/catch.hpp"

using namespace genesis::aggregation;

namespace {

Direction compare(const std::vector<float>& update, std::vector<float> step) {
  Compass compass;
  compass.point(std::move(step));
  return compass.of(update);
}

}  // namespace

TEST_CASE("aggregation: divergence is 0 along the step, 1 across it, 2 against it",
          "[aggregation]") {
  CHECK(*compare({5, 0}, {2, 0}).divergence == 0.0);
  CHECK(*compare({0, 3}, {2, 0}).divergence == 1.0);
  CHECK(*compare({-1, 0}, {2, 0}).divergence == 2.0);
}

TEST_CASE("aggregation: norm and divergence of long vectors are those of the plain sums",
          "[aggregation]") {
  for (const std::size_t size : {1003U, 1000U, 7U, 8U, 1U}) {
    std::vector<float> a(size);
    std::vector<float> b(size);
    double product = 0.0;
    double squares_a = 0.0;
    double squares_b = 0.0;
    for (std::size_t i = 0; i < size; ++i) {
      a[i] = static_cast<float>(i % 17) - 8.5F;
      b[i] = static_cast<float>(i % 5) + 0.25F;
      product += static_cast<double>(a[i]) * static_cast<double>(b[i]);
      squares_a += static_cast<double>(a[i]) * static_cast<double>(a[i]);
      squares_b += static_cast<double>(b[i]) * static_cast<double>(b[i]);
    }
    const auto found = compare(a, b);
    CHECK_THAT(found.norm, WithinRel(std::sqrt(squares_a), 1e-12));
    CHECK_THAT(norm(b), WithinRel(std::sqrt(squares_b), 1e-12));
    CHECK_THAT(*found.divergence,
               WithinAbs(1.0 - product / std::sqrt(squares_a * squares_b), 1e-12));
  }
}

TEST_CASE("aggregation: without a step, with another size or zeros there is no divergence",
          "[aggregation]") {
  const std::vector<float> update{3, 4};
  CHECK_FALSE(Compass().of(update).divergence);
  CHECK(Compass().of(update).norm == 5.0);
  CHECK_FALSE(compare(update, {1, 2, 3}).divergence);
  CHECK_FALSE(compare(update, {0, 0}).divergence);
  CHECK_FALSE(compare({0, 0}, {1, 2}).divergence);
}
