#include <algorithm>

#include "common/tabular/mixture.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

double density(double x, double mean, double deviation) {
  const double z = (x - mean) / deviation;
  return std::exp(-0.5 * z * z) / deviation;
}

MixtureBounds loose() {
  MixtureBounds bounds;
  bounds.deviation = 1e-3;
  bounds.weight = 0.005;
  bounds.gain = 1e-3;
  return bounds;
}

// How often each value of a column occurs; the cells of one column, in order.
Table counted(const std::vector<std::pair<int, int>>& counts) {
  std::string text = "x\n";
  for (const auto& [value, count] : counts) {
    for (int i = 0; i < count; ++i) {
      text += std::to_string(value) + "\n";
    }
  }
  return table_of(text);
}

std::vector<std::pair<int, int>> bell(int from, int to, double mean, double deviation, int height) {
  std::vector<std::pair<int, int>> counts;
  for (int x = from; x <= to; ++x) {
    counts.emplace_back(x, static_cast<int>(height * deviation * density(x, mean, deviation)));
  }
  return counts;
}

std::vector<double> exact_values(const Encoder& encoder) {
  std::vector<double> values;
  for (const auto& mode : encoder.columns()[0].modes) {
    if (mode.type == Mode::Type::kExact) {
      values.push_back(mode.mean);
    }
  }
  return values;
}

double weights_of(const Encoder& encoder) {
  double sum = 0.0;
  for (const auto& mode : encoder.columns()[0].modes) {
    sum += mode.weight;
  }
  return sum;
}

}  // namespace

TEST_CASE("tabular: a mixture of two Gaussians is found", "[tabular]") {
  std::vector<Bar> bars;
  for (int i = 0; i <= 1000; ++i) {
    const double x = i / 1000.0;
    bars.push_back({x, 1e3 * (0.3 * density(x, 0.2, 0.05) + 0.7 * density(x, 0.7, 0.08))});
  }
  const auto modes = fit_mixture(bars, loose());
  REQUIRE(modes.size() == 2);
  CHECK_THAT(modes[0].mean, WithinAbs(0.2, 0.003));
  CHECK_THAT(modes[0].deviation, WithinAbs(0.05, 0.003));
  CHECK_THAT(modes[0].weight, WithinAbs(0.3, 0.01));
  CHECK_THAT(modes[1].mean, WithinAbs(0.7, 0.003));
  CHECK_THAT(modes[1].deviation, WithinAbs(0.08, 0.003));
  CHECK_THAT(modes[0].weight + modes[1].weight, WithinAbs(1.0, 1e-12));
}

TEST_CASE("tabular: one Gaussian gives one mode, and few rows give few", "[tabular]") {
  std::vector<Bar> bars;
  for (int i = 0; i <= 500; ++i) {
    bars.push_back({i / 500.0, 1e3 * density(i / 500.0, 0.5, 0.1)});
  }
  CHECK(fit_mixture(bars, loose()).size() == 1);
  std::vector<Bar> sparse;
  for (int i = 0; i < 20; ++i) {
    sparse.push_back({i * i / 400.0, 1.0});
  }
  CHECK(fit_mixture(sparse, loose()).size() <= 2);
}

TEST_CASE("tabular: a mixture obeys its bounds", "[tabular]") {
  const auto point = fit_mixture(std::vector<Bar>{{0.25, 9.0}}, loose());
  REQUIRE(point.size() == 1);
  CHECK(point[0].mean == 0.25);
  CHECK(point[0].deviation == 1e-3);
  CHECK(point[0].weight == 1.0);

  std::vector<Bar> comb;
  for (int i = 0; i < 50; ++i) {
    comb.push_back({i / 49.0, i % 5 == 0 ? 1e5 : 1.0});
  }
  const auto modes = fit_mixture(comb, loose());
  CHECK(modes.size() <= kMaxModes);
  CHECK(std::is_sorted(
      modes.begin(), modes.end(), [](const auto& a, const auto& b) { return a.mean < b.mean; }));
  for (const auto& mode : modes) {
    CHECK(mode.deviation >= 1e-3);
    CHECK(mode.weight >= 0.004);
  }
}

TEST_CASE("tabular: values that stand out are exact modes, smooth ones are not", "[tabular]") {
  auto hours = bell(1, 99, 42.0, 12.0, 60);
  for (auto& [value, count] : hours) {
    count += value == 40 ? 3000 : value == 50 ? 600 : value == 45 ? 400 : 0;
  }
  CHECK(exact_values(encoder_for({counted(hours)})) == std::vector<double>{40.0, 45.0, 50.0});

  // Each age holds more than 1%, none of them stands out.
  const auto ages = encoder_for({counted(bell(17, 90, 38.0, 14.0, 200))});
  CHECK(exact_values(ages).empty());
  CHECK(ages.layout().columns[0].has_value);
  CHECK_FALSE(ages.layout().columns[0].conditional);
  CHECK_THAT(weights_of(ages), WithinAbs(1.0, 1e-9));
}

TEST_CASE("tabular: a spike beside a wide range is exact", "[tabular]") {
  std::vector<std::pair<int, int>> gains = {{0, 2000}};
  for (int i = 0; i < 90; ++i) {
    gains.emplace_back(114 + 37 * i * i % 40000, 2);
  }
  gains.emplace_back(99999, 10);
  const auto encoder = encoder_for({counted(gains)});
  CHECK(exact_values(encoder) == std::vector<double>{0.0});
  CHECK_THAT(weights_of(encoder), WithinAbs(1.0, 1e-9));
}

TEST_CASE("tabular: a few repeats in a small table are no spike", "[tabular]") {
  std::vector<std::pair<int, int>> values;
  for (int i = 0; i < 90; ++i) {
    values.emplace_back(100 + 7 * i, 1);
  }
  values.emplace_back(131, 4);
  CHECK(exact_values(encoder_for({counted(values)})).empty());
}

TEST_CASE("tabular: few values are all exact, whatever their share", "[tabular]") {
  const auto encoder = encoder_for({counted({{1, 1}, {2, 500}, {9, 499}})});
  CHECK(exact_values(encoder) == std::vector<double>{1.0, 2.0, 9.0});
  CHECK_FALSE(encoder.layout().columns[0].has_value);
  CHECK(encoder.layout().columns[0].frequencies == std::vector<double>{0.001, 0.5, 0.499});
}

TEST_CASE("tabular: constant and empty columns have one mode", "[tabular]") {
  const auto constant = encoder_for({counted({{7, 50}})});
  CHECK(exact_values(constant) == std::vector<double>{7.0});
  CHECK(constant.layout().columns[0].frequencies == std::vector<double>{1.0});

  const auto empty = encoder_for({table_of("x,c\n,a\n,a\n")});
  REQUIRE(empty.columns()[0].modes.size() == 1);
  CHECK(empty.columns()[0].modes[0].type == Mode::Type::kMissing);
  CHECK_FALSE(empty.layout().columns[0].conditional);
  CHECK_FALSE(empty.layout().columns[1].conditional);  // one category: nothing to condition on
}

TEST_CASE("tabular: missing is a mode where it occurs", "[tabular]") {
  const auto encoder = encoder_for({table_of("n,c,f\n1,a,x\n,b,x\n3,,x\n4,a,y\n")});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(encoder.columns()[i].modes.back().type == Mode::Type::kMissing);
    CHECK(encoder.columns()[i].modes.back().weight == 0.25);
  }
  CHECK(encoder.columns()[2].modes.back().type == Mode::Type::kCategory);
  CHECK(encoder.layout().columns[1].modes == 3);
  CHECK(encoder.layout().columns[1].conditional);
  CHECK(encoder.layout().columns[1].frequencies == std::vector<double>{0.5, 0.25, 0.25});
}

TEST_CASE("tabular: identifiers have no modes, declared categories all", "[tabular]") {
  auto listed = declare("c", Kind::kCategory);
  listed.categories = {"b", "a", "never"};
  const auto encoder =
      encoder_for({table_of("c,id\na,1\nb,2\n", {declare("id", Kind::kIdentifier)})},
                  {listed, declare("id", Kind::kIdentifier)});
  CHECK(encoder.layout().columns[0].modes == 3);
  CHECK(encoder.layout().columns[0].frequencies == std::vector<double>{0.5, 0.5, 0.0});
  CHECK(encoder.layout().columns[1].modes == 0);
  CHECK(encoder.layout().width() == 3);
  CHECK(encoder.layout().condition_width() == 3);
}

TEST_CASE("tabular: counts without rows or of another plan give no encoder", "[tabular]") {
  const auto table = table_of("x\n1\n2\n");
  const Plan agreed = ok(plan_for({table}));
  CHECK_THAT(error_of(fit(agreed, Summary{})), ContainsSubstring("a summary of 0 columns"));
  Summary none = ok(summarize(table, agreed));
  none.rows = 0;
  none.columns[0].values = {0, 0};
  CHECK_THAT(error_of(fit(agreed, none)), ContainsSubstring("at least one row"));
}
