#include "common/aggregation/exact_sum.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <rapidcheck.h>

#include "common/aggregation/validity.hpp"
#include "tests/support/catch.hpp"

namespace genesis::aggregation {
namespace {

// llrint rounds ties to even in the default mode, and the product of 24 and 29 bits is exact.
std::int64_t expected_sum(float value, double scale) {
  return std::llrint(static_cast<double>(value) * scale);
}

std::int64_t sum_of_one(float value, double scale) {
  std::vector<std::uint64_t> sums(1, 0);
  REQUIRE(add_scaled(sums, std::vector{value}, scale) == 1);
  return static_cast<std::int64_t>(sums[0]);
}

}  // namespace

TEST_CASE("aggregation: a value becomes the nearest fixed-point integer", "[aggregation]") {
  CHECK(sum_of_one(1.0F, 1.0) == 1);
  CHECK(sum_of_one(-1.0F, 0x1p40) == -(std::int64_t{1} << 40));
  CHECK(sum_of_one(0.5F, 1.0) == 0);  // ties to even
  CHECK(sum_of_one(1.5F, 1.0) == 2);
  CHECK(sum_of_one(2.5F, 1.0) == 2);
  CHECK(sum_of_one(-2.5F, 1.0) == -2);
  CHECK(sum_of_one(-0.0F, 0x1p40) == 0);
  CHECK(sum_of_one(kMaxMagnitude, 0x1p47) == std::int64_t{1} << 62);
  CHECK(sum_of_one(-kMaxMagnitude, 0x1p47) == -(std::int64_t{1} << 62));
  // Halves of 2^32, where the split of the product rounds.
  CHECK(sum_of_one(1.5F, 0x1p32) == std::int64_t{3} << 31);
  CHECK(sum_of_one(2.5F, 0x1p32) == std::int64_t{5} << 31);
  CHECK(sum_of_one(-0.5F, 0x1p32) == -(std::int64_t{1} << 31));
}

TEST_CASE("aggregation: every value, weight and unit rounds as the scalar reference",
          "[aggregation][property]") {
  REQUIRE(rc::check("equals llrint", [](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const double weight = static_cast<double>(1 + random() % ((std::uint64_t{1} << 29) - 1));
    const double scale = std::ldexp(weight, static_cast<int>(random() % 18));
    std::vector<float> values(4099);
    for (float& value : values) {
      value = std::ldexp(static_cast<float>(static_cast<std::int64_t>(random()) >> 40),
                         static_cast<int>(random() % 60) - 60 - 8);
    }
    std::vector<std::uint64_t> sums(values.size(), 42);
    RC_ASSERT(add_scaled(sums, values, scale) == values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      RC_ASSERT(static_cast<std::int64_t>(sums[i]) == 42 + expected_sum(values[i], scale));
    }
    RC_ASSERT(add_scaled(sums, values, -scale) == values.size());
    RC_ASSERT(sums == std::vector<std::uint64_t>(values.size(), 42));
  }));
}

TEST_CASE("aggregation: adding stops before the block of an invalid value", "[aggregation]") {
  for (const std::size_t size : {1U, 2048U, 2049U, 6000U}) {
    for (std::size_t bad = 0; bad < size; bad += 97) {
      std::vector<float> values(size, 1.0F);
      values[bad] = std::numeric_limits<float>::quiet_NaN();
      std::vector<std::uint64_t> sums(size, 0);
      const std::size_t added = add_scaled(sums, values, 1.0);
      REQUIRE(added <= bad);
      for (std::size_t i = 0; i < size; ++i) {
        REQUIRE(sums[i] == (i < added ? 1U : 0U));
      }
      REQUIRE(first_invalid(values) == bad);
    }
  }
}

TEST_CASE("aggregation: valid is finite and within the bound", "[aggregation]") {
  using Limits = std::numeric_limits<float>;
  CHECK_FALSE(first_invalid(std::vector{0.0F, -0.0F, kMaxMagnitude, -kMaxMagnitude, 1.0F}));
  CHECK_FALSE(first_invalid(std::vector{Limits::denorm_min(), -Limits::min()}));
  CHECK_FALSE(first_invalid({}));
  for (const float bad : {Limits::infinity(),
                          -Limits::infinity(),
                          Limits::quiet_NaN(),
                          -Limits::quiet_NaN(),
                          Limits::signaling_NaN(),
                          std::nextafter(kMaxMagnitude, Limits::infinity())}) {
    CHECK(first_invalid(std::vector{0.0F, bad, 0.0F}) == 1U);
  }
}

TEST_CASE("aggregation: a refusal says what the value was", "[aggregation]") {
  CHECK(invalid_value(3, NAN).value().message ==
        "update: element 3 is NaN; the client's training has diverged");
  CHECK(invalid_value(4, -INFINITY).value().message ==
        "update: element 4 is infinite; the client's training has diverged");
  CHECK(invalid_value(5, 65536.0F).value().message ==
        "update: element 5 is 65536.000000, beyond the bound of 32768; the client's training has "
        "diverged");
}

}  // namespace genesis::aggregation
