#include "common/tabular/partition.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "common/base/rng.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

const Step kWhole{};
const Step kHundredths{100.0, 1.0, 0};
const Step kDoubles{1.0, 1.0, kAllDigits};

std::vector<ValueCount> counted(const std::vector<double>& values) {
  std::map<double, std::uint64_t> counts;
  for (const double value : values) {
    ++counts[value];
  }
  std::vector<ValueCount> result;
  for (const auto& [value, count] : counts) {
    result.push_back({value, count});
  }
  return result;
}

// The cuts that sites agree on.
std::vector<double> cuts_of(const std::vector<std::vector<double>>& sites, const Step& step) {
  std::vector<double> edges;
  std::map<double, std::uint64_t> counts;
  std::uint64_t total = 0;
  for (const auto& site : sites) {
    const auto refinement = refine(counted(site), 1, kMaxBins);
    edges.insert(edges.end(), refinement.edges.begin(), refinement.edges.end());
    for (const auto& [value, count] : refinement.atoms) {
      counts[value] += count;
    }
    total += site.size();
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<ValueCount> atoms;
  for (const auto& [value, count] : counts) {
    atoms.push_back({value, count});
  }
  auto cuts = join_cuts(edges, atoms, total, step, kMaxBins);
  REQUIRE(are_cuts(cuts));
  return cuts;
}

// The cells that the sum of all sites asks for.
std::vector<Cell> agreed(const std::vector<std::vector<double>>& sites, const Step& step) {
  const auto cuts = cuts_of(sites, step);
  std::vector<std::uint64_t> counts(cuts.size() + 1, 0);
  for (const auto& site : sites) {
    for (const double value : site) {
      ++counts[bin_of(cuts, value)];
    }
  }
  return cells_of(cuts, counts, step);
}

bool same(const std::vector<Cell>& a, const std::vector<Cell>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Cell& x, const Cell& y) {
    return x.low == y.low && x.high == y.high && x.count == y.count && x.is_single == y.is_single &&
           x.value == y.value;
  });
}

std::vector<double> normal(std::size_t count, double mean, double deviation, const Step& step) {
  Rng rng(5, RoundId{0}, "", "values");
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(step.rounded(mean + deviation * rng.normal()));
  }
  return values;
}

double widest(const std::vector<Cell>& cells, double low, double high) {
  double result = 0.0;
  for (const auto& cell : cells) {
    if (cell.low >= low && cell.high <= high) {
      result = std::max(result, cell.high - cell.low);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("tabular: values that are often there get a cell of their own", "[tabular]") {
  std::vector<double> values(500, 41.0);
  values.insert(values.end(), 500, 42.0);
  values.insert(values.end(), 30, -7.0);
  values.insert(values.end(), 200, 0.0);
  const auto cells = agreed({values}, kWhole);
  REQUIRE(cells.size() == 4);
  CHECK(cells[0].value == -7.0);
  CHECK(cells[1].value == 0.0);
  CHECK(cells[2].value == 41.0);
  CHECK(cells[3].value == 42.0);
  CHECK(std::all_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.is_single; }));
  CHECK(cells[3].count == 500);
}

TEST_CASE("tabular: cells are narrow where rows are, at any magnitude", "[tabular]") {
  for (const double magnitude : {1e-12, 1.0, 1e9}) {
    auto values = normal(5000, 0.0, 1.0, kDoubles);
    for (auto& value : values) {
      value *= magnitude;
    }
    const auto cells = agreed({values}, kDoubles);
    INFO(magnitude);
    CHECK(cells.size() > 300);
    CHECK(widest(cells, -magnitude, magnitude) < 0.1 * magnitude);
  }
}

TEST_CASE("tabular: a far row takes no resolution from the others", "[tabular]") {
  auto values = normal(5000, 1e9, 1.0, kHundredths);
  const auto without = agreed({values}, kHundredths);
  values.push_back(1e18);
  values.push_back(-1e18);
  const auto with = agreed({values}, kHundredths);
  CHECK(with.size() == without.size() + 2);
  CHECK(widest(with, 1e9 - 1.0, 1e9 + 1.0) < 0.1);
}

TEST_CASE("tabular: the cells do not depend on how rows are split", "[tabular][property]") {
  Rng rng(9, RoundId{0}, "", "split");
  std::vector<double> values = normal(3000, 50.0, 20.0, kHundredths);
  for (int i = 0; i < 2000; ++i) {
    const double x = std::exp(6.0 * rng.normal());
    values.push_back(kHundredths.rounded(rng.below(3) == 0 ? -x : x));
  }
  values.insert(values.end(), 900, 0.0);
  values.insert(values.end(), 60, 999999999.0);
  values.push_back(1e12);
  const auto pooled = agreed({values}, kHundredths);
  REQUIRE(pooled.size() > 300);
  for (const std::size_t sites :
       {std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{40}, std::size_t{700}}) {
    std::vector<std::vector<double>> split(sites);
    for (const double value : values) {
      const double skewed = rng.uniform();
      split[static_cast<std::size_t>(skewed * skewed * static_cast<double>(sites))].push_back(
          value);
    }
    INFO(sites);
    CHECK(same(agreed(split, kHundredths), pooled));
  }
  std::sort(values.begin(), values.end());
  std::vector<std::vector<double>> ranges(4);
  for (std::size_t i = 0; i < values.size(); ++i) {
    ranges[4 * i / values.size()].push_back(values[i]);
  }
  CHECK(same(agreed(ranges, kHundredths), pooled));
}

TEST_CASE("tabular: sites of different precision agree on single values", "[tabular]") {
  // One site writes whole numbers, the other hundredths: 41 and 41.01 are two values.
  const std::vector<double> whole(400, 41.0);
  const std::vector<double> fine(400, 41.01);
  const auto cells = agreed({whole, fine}, kHundredths);
  REQUIRE(cells.size() == 2);
  CHECK(cells[0].value == 41.0);
  CHECK(cells[1].value == 41.01);
}

TEST_CASE("tabular: significant digits and zero have cells of their own", "[tabular]") {
  const Step two{1.0, 1.0, 2};
  std::vector<double> values;
  for (const double value : {0.0, 3.2e-12, 3.3e-12, 4.1e4, -9.9e-5}) {
    values.insert(values.end(), 100, value);
  }
  const auto cells = agreed({values}, two);
  REQUIRE(cells.size() == 5);
  for (const auto& cell : cells) {
    CHECK(cell.is_single);
    CHECK(std::count(values.begin(), values.end(), cell.value) == 100);
  }
}

TEST_CASE("tabular: the largest and smallest numbers have cells", "[tabular]") {
  std::vector<double> values;
  for (const double value : {1e300, -1e300, 1e-300, -1e-300, 5e-324}) {
    values.insert(values.end(), 50, value);
  }
  const auto refinement = refine(counted(values), 1, kMaxBins);
  CHECK(std::all_of(refinement.edges.begin(), refinement.edges.end(), [](double edge) {
    return std::abs(edge) <= 1e300;
  }));
  const auto cells = agreed({values}, kDoubles);
  std::uint64_t rows = 0;
  for (const auto& cell : cells) {
    rows += cell.count;
  }
  CHECK(rows == 250);
  CHECK(cells.size() == 5);
}

TEST_CASE("tabular: cuts that no halving makes are seen", "[tabular]") {
  CHECK(are_cuts({}));
  CHECK(are_cuts(std::vector<double>{0.0}));
  CHECK(are_cuts(std::vector<double>{0.0, 2.0}));
  CHECK_FALSE(are_cuts(std::vector<double>{2.0}));
  CHECK_FALSE(are_cuts(std::vector<double>{0.0, 3.0}));
}

TEST_CASE("tabular: more cuts than the bound leave coarser cells", "[tabular]") {
  // Sites whose values lie all over: each asks for cuts of its own.
  Rng rng(2, RoundId{0}, "", "pairs");
  std::vector<std::vector<double>> sites(60);
  for (auto& site : sites) {
    for (int i = 0; i < 900; ++i) {
      const double near = rng.normal();
      site.push_back(near);
      site.push_back(std::nextafter(near, 1.0));
    }
  }
  const auto cuts = cuts_of(sites, kDoubles);
  CHECK(cuts.size() < kMaxBins);
  CHECK(cuts.size() > kMaxBins / 16);
}

TEST_CASE("tabular: the nearest of some values", "[tabular]") {
  const std::vector<double> values = {1.0, 2.0, 10.0};
  CHECK(nearest_of(values, -5.0) == 0);
  CHECK(nearest_of(values, 1.4) == 0);
  CHECK(nearest_of(values, 1.5) == 0);
  CHECK(nearest_of(values, 1.6) == 1);
  CHECK(nearest_of(values, 10.0) == 2);
  CHECK(nearest_of(values, 99.0) == 2);
}

TEST_CASE("tabular: counts without any cut are one cell without bounds", "[tabular]") {
  const std::vector<std::uint64_t> one = {3};
  const auto cells = cells_of({}, one, kWhole);
  REQUIRE(cells.size() == 1);
  CHECK(cells[0].low == -std::numeric_limits<double>::infinity());
  CHECK(cells[0].high == std::numeric_limits<double>::infinity());
  CHECK(cells[0].count == 3);
  CHECK_FALSE(cells[0].is_single);
}
