#include "common/mixture/fit.hpp"

#include <array>
#include <cmath>
#include <random>

#include "common/mixture/tile.hpp"
#include "tests/unit/mixture/builders.hpp"

namespace genesis::mixture {
namespace {

// Four columns that depend on each other; the third one is the target.
struct Example {
  TablePlan plan;
  Measured tables;
  std::vector<std::vector<double>> masses;
};

constexpr double kRows = 1000000.0;

Example example() {
  Example made;
  made.plan.bins = {3, 4, 2, 40};  // so wide that tiles end within a column
  made.plan.target = 2;
  made.plan.pairs = {{0, 1}, {0, 3}, {1, 3}};
  for (const auto bins : made.plan.bins) {
    made.masses.emplace_back(bins, 0.0);
  }
  std::vector<double> rows(made.plan.cells(), 0.0);
  const auto visit = [&](const std::array<std::uint32_t, 4>& bin, double share) {
    for (std::size_t c = 0; c < bin.size(); ++c) {
      made.masses[c][bin[c]] += share;
    }
    std::size_t at = 0;
    for (const auto& [a, b] : made.plan.pairs) {
      rows[at + (bin[a] * made.plan.bins[b] + bin[b]) * 2 + bin[2]] += share * kRows;
      at += std::size_t{made.plan.bins[a]} * made.plan.bins[b] * 2;
    }
  };
  // Each half of the shares adds up to that of its i: parity decides between 0.8 and 0.2.
  for (std::uint32_t i = 0; i < 3; ++i) {
    for (std::uint32_t j = 0; j < 4; ++j) {
      for (std::uint32_t l = 0; l < 40; ++l) {
        for (std::uint32_t t = 0; t < 2; ++t) {
          const double first = ((i + j) % 2 == 0 ? 0.8 : 0.2) / 2.0;
          const double last = ((j + l) % 2 == 0 ? 0.8 : 0.2) / 20.0;
          const double yes = i == 0 ? 0.9 : 0.2;
          visit({i, j, t, l}, (i + 1) / 6.0 * first * last * (t == 1 ? yes : 1.0 - yes));
        }
      }
    }
  }
  for (const double count : rows) {
    made.tables.counts.push_back(std::llround(count));
  }
  return made;
}

Components fitted(const Example& example, unsigned threads, std::size_t steps = 300) {
  FitOptions options;
  options.components = 100;
  options.steps = steps;
  options.threads = threads;
  return fit(example.plan, example.tables, kRows, example.masses, options);
}

// Half of the sum of differences between the tables and the model's, over the three tables.
double distance(const Example& example, const Components& components) {
  double all = 0.0;
  std::size_t at = 0;
  for (const auto& [a, b] : example.plan.pairs) {
    for (std::uint32_t i = 0; i < example.plan.bins[a]; ++i) {
      for (std::uint32_t j = 0; j < example.plan.bins[b]; ++j) {
        for (std::uint32_t t = 0; t < 2; ++t) {
          double share = 0.0;
          for (std::size_t k = 0; k < components.count; ++k) {
            const float* row = components.shares.data() + k * components.width();
            share += static_cast<double>(row[components.offsets[a] + i]) *
                     static_cast<double>(row[components.offsets[b] + j]) *
                     static_cast<double>(row[components.offsets[2] + t]);
          }
          share /= static_cast<double>(components.count);
          all += std::abs(share - static_cast<double>(example.tables.counts[at++]) / kRows);
        }
      }
    }
  }
  return all / 2.0 / static_cast<double>(example.plan.pairs.size());
}

}  // namespace

TEST_CASE("mixture: a tile is the product that it stands for", "[mixture]") {
  constexpr std::size_t kDepth = 37;
  std::mt19937_64 engine(1);
  std::vector<float> left(kTileRows * kDepth);
  std::vector<float> right(kDepth * kTileColumns);
  for (auto* values : {&left, &right}) {
    for (float& value : *values) {
      value = static_cast<float>(engine() % 17) - 8.0F;  // exact in any order
    }
  }
  std::array<float, kTileRows * kTileColumns> expected{};
  for (std::size_t r = 0; r < kTileRows; ++r) {
    for (std::size_t c = 0; c < kTileColumns; ++c) {
      expected[r * kTileColumns + c] = 1.0F;
      for (std::size_t d = 0; d < kDepth; ++d) {
        expected[r * kTileColumns + c] += left[r * kDepth + d] * right[d * kTileColumns + c];
      }
    }
  }
  std::array<float, kTileRows * kTileColumns> tile{};
  tile.fill(1.0F);
  add_product({left.data(), kDepth, 1}, {right.data(), kTileColumns}, kDepth, tile.data());
  CHECK(tile == expected);
}

TEST_CASE("mixture: the fit reproduces the tables", "[mixture]") {
  const auto made = example();
  // Without the fit the columns are about independent.
  CHECK(distance(made, fitted(made, 1, 1)) > 0.2);
  CHECK(distance(made, fitted(made, 1)) < 0.03);
}

TEST_CASE("mixture: every column's shares add up to 1", "[mixture]") {
  const auto components = fitted(example(), 1);
  for (std::size_t k = 0; k < components.count; ++k) {
    for (std::size_t c = 0; c + 1 < components.offsets.size(); ++c) {
      double sum = 0.0;
      for (std::size_t i = components.offsets[c]; i < components.offsets[c + 1]; ++i) {
        const float share = components.shares[k * components.width() + i];
        CHECK(share >= 0.0F);
        sum += static_cast<double>(share);
      }
      CHECK_THAT(sum, WithinAbs(1.0, 1e-5));
    }
  }
}

TEST_CASE("mixture: threads change no bit of the fit", "[mixture]") {
  const auto made = example();
  const auto one = fitted(made, 1, 40);
  CHECK(fitted(made, 2, 40).shares == one.shares);
  CHECK(fitted(made, 5, 40).shares == one.shares);
}

TEST_CASE("mixture: without tables the columns are independent", "[mixture]") {
  auto made = example();
  made.plan.pairs.clear();
  made.tables.counts.clear();
  const auto components = fitted(made, 1);
  CHECK_THAT(components.shares[2], WithinAbs(made.masses[0][2], 1e-6));
  CHECK_THAT(components.shares[components.width() * 99 + 7], WithinAbs(made.masses[2][0], 1e-6));
}

TEST_CASE("mixture: negative noisy counts are as good as any", "[mixture]") {
  auto made = example();
  made.tables.sigma = 1000.0;  // two thirds of a cell of the widest tables
  SeededNoise noise(4);
  REQUIRE(noise.add({}, {}, made.tables.sigma * made.tables.sigma, made.tables.counts));
  const auto components = fitted(made, 1);
  for (const float share : components.shares) {
    REQUIRE(std::isfinite(share));
  }
  CHECK(distance(example(), components) < 0.1);
}

TEST_CASE("mixture: groups of components are fits of their own, whose mean is the model",
          "[mixture]") {
  auto made = example();
  made.tables.sigma = 1000.0;
  SeededNoise noise(4);
  REQUIRE(noise.add({}, {}, made.tables.sigma * made.tables.sigma, made.tables.counts));
  FitOptions options;
  options.steps = 300;
  options.components = 300;
  const auto one = fit(made.plan, made.tables, kRows, made.masses, options);
  options.components = 600;
  const auto two = fit(made.plan, made.tables, kRows, made.masses, options);
  REQUIRE(two.count == 600);
  REQUIRE(two.shares.size() == 2 * one.shares.size());
  const auto middle = two.shares.begin() + static_cast<std::ptrdiff_t>(one.shares.size());
  CHECK(std::equal(one.shares.begin(), one.shares.end(), two.shares.begin()));
  CHECK_FALSE(std::equal(one.shares.begin(), one.shares.end(), middle));
  const Components second{300, two.offsets, {middle, two.shares.end()}};
  // Never further from the rows than the two are on average.
  const double mean = (distance(example(), one) + distance(example(), second)) / 2.0;
  CHECK(distance(example(), two) < mean);
}

}  // namespace genesis::mixture
