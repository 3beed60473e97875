#include "common/model/training_rows.hpp"

#include <cmath>
#include <map>

#include "tests/support/catch.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;

Rng rng() {
  return {1, RoundId{1}, "site", "rows test"};
}

TrainingRows rows_of(const tabular::Layout& layout, tabular::EncodedTable table) {
  return TrainingRows::create(
             Network::create(small_config(), layout).value(), layout, std::move(table))
      .value();
}

// One column of three categories, of which this site has 90, 0 and 9 rows, and one of two.
const tabular::Layout kLayout{{discrete("colour", {0.5, 0.3, 0.2}), discrete("shape", {0.5, 0.5})}};
tabular::EncodedTable uneven() {
  tabular::EncodedTable table{.rows = 99, .columns = std::vector<tabular::EncodedColumn>(2)};
  for (std::uint32_t r = 0; r < 99; ++r) {
    table.columns[0].mode.push_back(r < 90 ? 0 : 2);
    table.columns[1].mode.push_back(r % 2);
  }
  return table;
}

}  // namespace

TEST_CASE("model: conditions follow the logarithm of this site's counts", "[model][statistical]") {
  const auto rows = rows_of(kLayout, uneven());
  std::vector<std::uint32_t> condition(200000);
  auto random = rng();
  rows.draw_conditions(random, condition);
  std::map<std::uint32_t, double> share;
  for (const auto drawn : condition) {
    share[drawn] += 1.0 / static_cast<double>(condition.size());
  }
  const double total = std::log(91.0) + std::log(10.0);
  CHECK_THAT(share[0], WithinAbs(0.5 * std::log(91.0) / total, 0.006));
  CHECK_THAT(share[2], WithinAbs(0.5 * std::log(10.0) / total, 0.006));
  CHECK(share.count(1) == 0);  // no row here: never drawn
  CHECK_THAT(share[3] + share[4], WithinAbs(0.5, 0.006));
}

TEST_CASE("model: rows meet their conditions and cover the category", "[model]") {
  const auto table = uneven();
  const auto rows = rows_of(kLayout, table);
  std::vector<std::uint32_t> condition(5000), drawn(5000);
  auto random = rng();
  rows.draw_conditions(random, condition);
  rows.draw_rows(random, condition, drawn);
  std::map<std::uint32_t, int> of_rare;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const std::size_t column = condition[i] < 3 ? 0 : 1;
    REQUIRE(table.columns[column].mode[drawn[i]] == condition[i] - (column == 0 ? 0U : 3U));
    if (condition[i] == 2) {
      ++of_rare[drawn[i]];
    }
  }
  CHECK(of_rare.size() == 9);
}

TEST_CASE("model: without conditional columns rows are drawn uniformly", "[model]") {
  const tabular::Layout layout{{continuous("a", {1, 1})}};
  const auto rows = rows_of(layout, random_table(layout, 10));
  std::vector<std::uint32_t> drawn(10000);
  auto random = rng();
  rows.draw_conditions(random, {});
  rows.draw_rows(random, {}, drawn);
  std::vector<int> counts(10);
  for (const auto row : drawn) {
    ++counts.at(row);
  }
  CHECK(*std::ranges::min_element(counts) > 800);
}

TEST_CASE("model: gathered rows are places of ones and scalars, 0 where a mode has none",
          "[model]") {
  const auto layout = small_layout();
  tabular::EncodedTable table = random_table(layout, 2);
  table.columns[0].mode = {2, 0};
  table.columns[1].mode = {1, 2};
  table.columns[1].value = {0.75F, -0.5F};  // the first is of a spike, where a value means nothing
  table.columns[3].mode = {1, 0};
  table.columns[4].mode = {3, 0};
  table.columns[4].value = {0.25F, 1.0F};
  const auto rows = rows_of(layout, table);
  RealRows real;
  const std::vector<std::uint32_t> both = {1, 0};
  rows.gather(both, real);
  // colour at 0..2, size at 3 | 4..6, shape at 7..8, weight at 9 | 10..13
  CHECK(real.modes == std::vector<std::uint32_t>{0, 6, 7, 10, 2, 5, 8, 13});
  CHECK(real.value_columns == std::vector<std::uint32_t>{3, 9});
  CHECK(real.values == std::vector<float>{-0.5F, 1.0F, 0.0F, 0.25F});
}

TEST_CASE("model: a table that does not fit its layout is refused by column", "[model]") {
  const auto layout = small_layout();
  const auto network = Network::create(small_config(), layout).value();
  const auto error_of = [&](tabular::EncodedTable table) {
    return TrainingRows::create(network, layout, std::move(table)).error().message;
  };
  CHECK_THAT(error_of(random_table(layout, 0)), ContainsSubstring("no rows"));
  auto table = random_table(layout, 5);
  table.columns[0].mode[3] = 3;
  CHECK_THAT(error_of(table), ContainsSubstring("colour"));
  table = random_table(layout, 5);
  table.columns[4].value.pop_back();
  CHECK_THAT(error_of(table), ContainsSubstring("weight"));
  table = random_table(layout, 5);
  table.columns[1].value[0] = std::nanf("");
  CHECK_THAT(error_of(table), ContainsSubstring("size"));
  table = random_table(layout, 5);
  table.columns.pop_back();
  CHECK_THAT(error_of(table), ContainsSubstring("4 columns"));
}

}  // namespace genesis::model
