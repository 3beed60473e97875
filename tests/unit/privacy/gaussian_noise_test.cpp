// Noise and samples of DP-SGD: distribution, independence, and how rows are drawn.
#include "common/privacy/gaussian_noise.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <set>
#include <type_traits>
#include <vector>

#include "common/privacy/cost.hpp"
#include "common/privacy/normal.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fixed_noise.hpp"

namespace genesis::privacy {
namespace {

std::vector<float> draws(double deviation, std::size_t count) {
  NoiseBits bits;
  GaussianNoise noise(bits);
  std::vector<float> values(count, 0.0F);
  noise.add(deviation, values);
  return values;
}

double mean_product(const std::vector<float>& a, std::size_t lag) {
  double sum = 0.0;
  for (std::size_t i = lag; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(a[i - lag]);
  }
  return sum / static_cast<double>(a.size() - lag);
}

}  // namespace

TEST_CASE("privacy: noise of training is Gaussian, its variance and tails included",
          "[privacy][statistical]") {
  constexpr std::size_t kDraws = 4'000'000;
  const double deviation = GENERATE(0.37, 1.0, 50.0);
  const auto values = draws(deviation, kDraws);
  double sum = 0.0;
  double squares = 0.0;
  // Cells of equal probability, and the tails beyond 4 deviations.
  constexpr std::size_t kCells = 100;
  std::vector<double> cells(kCells, 0.0);
  double tail = 0.0;
  for (const float value : values) {
    const double x = static_cast<double>(value) / deviation;
    sum += x;
    squares += x * x;
    cells[std::min(kCells - 1,
                   static_cast<std::size_t>(normal_cdf(x) * static_cast<double>(kCells)))] += 1.0;
    tail += std::abs(x) > 4.0 ? 1.0 : 0.0;
  }
  const auto n = static_cast<double>(kDraws);
  CHECK(std::abs(sum / n) < 5.5 / std::sqrt(n));
  CHECK(std::abs(squares / n - 1.0) < 5.5 * std::sqrt(2.0 / n));  // 0.4%: half a percent is seen
  double chi_square = 0.0;
  const double expected = n / static_cast<double>(kCells);
  for (const double cell : cells) {
    chi_square += (cell - expected) * (cell - expected) / expected;
  }
  // 1e-6 of false alarms with 99 degrees of freedom are beyond 178; the grid moves cells' edges a
  // little.
  CHECK(chi_square < 185.0);
  const double in_tail = 2.0 * normal_tail(4.0) * n;
  CHECK(std::abs(tail - in_tail) < 5.5 * std::sqrt(in_tail));
}

TEST_CASE("privacy: draws of training noise are independent of each other and of earlier ones",
          "[privacy][statistical]") {
  constexpr std::size_t kDraws = 1'000'000;
  const auto values = draws(1.0, kDraws);
  // Pairs of one radius stand 1024 apart.
  for (const std::size_t lag : {1U, 2U, 512U, 1024U, 2048U, 3072U}) {
    CHECK(std::abs(mean_product(values, lag)) < 5.5 / std::sqrt(static_cast<double>(kDraws)));
  }
  // Nor are the sizes of a pair's values, which are independent though of one radius.
  std::vector<float> sizes;
  for (const float value : values) {
    sizes.push_back(value * value - 1.0F);
  }
  CHECK(std::abs(mean_product(sizes, 1024)) < 5.5 * 2.0 / std::sqrt(static_cast<double>(kDraws)));
  const auto others = draws(1.0, kDraws);
  double product = 0.0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    product += static_cast<double>(values[i]) * static_cast<double>(others[i]);
  }
  CHECK(std::abs(product) < 5.5 * std::sqrt(static_cast<double>(kDraws)));
}

TEST_CASE("privacy: what has noise is on a grid, wherever the sum was", "[privacy]") {
  NoiseBits bits;
  GaussianNoise noise(bits);
  std::vector<float> values;
  for (int i = 0; i < 5000; ++i) {
    values.push_back(0.01F * static_cast<float>(i) + 1e-7F);
  }
  noise.add(1.5, values);
  for (const float value : values) {
    const double steps = static_cast<double>(value) * 0x1p14;
    CHECK(steps == std::floor(steps));
  }
}

TEST_CASE("privacy: the least and the largest random bits are noise like any other", "[privacy]") {
  for (const std::uint64_t word : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    NoiseBits bits;
    NoiseBitsForTests::fix(bits,
                           [&](std::span<std::uint64_t> words) { std::ranges::fill(words, word); });
    GaussianNoise noise(bits);
    std::vector<float> values(4096, 0.0F);
    noise.add(1.0, values);
    for (const float value : values) {
      REQUIRE(std::isfinite(value));
      REQUIRE(std::abs(value) < 13.5F);
    }
    // The radius that the least bits give is the largest one.
    const float largest = *std::ranges::max_element(values);
    CHECK((word == 0 ? largest > 13.2F : largest < 1e-4F));
  }
}

TEST_CASE("privacy: no generator of training noise takes a seed", "[privacy]") {
  STATIC_REQUIRE(!std::is_constructible_v<GaussianNoise, std::uint64_t>);
  STATIC_REQUIRE(!std::is_constructible_v<NoiseBits, std::uint64_t>);
}

TEST_CASE("privacy: each row takes part by a coin of its own", "[privacy][statistical]") {
  NoiseBits bits;
  constexpr std::size_t kRows = 5000;
  constexpr int kSteps = 2000;
  const double rate = 0.02;
  const auto sampling = static_cast<std::uint64_t>(rate * 0x1p32);
  std::vector<double> of_row(kRows, 0.0);
  std::vector<std::uint32_t> before;
  double sum = 0.0;
  double squares = 0.0;
  double together = 0.0;  // with the row after it
  double again = 0.0;     // as in the step before
  for (int step = 0; step < kSteps; ++step) {
    const auto rows = sample_rows(bits, kRows, sampling);
    REQUIRE(std::ranges::is_sorted(rows));
    REQUIRE(std::ranges::adjacent_find(rows) == rows.end());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      of_row[rows[i]] += 1.0;
      together += i > 0 && rows[i] == rows[i - 1] + 1 ? 1.0 : 0.0;
      again += std::ranges::binary_search(before, rows[i]) ? 1.0 : 0.0;
    }
    const auto size = static_cast<double>(rows.size());
    sum += size;
    squares += size * size;
    before = rows;
  }
  const double mean = kRows * rate;
  const double variance = mean * (1.0 - rate);
  // Sizes of batches are binomial: neither fixed nor shuffled.
  CHECK(std::abs(sum / kSteps - mean) < 5.5 * std::sqrt(variance / kSteps));
  const double measured = squares / kSteps - (sum / kSteps) * (sum / kSteps);
  CHECK(std::abs(measured / variance - 1.0) < 5.5 * std::sqrt(2.0 / kSteps));
  // Rows are drawn independently of their neighbours and of the step before.
  const double pairs = rate * rate * kRows * kSteps;
  CHECK(std::abs(together - pairs) < 5.5 * std::sqrt(pairs));
  CHECK(std::abs(again - pairs) < 5.5 * std::sqrt(pairs));
  double chi_square = 0.0;
  const double expected = rate * kSteps;
  for (const double count : of_row) {
    chi_square += (count - expected) * (count - expected) / (expected * (1.0 - rate));
  }
  CHECK(std::abs(chi_square - kRows) < 5.5 * std::sqrt(2.0 * kRows));
  CHECK(sample_rows(bits, kRows, kMostSampling).size() == kRows);
  CHECK(sample_rows(bits, 0, kMostSampling).empty());
}

}  // namespace genesis::privacy
