#include "common/model/noise.hpp"

#include <cmath>
#include <vector>

#include "common/base/vector_math.hpp"
#include "tests/support/catch.hpp"

namespace genesis::model {
namespace {

constexpr std::size_t kCount = 1U << 20;

NoiseStream stream(std::uint64_t seed) {
  return NoiseStream(Rng(seed, RoundId{1}, "site", "noise test"));
}

struct Moments4 {
  double mean = 0.0, variance = 0.0, third = 0.0, fourth = 0.0;  // central but the first
};

Moments4 moments(const std::vector<float>& values) {
  Moments4 m;
  const auto count = static_cast<double>(values.size());
  for (const float v : values) {
    m.mean += static_cast<double>(v) / count;
  }
  for (const float v : values) {
    const double d = static_cast<double>(v) - m.mean;
    m.variance += d * d / count;
    m.third += d * d * d / count;
    m.fourth += d * d * d * d / count;
  }
  return m;
}

}  // namespace

TEST_CASE("model: normal noise has the moments and tails of a standard normal",
          "[model][statistical]") {
  std::vector<float> values(kCount);
  stream(1).normal(values);
  const auto m = moments(values);
  CHECK_THAT(m.mean, WithinAbs(0.0, 0.005));
  CHECK_THAT(m.variance, WithinAbs(1.0, 0.007));
  CHECK_THAT(m.third, WithinAbs(0.0, 0.02));
  CHECK_THAT(m.fourth, WithinAbs(3.0, 0.05));
  std::size_t beyond3 = 0;
  double neighbours = 0.0;
  for (std::size_t i = 0; i < kCount; ++i) {
    beyond3 += std::abs(values[i]) > 3.0F ? 1U : 0U;
    neighbours += static_cast<double>(values[i] * values[(i + 16) % kCount]);
  }
  CHECK_THAT(static_cast<double>(beyond3) / kCount, WithinRel(0.0026998, 0.1));
  CHECK_THAT(neighbours / kCount, WithinAbs(0.0, 0.005));  // a pair's two halves
}

TEST_CASE("model: exponential and uniform noise stay inside their ranges", "[model][statistical]") {
  std::vector<float> values(kCount);
  stream(2).uniform(values);
  auto m = moments(values);
  CHECK_THAT(m.mean, WithinAbs(0.5, 0.002));
  CHECK_THAT(m.variance, WithinAbs(1.0 / 12.0, 0.001));
  for (const float v : values) {
    if (v <= 0.0F || v >= 1.0F) {
      FAIL("a uniform of " << v);
    }
  }
  stream(3).exponential(values);
  m = moments(values);
  CHECK_THAT(m.mean, WithinAbs(1.0, 0.005));
  CHECK_THAT(m.variance, WithinAbs(1.0, 0.02));
  for (const float v : values) {
    if (!(v > 0.0F) || v > 17.4F) {
      FAIL("an exponential of " << v);
    }
  }
}

TEST_CASE("model: dropout keeps half and doubles it", "[model][statistical]") {
  std::vector<float> values(kCount + 5);
  stream(4).dropout(values);
  std::size_t kept = 0;
  for (const float v : values) {
    REQUIRE((v == 0.0F || v == 2.0F));
    kept += v == 2.0F ? 1U : 0U;
  }
  CHECK_THAT(static_cast<double>(kept) / static_cast<double>(values.size()), WithinAbs(0.5, 0.003));
}

TEST_CASE("model: a stream repeats for its name and differs for another", "[model]") {
  std::vector<float> a(1001), b(1001), c(1001);
  stream(5).normal(a);
  stream(5).normal(b);
  stream(6).normal(c);
  CHECK(a == b);
  CHECK(a != c);
  // A shorter draw is the beginning of a longer one.
  std::vector<float> head(37);
  stream(5).normal(head);
  CHECK(std::equal(head.begin(), head.begin() + 16, a.begin()));
}

TEST_CASE("model: the fast exponential, logarithm and tanh keep their stated errors", "[model]") {
  double exp_error = 0.0, log_error = 0.0, tanh_error = 0.0, turn_error = 0.0;
  for (int i = -80000; i <= 80000; ++i) {
    const float x = static_cast<float>(i) * 1e-3F;
    const auto exact = static_cast<double>(x);
    exp_error =
        std::max(exp_error, std::abs(static_cast<double>(fast_exp(x)) / std::exp(exact) - 1.0));
    tanh_error =
        std::max(tanh_error, std::abs(static_cast<double>(fast_tanh(x)) - std::tanh(exact)));
    const float positive = fast_exp(x);
    const double logarithm = std::log(static_cast<double>(positive));
    log_error = std::max(log_error,
                         std::abs(static_cast<double>(fast_log(positive)) - logarithm) /
                             std::max(1.0, std::abs(logarithm)));
  }
  for (int i = 0; i <= 100000; ++i) {
    const float t = static_cast<float>(i) * 1e-5F;
    const double angle = 2.0 * std::acos(-1.0) * static_cast<double>(t);
    const auto [sine, cosine] = sin_cos_of_turn(t);
    turn_error = std::max({turn_error,
                           std::abs(static_cast<double>(sine) - std::sin(angle)),
                           std::abs(static_cast<double>(cosine) - std::cos(angle))});
  }
  CHECK(exp_error < 3e-7);
  CHECK(log_error < 2e-7);
  CHECK(tanh_error < 3e-7);
  CHECK(turn_error < 3e-7);
  CHECK(fast_exp(-1000.0F) >= 0.0F);
  CHECK(std::isfinite(fast_exp(1000.0F)));
}

}  // namespace genesis::model
