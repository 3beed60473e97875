// Sums of clipped gradients of the discriminator against those of autograd, one row at a time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/model/discriminator.hpp"
#include "common/model/noise.hpp"
#include "common/model/training_rows.hpp"
#include "tests/unit/model/model_fixtures.hpp"
#include "tests/unit/model/oracle.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;

constexpr std::size_t kRows = 40;

CtganConfig config_of(std::vector<std::int64_t> dims) {
  return {
      .embedding_dim = 4, .generator_dims = {5}, .discriminator_dims = std::move(dims), .pac = 1};
}

// Rows, generated rows and all else that a step of the discriminator takes.
struct Bench {
  explicit Bench(tabular::Layout shape, CtganConfig size, float scale = 1.0F)
      : layout(std::move(shape)),
        config(std::move(size)),
        network(Network::create(config, layout).value()),
        parameters(initial_parameters(config, layout, 5).value()),
        table(random_table(layout, kRows)) {
    NoiseStream noise(Rng(3, RoundId{0}, "", "bench"));
    std::vector<float> extra(parameters.values.size());
    noise.normal(extra);
    for (std::size_t i = 0; i < extra.size(); ++i) {
      parameters.values[i] = scale * (parameters.values[i] + 0.4F * extra[i]);
    }
    load(network, parameters.values, weights);
    fake.resize(kRows * network.width);
    noise.uniform(fake);
    share.resize(kRows);
    noise.uniform(share);
    ones.assign(Discriminator(network, kRows).dropout_size(), 1.0F);
    for (std::uint32_t i = 0; i < kRows && network.condition_width > 0; ++i) {
      const auto width = static_cast<std::uint32_t>(network.condition_width);
      fake_condition.push_back(i % width);
      real_condition.push_back((i * 2 + 1) % width);
    }
  }

  /// The sum of clipped gradients of `rows`, added to `sum`.
  void add(const std::vector<std::uint32_t>& rows, double most, std::vector<float>& sum) const {
    RealRows real;
    gather(network.spans, table, rows, real);
    std::vector<float> fakes;
    std::vector<float> shares;
    std::vector<std::uint32_t> of_real;
    std::vector<std::uint32_t> of_fake;
    for (const auto row : rows) {
      const auto* first = fake.data() + row * network.width;
      fakes.insert(fakes.end(), first, first + network.width);
      shares.push_back(share[row]);
      if (network.condition_width > 0) {
        of_real.push_back(real_condition[row]);
        of_fake.push_back(fake_condition[row]);
      }
    }
    Discriminator discriminator(network, kRows);
    discriminator.add_clipped({.weights = weights.discriminator,
                               .real = &real,
                               .real_condition = of_real,
                               .fake = {fakes.data(), rows.size(), network.width, network.width},
                               .fake_condition = of_fake,
                               .share = shares,
                               .dropout = ones},
                              most,
                              sum);
  }

  /// By autograd: D(fake) - D(real) + penalty of one row, by all weights, in the public order.
  std::vector<double> gradient_of(std::size_t row) const {
    auto w = leaves(parameters);
    const auto width = static_cast<std::int64_t>(network.width);
    auto real = at::zeros({1, width}, at::kDouble);
    std::int64_t at_column = 0;
    for (std::size_t c = 0; c < layout.columns.size(); ++c) {
      const auto& column = layout.columns[c];
      if (column.modes == 0) {
        continue;
      }
      if (column.has_value) {
        real[0][at_column++] = static_cast<double>(table.columns[c].value[row]);
      }
      real[0][at_column + table.columns[c].mode[row]] = 1.0;
      at_column += column.modes;
    }
    std::vector<float> one(fake.begin() + static_cast<std::ptrdiff_t>(row * network.width),
                           fake.begin() + static_cast<std::ptrdiff_t>((row + 1) * network.width));
    auto generated = matrix(one, 1, width);
    if (network.condition_width > 0) {
      const auto conditions = static_cast<std::int64_t>(network.condition_width);
      real = at::cat({real, one_hot({real_condition[row]}, conditions)}, 1);
      generated = at::cat({generated, one_hot({fake_condition[row]}, conditions)}, 1);
    }
    const double t = static_cast<double>(share[row]);
    const auto between = (t * real + (1.0 - t) * generated).set_requires_grad(true);
    const std::vector<at::Tensor> no_dropout(config.discriminator_dims.size(),
                                             at::ones({1, 1}, at::kDouble));
    const auto score = [&](const at::Tensor& rows) {
      return testing::discriminator(w, config, rows, no_dropout).sum();
    };
    const auto slope = testing::gradients(score(between), {between}, testing::Keep::kGraph)[0];
    const auto loss = score(generated) - score(real) + 10.0 * (slope.norm() - 1.0).pow(2);
    const auto by_name = testing::gradients(loss, parameters_of(w, "discriminator."));
    Named gradients;
    std::size_t i = 0;
    for (const auto& [name, tensor] : w) {
      if (name.starts_with("discriminator.")) {
        gradients[name] = by_name[i++];
      }
    }
    std::vector<double> values;
    for (const auto& spec : parameters.specs) {
      if (const auto found = gradients.find(spec.name); found != gradients.end()) {
        const auto flat = found->second.contiguous();
        values.insert(
            values.end(), flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
      }
    }
    return values;
  }

  /// A sum of add() in the public order.
  std::vector<double> outside(std::vector<float> sum) const {
    std::vector<float> all(parameters.values.size());
    store(network,
          {std::vector<float>(network.generator_size),
           std::move(sum),
           std::vector<float>(network.statistics_size)},
          all);
    return {all.end() - static_cast<std::ptrdiff_t>(network.discriminator_size), all.end()};
  }

  tabular::Layout layout;
  CtganConfig config;
  Network network;
  Tensors parameters;
  tabular::EncodedTable table;
  Weights weights;
  std::vector<float> fake, share, ones;
  std::vector<std::uint32_t> fake_condition, real_condition;
};

std::vector<std::uint32_t> numbers(std::uint32_t count) {
  std::vector<std::uint32_t> all(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    all[i] = i;
  }
  return all;
}

double norm_of(const std::vector<double>& values) {
  double squares = 0.0;
  for (const double value : values) {
    squares += value * value;
  }
  return std::sqrt(squares);
}

double norm_of_difference(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<double> difference;
  for (std::size_t k = 0; k < a.size(); ++k) {
    difference.push_back(static_cast<double>(a[k]) - static_cast<double>(b[k]));
  }
  return norm_of(difference);
}

void check_clipped(const Bench& bench) {
  std::vector<std::vector<double>> rows;  // materialised, one by one
  std::vector<double> norms;
  for (std::size_t row = 0; row < kRows; ++row) {
    rows.push_back(bench.gradient_of(row));
    norms.push_back(norm_of(rows.back()));
  }
  auto sorted = norms;
  std::ranges::sort(sorted);
  REQUIRE(sorted.front() > 0.0);
  // Clips all rows, about half of them, and none.
  for (const double most : {sorted.front() / 3.0, sorted[kRows / 2], 3.0 * sorted.back()}) {
    std::vector<double> expected(bench.network.discriminator_size, 0.5);
    for (std::size_t row = 0; row < kRows; ++row) {
      const double factor = std::min(1.0, most * (1.0 - 0x1p-10) / norms[row]);
      for (std::size_t k = 0; k < expected.size(); ++k) {
        expected[k] += factor * rows[row][k];
      }
    }
    std::vector<float> sum(bench.network.discriminator_size, 0.5F);  // what is there stays
    bench.add(numbers(kRows), most, sum);
    const auto own = bench.outside(sum);
    double worst = 0.0;
    for (std::size_t k = 0; k < own.size(); ++k) {
      worst = std::max(worst, std::abs(own[k] - expected[k]));
    }
    CHECK(worst < 5e-5 * std::max(1.0, std::min(most, sorted.back())));
    // Row by row, the clipped gradient has the norm that was asked for.
    for (const std::uint32_t row : {0U, 7U, 39U}) {
      std::vector<float> one(bench.network.discriminator_size);
      bench.add({row}, most, one);
      const double norm = norm_of(bench.outside(one));
      CHECK(norm <= most);
      CHECK_THAT(norm, WithinRel(std::min(norms[row], most), 2e-3));
    }
  }
}

}  // namespace

TEST_CASE("model: the sum of clipped rows is that of rows' own gradients by autograd, clipped",
          "[model]") {
  check_clipped(Bench(small_layout(), config_of({7, 6})));
}

TEST_CASE("model: clipped sums are right with one and with three layers, and without conditions",
          "[model]") {
  check_clipped(Bench(small_layout(), config_of({6})));
  check_clipped(Bench(small_layout(), config_of({6, 5, 4})));
  check_clipped(Bench({{continuous("a", {1, 0, 1}), continuous("b", {1, 1})}}, config_of({7, 6})));
}

TEST_CASE("model: one row more changes a clipped sum by no more than the norm",
          "[model][property]") {
  const float scale = GENERATE(1.0F, 30.0F, 1e20F);  // the last: gradients that are not finite
  const Bench bench(small_layout(), config_of({7, 6}), scale);
  constexpr double kMost = 0.7;
  std::vector<float> before(bench.network.discriminator_size);
  bench.add(numbers(kRows - 1), kMost, before);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    auto rows = numbers(kRows - 1);
    rows.push_back(row);
    std::vector<float> after(bench.network.discriminator_size);
    bench.add(rows, kMost, after);
    const double change = norm_of_difference(after, before);
    REQUIRE(std::isfinite(change));
    CHECK(change <= kMost);
  }
}

TEST_CASE(
    "model: a row whose parts cancel brings no more than the norm, and one that is not finite "
    "nothing",
    "[model]") {
  Bench bench(small_layout(), config_of({7, 6}), 100.0F);
  const auto width = bench.network.width;
  // The generated row is the real one, but for a trace.
  RealRows real;
  gather(bench.network.spans, bench.table, numbers(1), real);
  std::fill_n(bench.fake.begin(), width, 0.0F);
  for (const auto place : real.modes) {
    bench.fake[place] = 1.0F;
  }
  for (std::size_t v = 0; v < real.value_columns.size(); ++v) {
    bench.fake[real.value_columns[v]] = real.values[v] + 1e-7F;
  }
  bench.fake_condition[0] = bench.real_condition[0];
  for (const double most : {1e-3, 1.0}) {
    std::vector<float> sum(bench.network.discriminator_size);
    bench.add({0}, most, sum);
    CHECK(norm_of(bench.outside(sum)) <= most);
  }
  bench.fake[width] = std::numeric_limits<float>::quiet_NaN();  // of row 1
  bench.fake[2 * width] = std::numeric_limits<float>::infinity();
  std::vector<float> sum(bench.network.discriminator_size);
  bench.add({1, 2}, 1.0, sum);
  CHECK(sum == std::vector<float>(sum.size()));
  std::vector<float> with(sum.size());
  std::vector<float> without(sum.size());
  bench.add({0, 1, 3}, 1.0, with);
  bench.add({0, 3}, 1.0, without);
  CHECK(norm_of_difference(with, without) < 1e-5);
}

}  // namespace genesis::model
