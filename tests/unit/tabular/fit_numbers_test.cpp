// Numbers survive: what an encoder makes of columns that span magnitudes, hold typing errors, or
// stand for "not stated" by a number. Columns are invented; rows are drawn from the fitted modes as
// a perfect model would draw them. 5,000 rows and more: a quantile's rank has a standard error
// below 0.008, so that bounds of a factor 1.3 on values are not reached by chance.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "common/base/rng.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Rng stream(std::string_view purpose) {
  return {13, RoundId{0}, "", purpose};
}

std::string shortest(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.17g", value);
  return text.data();
}

std::string fixed(double value, int places) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), "%.*f", places, value);
  return text.data();
}

Table column(const std::vector<std::string>& cells) {
  return table_of(one_column(cells));
}

std::vector<double> sorted(std::vector<double> values) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  std::sort(values.begin(), values.end());
  return values;
}

double quantile(const std::vector<double>& values, double share) {
  const auto all = sorted(values);
  return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
}

// Each mode at its frequency, normal inside.
std::vector<double> drawn(const Encoder& encoder, std::size_t rows) {
  Rng rng = stream("drawn");
  EncodedTable encoded;
  encoded.rows = rows;
  encoded.columns.resize(1);
  const auto& layout = encoder.layout().columns[0];
  for (std::size_t row = 0; row < rows; ++row) {
    double left = rng.uniform();
    std::uint32_t mode = 0;
    while (mode + 1 < layout.modes && left >= layout.frequencies[mode]) {
      left -= layout.frequencies[mode++];
    }
    encoded.columns[0].mode.push_back(mode);
    if (layout.has_value) {
      const double scalar = std::clamp(0.25 * rng.normal(), -1.0, 1.0);
      encoded.columns[0].value.push_back(
          layout.mode_has_value[mode] != 0 ? static_cast<float>(scalar) : 0.0F);
    }
  }
  return encoder.decode(encoded, 1, 0).columns[0].numbers;
}

// What a site's rows become on the way through the encoder.
std::vector<double> there_and_back(const Encoder& encoder, const Table& table) {
  return encoder.decode(ok(encoder.encode(table, stream("encode"))), 1, 0).columns[0].numbers;
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

void check_quantiles(const std::vector<double>& real,
                     const std::vector<double>& other,
                     const std::vector<double>& shares,
                     double factor) {
  for (const double share : shares) {
    const double a = quantile(real, share);
    const double b = quantile(other, share);
    INFO("at " << share << ": " << a << " and " << b);
    CHECK(b / a < factor);
    CHECK(a / b < factor);
  }
}

}  // namespace

TEST_CASE("tabular: values near 1e-12 keep their magnitudes", "[tabular][statistical]") {
  Rng rng = stream("tiny");
  std::vector<std::string> cells;
  for (int i = 0; i < 5000; ++i) {
    cells.push_back(shortest(std::exp(-27.0 + rng.normal())));
  }
  const Table table = column(cells);
  const Encoder encoder = encoder_for({table});
  const auto& real = table.columns[0].numbers;
  check_quantiles(real, drawn(encoder, 5000), {0.05, 0.25, 0.5, 0.75, 0.95}, 1.3);
  check_quantiles(real, there_and_back(encoder, table), {0.01, 0.25, 0.5, 0.75, 0.99}, 1.1);
}

TEST_CASE("tabular: twenty orders of magnitude fit one column", "[tabular][statistical]") {
  Rng rng = stream("p-values");
  std::vector<std::string> cells;
  for (int i = 0; i < 5000; ++i) {
    cells.push_back(shortest(std::pow(10.0, -20.0 * rng.uniform())));
  }
  const Table table = column(cells);
  const Encoder encoder = encoder_for({table});
  // A twentieth of the rows is one order of magnitude: a rank's error of 0.02 is a factor 2.5.
  check_quantiles(
      table.columns[0].numbers, drawn(encoder, 5000), {0.1, 0.25, 0.5, 0.75, 0.9}, 10.0);
  check_quantiles(
      table.columns[0].numbers, there_and_back(encoder, table), {0.1, 0.25, 0.5, 0.75, 0.9}, 1.2);
}

TEST_CASE("tabular: a typing error takes nothing from amounts of six magnitudes",
          "[tabular][statistical]") {
  Rng rng = stream("claims");
  std::vector<std::string> cells;
  for (int i = 0; i < 6000; ++i) {
    cells.push_back(fixed(20.0 * std::pow(1.0 - rng.uniform(), -1.0 / 0.9), 2));
  }
  const auto clean = column(cells);
  cells.emplace_back("1000000000000.00");
  const Table table = column(cells);
  const Encoder encoder = encoder_for({table});
  const auto rows = drawn(encoder, 6000);
  check_quantiles(clean.columns[0].numbers, rows, {0.05, 0.25, 0.5, 0.75, 0.95}, 1.3);
  CHECK(*std::min_element(rows.begin(), rows.end()) >= 20.0);
  CHECK(*std::max_element(rows.begin(), rows.end()) <= 1e12);
  check_quantiles(
      clean.columns[0].numbers, there_and_back(encoder, table), {0.05, 0.5, 0.95, 0.99}, 1.1);
}

TEST_CASE("tabular: amounts on both sides of zero keep sign and size", "[tabular][statistical]") {
  Rng rng = stream("balances");
  std::vector<std::string> cells;
  for (int i = 0; i < 6000; ++i) {
    cells.push_back(fixed(1000.0 * std::pow(rng.normal(), 5.0), 2));
  }
  const Table table = column(cells);
  const Encoder encoder = encoder_for({table});
  const auto& real = table.columns[0].numbers;
  const auto rows = drawn(encoder, 6000);
  check_quantiles(real, rows, {0.05, 0.25, 0.75, 0.95}, 1.8);
  const auto negative = [](const std::vector<double>& values) {
    return static_cast<double>(
               std::count_if(values.begin(), values.end(), [](double x) { return x < 0.0; })) /
           static_cast<double>(values.size());
  };
  CHECK_THAT(negative(rows), WithinAbs(negative(real), 0.03));
}

TEST_CASE("tabular: a number that stands for not stated is a value of its own", "[tabular]") {
  Rng rng = stream("incomes");
  for (const int stated_not : {40, 400}) {  // less than one row in a hundred, and more
    std::vector<std::string> cells;
    for (int i = 0; i < 5000; ++i) {
      cells.push_back(std::to_string(std::lround(32000.0 + 9000.0 * rng.normal())));
    }
    cells.insert(cells.end(), static_cast<std::size_t>(stated_not), "999999999");
    const Table table = column(cells);
    const Encoder encoder = encoder_for({table});
    INFO(stated_not);
    CHECK(exact_values(encoder) == std::vector<double>{999999999.0});
    auto rows = drawn(encoder, 5000);
    std::erase(rows, 999999999.0);
    CHECK(*std::max_element(rows.begin(), rows.end()) < 90000.0);
    CHECK_THAT(quantile(rows, 0.5), WithinRel(32000.0, 0.03));
    CHECK_THAT(quantile(rows, 0.9) - quantile(rows, 0.1), WithinRel(2.56 * 9000.0, 0.1));
  }
}

TEST_CASE("tabular: an end date of the year 9999 leaves the other dates alone", "[tabular]") {
  std::vector<std::string> cells;
  for (int i = 0; i < 3000; ++i) {
    cells.push_back("20" + std::to_string(15 + i % 9) + "-0" + std::to_string(1 + i % 9) + "-1" +
                    std::to_string(i % 10));
  }
  cells.insert(cells.end(), 20, "9999-12-31");
  const Encoder encoder = encoder_for({column(cells)});
  CHECK(exact_values(encoder).size() == 1);
  const auto rows = sorted(drawn(encoder, 3000));
  const double day = 86400.0;
  CHECK(rows[2900] - rows[100] < 10.0 * 366.0 * day);
  CHECK(rows[2900] - rows[100] > 6.0 * 366.0 * day);
}

TEST_CASE("tabular: a light mode far from the others is kept", "[tabular]") {
  Rng rng = stream("frauds");
  std::vector<std::string> cells;
  for (int i = 0; i < 5000; ++i) {
    cells.push_back(fixed(60.0 + 15.0 * rng.normal(), 2));
  }
  for (int i = 0; i < 15; ++i) {  // three rows in a thousand
    cells.push_back(fixed(5000.0 + 300.0 * rng.normal(), 2));
  }
  const Table table = column(cells);
  const Encoder encoder = encoder_for({table});
  const auto far = [](const std::vector<double>& rows) {
    return std::count_if(rows.begin(), rows.end(), [](double x) { return x > 3500.0; });
  };
  CHECK(far(there_and_back(encoder, table)) == 15);
  const auto rows = drawn(encoder, 20000);
  CHECK(far(rows) > 30);
  CHECK(far(rows) < 100);
  CHECK_THAT(quantile(rows, 0.5), WithinRel(60.0, 0.02));
}

TEST_CASE("tabular: precision is that of most cells", "[tabular]") {
  Rng rng = stream("prices");
  std::vector<std::string> cells;
  for (int i = 0; i < 2000; ++i) {
    cells.push_back(fixed(100.0 * rng.uniform(), 1));
  }
  cells.emplace_back("0.30000000000000004");
  const Table table = column(cells);
  const Encoder encoder = encoder_for({table});
  CHECK(encoder.columns()[0].precision == 1);
  for (const double x : there_and_back(encoder, table)) {
    REQUIRE(round_to_significant(x * 10.0, 12) == std::nearbyint(x * 10.0));
  }
  // At one site of two, and however the rows are split.
  const std::vector<std::string> first(cells.begin(), cells.begin() + 1900);
  const std::vector<std::string> second(cells.begin() + 1900, cells.end());
  CHECK(encoder_for({column(first), column(second)}).columns() == encoder.columns());
}

TEST_CASE("tabular: values of few significant digits stay so", "[tabular]") {
  Rng rng = stream("doses");
  std::vector<std::string> cells;
  for (int i = 0; i < 3000; ++i) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.2e", std::exp(5.0 * rng.normal()));
    cells.emplace_back(text.data());
  }
  const Table table = column(cells);
  const Encoder encoder = encoder_for({table});
  CHECK(encoder.columns()[0].rounding == Rounding{0, 3});
  for (const double x : drawn(encoder, 3000)) {
    REQUIRE((x == round_to_significant(x, 3) || x == encoder.columns()[0].minimum ||
             x == encoder.columns()[0].maximum));
  }
  check_quantiles(
      table.columns[0].numbers, drawn(encoder, 3000), {0.05, 0.25, 0.5, 0.75, 0.95}, 2.0);
}

TEST_CASE("tabular: numbers survive the same however the rows are split", "[tabular][property]") {
  Rng rng = stream("split");
  std::vector<std::string> cells;
  for (int i = 0; i < 4000; ++i) {
    const auto which = rng.below(10);
    cells.push_back(which == 0   ? ""
                    : which == 1 ? "-999999.00"
                    : which == 2 ? fixed(1e6 + rng.normal(), 2)
                                 : fixed(std::exp(6.0 * rng.normal()), 2));
  }
  cells.emplace_back("1e15");
  const Encoder pooled = encoder_for({column(cells)});
  CHECK(pooled.columns()[0].scale.unit > 0.0);
  for (const std::size_t sites : {std::size_t{2}, std::size_t{5}, std::size_t{26}}) {
    std::vector<std::vector<std::string>> parts(sites, std::vector<std::string>{""});
    for (auto& part : parts) {
      part.clear();
    }
    for (const auto& cell : cells) {
      const double place = rng.uniform();
      parts[static_cast<std::size_t>(place * place * static_cast<double>(sites))].push_back(cell);
    }
    std::vector<Table> tables;
    for (const auto& part : parts) {
      tables.push_back(column(part));
    }
    INFO(sites);
    CHECK(encoder_for(tables).columns() == pooled.columns());
  }
}

TEST_CASE("tabular: columns that are not heavy-tailed keep their own scale", "[tabular]") {
  Rng rng = stream("plain");
  for (const int kind : {0, 1, 2}) {
    std::vector<std::string> cells;
    for (int i = 0; i < 3000; ++i) {
      const double x = kind == 0   ? 40.0 + 12.0 * rng.normal()
                       : kind == 1 ? 100.0 * rng.uniform()
                                   : std::exp(12.0 + 0.5 * rng.normal());
      cells.push_back(std::to_string(std::lround(x)));
    }
    INFO(kind);
    CHECK(encoder_for({column(cells)}).columns()[0].scale == Scale{});
  }
}

TEST_CASE("tabular: counts where the sites have no rows make no modes beyond the bounds",
          "[tabular]") {
  std::vector<std::string> cells;
  for (int i = 0; i < 200; ++i) {
    cells.push_back(std::to_string(17 + i % 60));
  }
  const Plan agreed = ok(plan_for({column(cells)}));
  Summary counts = ok(summarize(column(cells), agreed));
  auto& bins = counts.columns[0].bins;
  bins.front() += 500;  // below all values
  bins.back() += 500;   // above them
  counts.rows += 1000;
  const Encoder encoder = ok(fit(agreed, counts));
  CHECK(through_text<Encoder>(to_json(encoder), encoder_from_json));
  for (const double x : drawn(encoder, 1000)) {
    REQUIRE(x >= 17.0);
    REQUIRE(x <= 76.0);
  }
}
