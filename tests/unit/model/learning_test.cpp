// Training as a whole: a toy table is learnt.
#include <cmath>

#include "common/model/ctgan.hpp"
#include "common/model/threads.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;

// b follows a; c is in its first mode, near -0.5, where a is 0, else in its second, near 0.5.
tabular::EncodedTable toy_table(std::size_t rows) {
  Rng rng(2, RoundId{0}, "", "toy");
  tabular::EncodedTable table{.rows = rows, .columns = std::vector<tabular::EncodedColumn>(3)};
  for (std::size_t r = 0; r < rows; ++r) {
    const double u = rng.uniform();
    const std::uint32_t a = u < 0.5 ? 0 : u < 0.8 ? 1 : 2;
    table.columns[0].mode.push_back(a);
    table.columns[1].mode.push_back(a == 2 ? 1 : 0);
    table.columns[2].mode.push_back(a == 0 ? 0 : 1);
    table.columns[2].value.push_back(
        static_cast<float>((a == 0 ? -0.5 : 0.5) + 0.1 * rng.normal()));
  }
  return table;
}

}  // namespace

TEST_CASE("model: a dependency and two bumps are learnt from a toy table", "[model][statistical]") {
  use_one_thread();
  const tabular::Layout layout{
      {discrete("a", {0.5, 0.3, 0.2}), discrete("b", {0.8, 0.2}), continuous("c", {1, 1})}};
  TrainingConfig config;
  config.ctgan = {
      .embedding_dim = 16, .generator_dims = {64, 64}, .discriminator_dims = {64, 64}, .pac = 5};
  config.batch_size = 100;
  config.epochs = 100;
  config.seed = 1;
  config.client = "toy";
  auto trainer = Trainer::create(config, layout, toy_table(1000)).value();
  const auto global = initial_parameters(config.ctgan, layout, 1).value();
  const auto trained = trainer.train(global, RoundId{1}, 1e-3);
  REQUIRE(trained.has_value());
  REQUIRE(trained->metrics.steps == 1000);

  const auto sampler = Sampler::create(config.ctgan, layout, trained->parameters).value();
  const auto rows = sampler.sample_block(9, 0, Sampler::kBlockRows);
  double agree_b = 0.0, agree_c = 0.0, share_a[3] = {}, mean[2] = {}, count[2] = {};
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const auto a = rows.columns[0].mode[r];
    const auto c = rows.columns[2].mode[r];
    share_a[a] += 1.0 / static_cast<double>(rows.rows);
    agree_b += rows.columns[1].mode[r] == (a == 2 ? 1U : 0U) ? 1.0 : 0.0;
    agree_c += c == (a == 0 ? 0U : 1U) ? 1.0 : 0.0;
    mean[c] += static_cast<double>(rows.columns[2].value[r]);
    count[c] += 1.0;
  }
  const auto total = static_cast<double>(rows.rows);
  CHECK(agree_b / total > 0.9);
  CHECK(agree_c / total > 0.9);
  CHECK_THAT(share_a[0], WithinAbs(0.5, 0.1));
  CHECK_THAT(share_a[1], WithinAbs(0.3, 0.1));
  CHECK_THAT(mean[0] / count[0], WithinAbs(-0.5, 0.2));
  CHECK_THAT(mean[1] / count[1], WithinAbs(0.5, 0.2));
}

}  // namespace genesis::model
