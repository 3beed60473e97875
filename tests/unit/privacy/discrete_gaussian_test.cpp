#include "common/privacy/discrete_gaussian.hpp"

#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <type_traits>
#include <vector>

#include "common/base/rng.hpp"
#include "common/crypto/entropy.hpp"
#include "common/privacy/normal.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fixed_noise.hpp"

namespace genesis::privacy {
namespace {

NoiseVariance variance_of(double sigma) {
  const auto variance = NoiseVariance::at_least(sigma * sigma);
  REQUIRE(variance.has_value());
  return *variance;
}

std::vector<std::int64_t> drawn(double sigma, std::size_t count, std::uint64_t seed) {
  NoiseBits bits;
  NoiseBitsForTests::seed(bits, seed);
  std::vector<std::int64_t> noise(count);
  DiscreteGaussian(variance_of(sigma)).draw(bits, noise);
  return noise;
}

// Exact probabilities of N_Z(0, variance) at 0, 1, …, with 1e-15.
std::vector<double> probabilities(double variance) {
  const auto reach = static_cast<std::size_t>(std::ceil(9 * std::sqrt(variance))) + 2;
  std::vector<double> p(reach);
  double total = 0;
  for (std::size_t x = reach; x-- > 0;) {
    p[x] = std::exp(-static_cast<double>(x * x) / (2 * variance));
    total += x == 0 ? p[x] : 2 * p[x];
  }
  for (auto& value : p) {
    value /= total;
  }
  return p;
}

struct ChiSquare {
  double statistic = 0;
  double degrees = 0;
  // One-sided, by Wilson and Hilferty's approximation.
  [[nodiscard]] double p_value() const {
    const double scale = 2 / (9 * degrees);
    return normal_tail((std::cbrt(statistic / degrees) - (1 - scale)) / std::sqrt(scale));
  }
};

// Against N_Z(0, variance), in cells of one value each where 20 draws or more are expected, the two
// tails in one cell each; of wide distributions several neighbours are one cell.
ChiSquare chi_square(const std::vector<std::int64_t>& noise, double variance) {
  const auto p = probabilities(variance);
  const auto n = static_cast<double>(noise.size());
  const auto width = static_cast<std::int64_t>(1 + std::sqrt(variance) / 40);
  const auto cell_of = [&](std::int64_t x) {
    return x >= 0 ? (x + width / 2) / width : -((-x + width / 2) / width);
  };
  std::map<std::int64_t, double> expected;
  for (std::int64_t x = 1 - static_cast<std::int64_t>(p.size());
       x < static_cast<std::int64_t>(p.size());
       ++x) {
    expected[cell_of(x)] += n * p[static_cast<std::size_t>(std::abs(x))];
  }
  std::int64_t last = 0;  // cells -last … last are enough for 20
  while (expected.contains(last + 1) && expected[last + 1] >= 20) {
    ++last;
  }
  std::map<std::int64_t, double> merged;
  for (const auto& [cell, count] : expected) {
    merged[std::clamp(cell, -last, last)] += count;
  }
  std::map<std::int64_t, double> observed;
  for (const auto x : noise) {
    observed[std::clamp(cell_of(x), -last, last)] += 1;
  }
  ChiSquare result;
  for (const auto& [cell, count] : merged) {
    const double difference = observed[cell] - count;
    result.statistic += difference * difference / count;
  }
  result.degrees = static_cast<double>(merged.size()) - 1;
  return result;
}

constexpr std::array kSigmas{0.5, 0.7, 1.0, 3.3, 14.1, 37.9, 41.0, 320.0, 10'000.0};

}  // namespace

TEST_CASE("privacy: noise comes from no seed, no stream and no copy", "[privacy]") {
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<NoiseBits>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<NoiseBits>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<NoiseBits, std::uint64_t>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<NoiseBits, Rng>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<NoiseBits, Rng&>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<NoiseBits, crypto::Entropy&>);
  STATIC_REQUIRE_FALSE(
      std::is_constructible_v<NoiseBits, std::function<void(std::span<std::uint64_t>)>>);
  STATIC_REQUIRE(std::is_final_v<NoiseBits>);
}

TEST_CASE("privacy: the system's noise never repeats", "[privacy][statistical]") {
  // Two blocks of 64 draws with sigma 14 are alike once in 10^100 runs.
  NoiseBits first;
  NoiseBits second;
  const DiscreteGaussian gaussian(variance_of(14.1));
  std::array<std::vector<std::int64_t>, 4> blocks;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i].resize(64);
    gaussian.draw(i < 2 ? first : second, blocks[i]);
    for (std::size_t j = 0; j < i; ++j) {
      CHECK(blocks[i] != blocks[j]);
    }
  }
}

TEST_CASE("privacy: tables hold the exact probabilities", "[privacy][golden]") {
  // python3, decimal with 80 digits: 2 sum(exp(-j^2 / (2 v)), j > k) / total * 2^126, as two words
  // of 63 bits.
  struct Entry {
    double variance;
    std::size_t k;
    std::uint64_t high, low;
  };
  const std::array<Entry, 12> entries{{
      {0.25, 0, 0x1b51a6aca1b1beeb, 0x1e0f0e5cb9a64f5c},
      {0.25, 1, 0x114b1f533eac34, 0x790c4975a53d6575},
      {0.25, 5, 0x0, 0x6dddc7},
      {198.8125, 0, 0x7c60e012cff57c04, 0x63c60194f8f1f24b},
      {198.8125, 1, 0x7527488745c77452, 0x50a139a41860d565},
      {198.8125, 13, 0x2b4b908ef7ffc5fb, 0x693a9e8143ccac45},
      {198.8125, 14, 0x26deec1fe146f895, 0x587cdaac0bd2fdd2},
      {198.8125, 100, 0x8e2d55, 0x1434a3e5ad4356e1},
      {198.8125, 150, 0x0, 0x1055830bc2d},
      {1600, 0, 0x7eb92fbd6896e25f, 0x2c67b817994ee93e},
      {1600, 39, 0x2964add864468288, 0x1ec8eda107dda378},
      {1600, 400, 0x0, 0x40c79a4b2ba7e},
  }};
  for (const auto& entry : entries) {
    CAPTURE(entry.variance, entry.k);
    const auto table = make_cumulative_table(entry.variance);
    REQUIRE(entry.k < table.size());
    CHECK(table.high[entry.k] == entry.high);
    // 2^-93 of the whole is 2^33 in units of 2^-126; the last entries lack what was cut off.
    const auto difference =
        static_cast<double>(static_cast<std::int64_t>(table.low[entry.k] - entry.low));
    CHECK(std::abs(difference) < 0x1p33);
  }
}

TEST_CASE("privacy: a table falls from its first entry to its last", "[privacy]") {
  for (const double variance : {0.25, 1.0, 7.3, 400.0, 1600.0}) {
    const auto table = make_cumulative_table(variance);
    CHECK(table.size() == static_cast<std::size_t>(std::ceil(12 * std::sqrt(variance))));
    for (std::size_t k = 0; k < table.size(); ++k) {
      CHECK(table.high[k] < (std::uint64_t{1} << 63U));
      CHECK(table.low[k] < (std::uint64_t{1} << 63U));
      if (k > 0) {
        CHECK(std::pair(table.high[k], table.low[k]) <
              std::pair(table.high[k - 1], table.low[k - 1]));
      }
    }
  }
}

TEST_CASE("privacy: noise has the discrete Gaussian's distribution", "[privacy][statistical]") {
  // 2,000,000 draws each with fixed bits; false alarm 1e-6 a check and sigma.
  for (const double sigma : kSigmas) {
    const double variance = variance_of(sigma).value();
    const auto noise = drawn(sigma, 2'000'000, 11);
    CAPTURE(sigma);
    CHECK(chi_square(noise, variance).p_value() > 1e-6);
    // Variance and mean, whose relative deviations are sqrt(2 / n) and 1 / sqrt(n); the fourth
    // moment of discrete Gaussians of these sizes is not above 4 sigma^4.
    double sum = 0;
    double squares = 0;
    for (const auto x : noise) {
      sum += static_cast<double>(x);
      squares += static_cast<double>(x) * static_cast<double>(x);
    }
    const auto n = static_cast<double>(noise.size());
    const auto p = probabilities(variance);
    double exact = 0;  // the variance of N_Z, which is a little below its parameter for small ones
    for (std::size_t x = 1; x < p.size(); ++x) {
      exact += 2 * p[x] * static_cast<double>(x * x);
    }
    CHECK(std::abs(sum / n) < 4.9 * std::sqrt(exact / n));
    CHECK(std::abs(squares / n / exact - 1) < 4.9 * std::sqrt(3 / n));
  }
}

TEST_CASE("privacy: the test of the distribution sees noise that is 1% too small",
          "[privacy][statistical]") {
  // Power over 2,000,000 draws: p falls far below the threshold of the test above.
  for (const double sigma : {1.0, 14.1, 41.0, 320.0}) {
    const auto noise = drawn(0.99 * sigma, 2'000'000, 11);
    CHECK(chi_square(noise, variance_of(sigma).value()).p_value() < 1e-9);
  }
}

TEST_CASE("privacy: tails are as heavy as they have to be", "[privacy][statistical]") {
  // Draws beyond 4.5 sigma among 4,000,000: a Poisson number of some 27; beyond 7 sigma 1e-5 are
  // expected. Bounds at 5.5 deviations and more: false alarm below 1e-6.
  for (const double sigma : {14.1, 320.0}) {
    const auto noise = drawn(sigma, 4'000'000, 23);
    const double variance = variance_of(sigma).value();
    const auto p = probabilities(variance);
    double expected = 0;
    for (std::size_t x = static_cast<std::size_t>(std::ceil(4.5 * sigma)); x < p.size(); ++x) {
      expected += 2 * p[x] * 4e6;
    }
    double beyond = 0;
    double impossible = 0;
    for (const auto x : noise) {
      beyond += std::abs(static_cast<double>(x)) >= 4.5 * sigma ? 1 : 0;
      impossible += std::abs(static_cast<double>(x)) >= 7 * sigma ? 1 : 0;
    }
    CAPTURE(sigma, expected);
    CHECK(std::abs(beyond - expected) < 5.5 * std::sqrt(expected));
    CHECK(impossible == 0);
  }
}

TEST_CASE("privacy: the extremes of the bits give the extremes of the noise", "[privacy]") {
  // All bits zero: the number is below every entry, so that the draw is the largest; all ones: 0.
  for (const double sigma : kSigmas) {
    NoiseBits bits;
    std::vector<std::int64_t> noise(1);
    const DiscreteGaussian gaussian(variance_of(sigma));
    NoiseBitsForTests::fix(bits, [](auto words) { std::ranges::fill(words, std::uint64_t{0}); });
    gaussian.draw(bits, noise);
    CHECK(noise[0] >= static_cast<std::int64_t>(12 * sigma));
    NoiseBitsForTests::fix(bits, [](auto words) { std::ranges::fill(words, std::uint64_t{1}); });
    const auto most = noise[0];
    gaussian.draw(bits, noise);  // the lowest bit is the sign
    CHECK(noise[0] == -most);
    NoiseBitsForTests::fix(bits, [](auto words) { std::ranges::fill(words, ~std::uint64_t{0}); });
    gaussian.draw(bits, noise);
    CHECK(noise[0] == 0);
  }
}

TEST_CASE("privacy: a draw takes the same bits whatever they are", "[privacy]") {
  // The number of words is all that a caller can see; that no branch and no address depends on them
  // is the form of count_above().
  for (const double sigma : {0.5, 14.1, 320.0}) {
    std::vector<std::size_t> taken;
    for (const std::uint64_t word :
         {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1} << 62U}) {
      std::size_t words_taken = 0;
      NoiseBits bits;
      NoiseBitsForTests::fix(bits, [&](auto words) {
        words_taken += words.size();
        std::ranges::fill(words, word);
      });
      std::vector<std::int64_t> noise(1000);
      DiscreteGaussian(variance_of(sigma)).draw(bits, noise);
      taken.push_back(words_taken);
    }
    CHECK(taken[0] == taken[1]);
    CHECK(taken[0] == taken[2]);
  }
}

TEST_CASE("privacy: neighbouring draws are independent", "[privacy][statistical]") {
  // 1,000,000 draws of the system's generator; correlations at lags 1, 2, 63, 64, 65 and 1000 have
  // a deviation of 1e-3: false alarm 6e-6 for all six at 4.9 of them. A stream that is used twice,
  // for two tables or in each block, has correlation 1 at one of the lags.
  NoiseBits bits;
  std::vector<std::int64_t> noise(1'000'000);
  DiscreteGaussian(variance_of(14.1)).draw(bits, noise);
  for (const std::size_t lag : {1U, 2U, 63U, 64U, 65U, 1000U}) {
    double product = 0;
    double square = 0;
    for (std::size_t i = lag; i < noise.size(); ++i) {
      product += static_cast<double>(noise[i] * noise[i - lag]);
      square += static_cast<double>(noise[i] * noise[i]);
    }
    CAPTURE(lag);
    CHECK(std::abs(product / square) < 4.9e-3);
  }
  CHECK(chi_square(noise, variance_of(14.1).value()).p_value() > 1e-6);
}

TEST_CASE("privacy: any number of cells is filled to the last", "[privacy]") {
  for (const std::size_t count : {0U, 1U, 63U, 64U, 65U, 1000U}) {
    std::vector<std::int64_t> noise(count + 1, 1'000'000);
    NoiseBits bits;
    DiscreteGaussian(variance_of(1)).draw(bits, std::span(noise).first(count));
    CHECK(noise[count] == 1'000'000);
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(std::abs(noise[i]) <= 12);
    }
  }
}

TEST_CASE("privacy: the distance from the exact distribution is stated and small", "[privacy]") {
  for (const double sigma : kSigmas) {
    const double distance = DiscreteGaussian(variance_of(sigma)).distance();
    CHECK(distance > 0);
    CHECK(distance < 0x1p-90);
  }
  // 26,000 cells at epsilon 3.
  const double added = distance_delta(DiscreteGaussian(variance_of(14.1)).distance(), 26'000, 3);
  CHECK(added > 0);
  CHECK(added < 1e-21);
  CHECK_THAT(distance_delta(1e-20, 10, 0), WithinRel(2e-19, 1e-12));
}

TEST_CASE("privacy: variances are exact multiples of their unit, rounded up", "[privacy]") {
  CHECK(variance_of(14.1).value() >= 14.1 * 14.1);
  CHECK(variance_of(14.1).value() < 14.1 * 14.1 + 2 * NoiseVariance::kUnit);
  CHECK(NoiseVariance::at_least(0.1)->value() == 0.25);
  CHECK(NoiseVariance::at_least(-1)->value() == 0.25);
  CHECK(NoiseVariance::at_least(0x1p33)->units() == NoiseVariance::kMost);
  CHECK_FALSE(NoiseVariance::at_least(std::nextafter(0x1p33, 1e20)));
  CHECK_FALSE(NoiseVariance::at_least(std::nan("")));
  CHECK_FALSE(NoiseVariance::of_units(NoiseVariance::kLeast - 1));
  CHECK_FALSE(NoiseVariance::of_units(NoiseVariance::kMost + 1));
  CHECK(NoiseVariance::of_units(1 << 20U)->value() == 1);
}

}  // namespace genesis::privacy
