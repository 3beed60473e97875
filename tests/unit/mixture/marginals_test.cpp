#include "common/mixture/marginals.hpp"

#include <algorithm>
#include <numeric>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "common/mixture/bins.hpp"
#include "tests/unit/mixture/builders.hpp"

namespace genesis::mixture {
namespace {

NoisyCounts noisy(const Counts& counts, double sigma, std::uint64_t seed) {
  NoisyCounts sum(counts.begin(), counts.end());
  if (sigma > 0.0) {
    SeededNoise noise(seed);
    REQUIRE(noise.add({}, {}, sigma * sigma, sum));
  }
  return sum;
}

struct Seen {
  Zoom zoom;
  Marginals marginals;
  Binnings binnings;
};

Seen see(const tabular::Table& rows, const Schema& schema, double sigma, std::uint64_t seed) {
  const Measured fine{noisy(must(count_fine(rows, schema)), sigma, seed), sigma};
  auto zoom = plan_zoom(schema, fine.counts, sigma);
  const Measured zoomed{noisy(must(count_zoom(rows, zoom.schema, zoom.ranges)), sigma, seed + 1),
                        sigma};
  auto marginals = marginals_of(schema, fine, zoom, zoomed);
  auto binnings = bin(zoom.schema, marginals, {});
  return {std::move(zoom), std::move(marginals), std::move(binnings)};
}

}  // namespace

TEST_CASE("mixture: the projection is not negative and adds up", "[mixture][property]") {
  REQUIRE(rc::check("project", [] {
    const auto size = *rc::gen::inRange<std::size_t>(1, 40);
    std::vector<double> values;
    for (std::size_t i = 0; i < size; ++i) {
      values.push_back(*rc::gen::inRange(-1000, 1000) / 7.0);
    }
    const auto projected = project(values, 100.0);
    RC_ASSERT(std::abs(std::accumulate(projected.begin(), projected.end(), 0.0) - 100.0) < 1e-6);
    for (std::size_t i = 0; i < size; ++i) {
      RC_ASSERT(projected[i] >= 0.0);
      for (std::size_t j = 0; j < size; ++j) {  // order is kept
        RC_ASSERT(values[i] > values[j] || projected[i] <= projected[j]);
      }
    }
  }));
}

TEST_CASE("mixture: exact counts give exact distributions", "[mixture]") {
  const auto rows = table("x,c\n1,a\n1,a\n2,b\n5,a\n");
  const auto seen = see(rows, {number("x", 1, 5), category("c", {"a", "b"})}, 0.0, 0);
  CHECK(seen.marginals.rows == 4.0);
  std::vector<double> x;
  for (const auto& atom : seen.marginals.columns[0].atoms) {
    x.push_back(atom.rows);
  }
  CHECK(x == std::vector<double>{2, 1, 0, 0, 1});
  CHECK(seen.marginals.columns[1].atoms[0].rows == 3.0);
}

TEST_CASE("mixture: a value that most rows have is found and stands alone", "[mixture]") {
  const auto seen = see(table(related_rows(5000, 1)), related_schema(), 10.0, 3);
  const auto& atoms = seen.marginals.columns[2].atoms;
  const auto spike = std::ranges::max_element(atoms, {}, &Atom::rows);
  CHECK(spike->first == 7);
  CHECK(spike->last == 7);
  CHECK(std::abs(spike->rows - 3500) < 150);  // 4.6 deviations of the draw, and the noise
  const auto bin = seen.binnings[2].bin_of(7);
  CHECK(seen.binnings[2].bin_of(8) != bin);
  CHECK(seen.binnings[2].bin_of(999) != bin);
}

TEST_CASE("mixture: noise alone makes no spike", "[mixture][statistical]") {
  // 242 rows, 100 seeds and 3 columns: counts are 5 deviations of the noise and less, so about
  // everything that looks like a spike would be noise. Clear is 4 deviations above the neighbours,
  // of 70 cells at a time: expected 0.3 of 300 columns, more than 3 of them once in 10,000 runs.
  const Schema schema{number("x", 0, 69), number("y", 0, 69), number("z", 0, 69)};
  std::mt19937_64 engine(5);
  std::string csv = "x,y,z\n";
  for (int i = 0; i < 242; ++i) {
    csv += std::to_string(engine() % 70) + "," + std::to_string(engine() % 70) + "," +
           std::to_string(engine() % 70) + "\n";
  }
  const auto rows = table(csv);
  int too_many = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (const auto& binning : see(rows, schema, 10.0, seed).binnings) {
      too_many += binning.bins > 16 ? 1 : 0;
    }
  }
  CHECK(too_many <= 3);
}

TEST_CASE("mixture: noise takes no rows from the ends of a declared range", "[mixture]") {
  std::string csv = "x\n";
  for (int i = 0; i < 10000; ++i) {
    csv += std::to_string(i < 5 ? 1 : i < 8 ? 16 : 2 + i % 14) + "\n";
  }
  const auto rows = table(csv);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto seen = see(rows, {number("x", 1, 16)}, 40.0, seed);
    const auto& atoms = seen.marginals.columns[0].atoms;
    CHECK(atoms.front().rows >= 4.5);  // 0.0005 of all rows, whose number is noisy
    CHECK(atoms.back().rows >= 4.5);
  }
  const auto exact = see(rows, {number("x", 0, 17)}, 0.0, 0);
  CHECK(exact.marginals.columns[0].atoms.front().rows == 0.0);
  CHECK(exact.marginals.columns[0].atoms.back().rows == 0.0);
}

TEST_CASE("mixture: bounds and precision of undeclared numbers follow from the counts",
          "[mixture]") {
  Column open;
  open.name = "x";
  open.kind = tabular::Kind::kDecimal;
  open.has_precision = false;
  std::mt19937_64 engine(9);
  std::string csv = "x\n";
  for (int i = 0; i < 4000; ++i) {
    csv += std::to_string(20 + engine() % 60) + ".25\n";
  }
  const auto seen = see(table(csv), {open}, 5.0, 1);
  const auto& column = seen.zoom.schema[0];
  CHECK(column.precision == 2);
  const double maximum = column.minimum + static_cast<double>(column.units - 1) * column.step;
  CHECK(column.minimum > 15.0);
  CHECK(column.minimum <= 20.25);
  CHECK(maximum >= 79.25);
  CHECK(maximum < 90.0);
  // Every unit is in one atom.
  std::uint64_t next = 0;
  for (const auto& atom : seen.marginals.columns[0].atoms) {
    CHECK(atom.first == next);
    next = atom.last + 1;
  }
  CHECK(next == column.units);
}

TEST_CASE("mixture: exact counts find numbers of six orders of magnitude, and no single far one",
          "[mixture]") {
  Column open;
  open.name = "x";
  open.kind = tabular::Kind::kDecimal;
  open.has_precision = false;
  std::string csv = "x\n";
  for (int i = 0; i < 400; ++i) {  // 0.10 to 100,000
    const double value = std::pow(10.0, 6.0 * i / 399.0 - 1.0);
    csv += std::to_string(std::round(100.0 * value) / 100.0) + "\n";
  }
  csv += "1000000000000\n";
  const auto seen = see(table(csv), {open}, 0.0, 1);
  const auto& column = seen.zoom.schema[0];
  CHECK(column.precision == 2);
  const double maximum = column.minimum + static_cast<double>(column.units - 1) * column.step;
  CHECK(column.minimum >= 0.05);
  CHECK(column.minimum <= 0.15);
  CHECK(maximum > 80'000.0);
  CHECK(maximum < 200'000.0);
  CHECK(seen.binnings[0].bins > 10);
}

TEST_CASE("mixture: a column of nothing but noise still has a domain", "[mixture]") {
  Column open;
  open.name = "x";
  open.kind = tabular::Kind::kDecimal;
  open.has_precision = false;
  const auto seen = see(table("x,y\n,a\n,a\n"), {open, category("y", {"a"})}, 20.0, 1);
  CHECK(seen.zoom.schema[0].units == 1);
  CHECK(seen.binnings[0].bins >= 1);
}

TEST_CASE("mixture: rare categories share a bin, those of the target do not", "[mixture]") {
  std::string csv = "c\n";
  for (int i = 0; i < 1000; ++i) {
    csv += i < 900 ? "a\n" : i < 950 ? "b\n" : i < 980 ? "d\n" : "e\n";
  }
  const Schema schema{category("c", {"a", "b", "d", "e"})};
  const double sigma = 15.0;
  const Measured fine{noisy(must(count_fine(table(csv), schema)), 0.0, 0), sigma};
  const auto zoom = plan_zoom(schema, fine.counts, sigma);
  const auto marginals = marginals_of(schema, fine, zoom, {});
  const auto merged = bin(schema, marginals, {});
  CHECK(merged[0].bins == 2);
  CHECK(merged[0].bin_of(2) == merged[0].bin_of(3));
  CHECK(bin(schema, marginals, {16, 0})[0].bins == 4);
  CHECK(must(read_json(dump_json(to_json(merged)), [&](JsonValue json) {
          return binnings_from_json(json, schema);
        })) == merged);
}

TEST_CASE("mixture: of many categories the heaviest stay apart", "[mixture]") {
  std::vector<std::string> names;
  Marginal marginal;
  for (std::uint64_t i = 0; i < 300; ++i) {
    names.push_back("c" + std::to_string(1000 + i));
    marginal.atoms.push_back({i, i, 1000.0 + static_cast<double>(i), 1.0});
  }
  const Schema schema{category("c", names)};
  const Marginals marginals{400'000.0, {marginal}};
  CHECK(bin(schema, marginals, {})[0].bins == 300);
  const auto target = bin(schema, marginals, {16, 0})[0];
  CHECK(target.bins == kMostTargetBins);
  CHECK(target.bin_of(0) == target.bin_of(200));
  CHECK(target.bin_of(299) != target.bin_of(298));
  const auto narrow = bin(schema, marginals, {16, std::nullopt, 10})[0];
  CHECK(narrow.bins == 10);
}

TEST_CASE("mixture: bins that are none of their column are refused", "[mixture]") {
  const Schema schema{number("x", 0, 9)};
  for (const char* bad : {R"([])",
                          R"([{}])",
                          R"([{"bins": 0, "firsts": [], "of_run": []}])",
                          R"([{"bins": 1, "firsts": [1], "of_run": [0]}])",
                          R"([{"bins": 1, "firsts": [0, 0], "of_run": [0, 0]}])",
                          R"([{"bins": 1, "firsts": [0, 10], "of_run": [0, 0]}])",
                          R"([{"bins": 1, "firsts": [0], "of_run": [1]}])",
                          R"([{"bins": 1, "firsts": [0], "of_run": [0], "missing": 1}])",
                          R"([{"bins": 70000, "firsts": [0], "of_run": [0]}])"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_json(bad, [&](JsonValue json) { return binnings_from_json(json, schema); }));
  }
}

}  // namespace genesis::mixture
