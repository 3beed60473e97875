// The losses of one step against tests/golden/model/losses.py (numpy, double precision), whose
// formulas for weights, noise and rows are repeated here.
#include <cmath>
#include <vector>

#include "common/model/discriminator.hpp"
#include "common/model/generator.hpp"
#include "common/model/training_rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;

constexpr std::size_t kBatch = 8;

std::vector<float> wave(std::size_t count, double scale, double step, double phase, double offset) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] =
        static_cast<float>(offset + scale * std::sin(step * static_cast<double>(i) + phase));
  }
  return values;
}

// Row r has mode (3 r + c) mod modes in the c-th column that a model sees, and the value cos(r +
// c).
tabular::EncodedTable formula_table(const tabular::Layout& layout) {
  tabular::EncodedTable table{.rows = kBatch, .columns = {}};
  std::uint32_t c = 0;
  for (const auto& column : layout.columns) {
    auto& cells = table.columns.emplace_back();
    for (std::uint32_t r = 0; r < kBatch && column.modes > 0; ++r) {
      cells.mode.push_back((3 * r + c) % column.modes);
      if (column.has_value) {
        cells.value.push_back(static_cast<float>(std::cos(r + c)));
      }
    }
    c += column.modes > 0 ? 1U : 0U;
  }
  return table;
}

}  // namespace

TEST_CASE("model: one step's losses are those that numpy computes", "[model][golden]") {
  const auto layout = small_layout();
  const auto network = Network::create(small_config(), layout).value();
  Weights weights;
  load(network, wave(element_count(network.specs), 0.4, 0.7, 0.3, 0.0), weights);
  std::vector<std::uint32_t> fake_condition, real_condition, rows;
  for (std::uint32_t i = 0; i < kBatch; ++i) {
    fake_condition.push_back(i % 5);
    real_condition.push_back((2 * i + 1) % 5);
    rows.push_back(i);
  }

  Generator generator(network, kBatch);
  const Matrix latent = generator.latent();
  for (std::size_t i = 0; i < kBatch * network.embedding; ++i) {
    latent.data[i / network.embedding * latent.stride + i % network.embedding] =
        static_cast<float>(std::cos(0.9 * static_cast<double>(i)));
  }
  const auto noise = wave(kBatch * network.width, 0.4, 1.1, 0.0, 0.5);
  const Generator::Input input{
      .weights = weights.generator, .condition = fake_condition, .noise = noise};
  generator.forward(input, weights.statistics);
  const std::vector<double> first_row = {0.008724,
                                         0.037655,
                                         0.953621,
                                         0.079616,
                                         0.597113,
                                         0.376384,
                                         0.026503,
                                         0.983554,
                                         0.016446,
                                         -0.668228,
                                         0.982697,
                                         0.017276,
                                         0.000023,
                                         0.000004};
  for (std::size_t j = 0; j < first_row.size(); ++j) {
    CHECK_THAT(static_cast<double>(generator.rows().data[j]), WithinAbs(first_row[j], 5e-6));
  }

  RealRows real;
  TrainingRows::create(network, layout, formula_table(layout)).value().gather(rows, real);
  const std::vector<float> share = {0.25F, 0.5F, 0.75F, 0.9F};
  Discriminator discriminator(network, kBatch / network.pac);
  std::vector<float> dropout(discriminator.dropout_size());
  for (std::size_t i = 0; i < dropout.size(); ++i) {
    dropout[i] = i % 3 == 0 ? 0.0F : 2.0F;
  }
  std::vector<float> gradient(network.discriminator_size);
  const auto losses = discriminator.losses({.weights = weights.discriminator,
                                            .real = &real,
                                            .real_condition = real_condition,
                                            .fake = view(generator.rows()),
                                            .fake_condition = fake_condition,
                                            .share = share,
                                            .dropout = dropout},
                                           gradient);
  CHECK_THAT(losses.real_score, WithinAbs(-0.4937943, 2e-6));
  CHECK_THAT(losses.fake_score, WithinAbs(-0.4453759, 2e-6));
  CHECK_THAT(losses.penalty, WithinAbs(1.7012579, 2e-5));

  std::vector<float> row_gradient(kBatch * network.width);
  gradient.resize(network.generator_size);
  const double cross_entropy = generator.backward(
      input, {row_gradient.data(), kBatch, network.width, network.width}, gradient);
  CHECK_THAT(cross_entropy, WithinAbs(1.0921525, 2e-6));
}

}  // namespace genesis::model
