#include "common/secure/sum_format.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

namespace genesis::secure {

TEST_CASE("secure: the head-room holds any sum of weighted values", "[secure][property]") {
  REQUIRE(rc::check("sums come back with their sign", [] {
    const auto bits = *rc::gen::inRange(2U, 30U);
    const auto weights = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(1, 70000)));
    const auto total = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    const auto format = SumFormat::make(bits, total).value();
    const std::int64_t most = format.largest();
    Words sum(3);
    std::int64_t expected = 0;
    for (const std::uint64_t weight : weights) {
      const auto value = *rc::gen::inRange(-most, most + 1);
      // The extremes in places 1 and 2: what head-room must hold.
      add(sum, format.encode(std::vector{value, most, -most}, weight).value());
      expected += value * static_cast<std::int64_t>(weight);
    }
    reduce(sum, format.word_bits());
    const auto decoded = format.decode(sum, total);
    RC_ASSERT(decoded.has_value());
    const std::int64_t extreme = most * static_cast<std::int64_t>(total);
    RC_ASSERT(*decoded == (std::vector{expected, extreme, -extreme}));
  }));
}

TEST_CASE("secure: one bit less of head-room would not hold the extremes", "[secure]") {
  // 2^c members of weight 1: a sum needs c bits more than a value.
  for (const std::uint64_t members : {2U, 4U, 64U}) {
    const auto format = SumFormat::make(8, members).value();
    const std::uint64_t extreme = members * 127;
    CHECK(extreme < std::uint64_t{1} << (format.word_bits() - 1));
    CHECK(extreme >= std::uint64_t{1} << (format.word_bits() - 2));
  }
  CHECK(SumFormat::make(8, 1)->word_bits() == 8);
  CHECK(SumFormat::make(8, 3)->word_bits() == 10);
  CHECK(SumFormat::make(20, 26048)->word_bits() == 35);
}

TEST_CASE("secure: what does not fit is refused before it is masked", "[secure]") {
  const auto format = SumFormat::make(8, 10).value();
  CHECK(format.encode(std::vector<std::int64_t>{127, -127}, 10));
  for (const std::int64_t value : {std::int64_t{128}, std::int64_t{-128}}) {
    const auto words = format.encode(std::vector<std::int64_t>{0, value}, 1);
    REQUIRE_FALSE(words);
    CHECK(words.error().code == Errc::kInvalidArgument);
    CHECK_THAT(words.error().message, ContainsSubstring("value 1 does not fit into 8 bits"));
  }
  CHECK_FALSE(format.encode(std::vector<std::int64_t>{1}, 0));
  CHECK_FALSE(format.encode(std::vector<std::int64_t>{1}, 11));
  CHECK_FALSE(SumFormat::make(1, 1));
  CHECK_FALSE(SumFormat::make(63, 1));
  CHECK_FALSE(SumFormat::make(32, 0));
  CHECK_FALSE(SumFormat::make(32, std::numeric_limits<std::uint64_t>::max()));
  CHECK_THAT(SumFormat::make(60, 8).error().message, ContainsSubstring("valueBits"));
}

TEST_CASE("secure: a sum that no honest members can have is noticed", "[secure]") {
  const auto format = SumFormat::make(8, 16).value();
  const std::uint64_t beyond = 127 * 3 + 1;
  CHECK(format.decode(Words{beyond - 1}, 3));
  const auto sum = format.decode(Words{beyond}, 3);
  REQUIRE_FALSE(sum);
  CHECK(sum.error().code == Errc::kDataLoss);
}

TEST_CASE("secure: floats are clipped, rounded and lose nothing with the residual", "[secure]") {
  const auto fixed = FixedPoint::make(0.5, 8).value();
  const std::vector<float> values{0, 0.5F, -0.5F, 2, -2, 0.1F, 0x1p-149F};
  const auto quantized = fixed.quantize(values).value();
  CHECK(quantized.values == std::vector<std::int64_t>{0, 127, -127, 127, -127, 25, 0});
  CHECK(quantized.saturated == 2);
  CHECK(quantized.residual[3] == 1.5F);
  const auto back = fixed.mean(quantized.values, 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK_THAT(back[i] + static_cast<double>(quantized.residual[i]),
               WithinAbs(static_cast<double>(values[i]), 1e-7));
  }
  CHECK_THAT(fixed.mean(std::vector<std::int64_t>{254}, 4)[0], WithinAbs(0.25, 1e-12));
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    CHECK_FALSE(fixed.quantize(std::vector<float>{0, bad}));
  }
  CHECK_FALSE(FixedPoint::make(0, 8));
  CHECK_FALSE(FixedPoint::make(NAN, 8));
  CHECK_FALSE(FixedPoint::make(INFINITY, 8));
  CHECK_FALSE(FixedPoint::make(1, 1));
  CHECK_FALSE(FixedPoint::make(1, 33));
}

}  // namespace genesis::secure
