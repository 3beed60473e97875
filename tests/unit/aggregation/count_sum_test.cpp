#include "common/aggregation/count_sum.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::aggregation;

TEST_CASE("aggregation: counts add up, and what does not fit changes nothing", "[aggregation]") {
  CountSum sum(2);
  const auto add = [&](std::vector<std::uint64_t> counts) { return sum.add(counts); };
  REQUIRE(add({1, 2}));
  REQUIRE(add({10, 20}));
  CHECK(add({1}).error().code == Errc::kInvalidArgument);
  CHECK(add({1, CountSum::kLargest + 1}).error().code == Errc::kInvalidArgument);
  CHECK(add({1, CountSum::kLargest}).error().code == Errc::kResourceExhausted);
  CHECK(sum.total() == std::vector<std::uint64_t>{11, 22});
}
