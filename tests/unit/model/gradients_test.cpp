// Every gradient of a step against autograd in double precision, on a small net with given noise.
#include "common/model/discriminator.hpp"
#include "common/model/generator.hpp"
#include "common/model/noise.hpp"
#include "common/model/training_rows.hpp"
#include "tests/unit/model/model_fixtures.hpp"
#include "tests/unit/model/oracle.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;

constexpr std::size_t kBatch = 8;
constexpr double kTolerance = 5e-6;  // gradients are of order 0.01 to 10, in float32

// A network in training, its random inputs fixed.
struct Bench {
  explicit Bench(tabular::Layout shape, CtganConfig size = small_config())
      : layout(std::move(shape)),
        config(std::move(size)),
        network(Network::create(config, layout).value()),
        parameters(initial_parameters(config, layout, 5).value()) {
    // Batch norms away from (1, 0), so that a forgotten factor shows; weights large enough for
    // both sides of every kink.
    NoiseStream noise(Rng(3, RoundId{0}, "", "bench"));
    std::vector<float> extra(parameters.values.size());
    noise.normal(extra);
    float* values = parameters.values.data();
    const float* more = extra.data();
    for (const auto& spec : parameters.specs) {
      for (std::size_t i = 0; i < spec.element_count(); ++i) {
        values[i] += 0.3F * (spec.name.ends_with("running_var") ? std::abs(more[i]) : more[i]);
      }
      values += spec.element_count();
      more += spec.element_count();
    }
    load(network, parameters.values, weights);
    z.resize(kBatch * network.embedding);
    noise.normal(z);
    exponentials.resize(kBatch * network.width);
    noise.exponential(exponentials);
    if (network.condition_width > 0) {
      for (std::uint32_t i = 0; i < kBatch; ++i) {
        fake_condition.push_back(i % static_cast<std::uint32_t>(network.condition_width));
        real_condition.push_back((i * 2 + 1) % static_cast<std::uint32_t>(network.condition_width));
      }
    }
    groups = kBatch / network.pac;
    share.resize(groups);
    noise.uniform(share);
    dropout.resize(Discriminator(network, groups).dropout_size());
    noise.dropout(dropout);
  }

  Generator::Input generator_input() const {
    return {.weights = weights.generator, .condition = fake_condition, .noise = exponentials};
  }
  void put_latent(const Generator& generator) const {
    const Matrix latent = generator.latent();
    for (std::size_t r = 0; r < kBatch; ++r) {
      std::copy_n(z.data() + r * latent.columns, latent.columns, latent.data + r * latent.stride);
    }
  }
  at::Tensor oracle_input() const {
    const auto dense = matrix(z, kBatch, config.embedding_dim);
    return layout.condition_width() == 0 ? dense : at::cat({dense, condition(fake_condition)}, 1);
  }
  at::Tensor condition(const std::vector<std::uint32_t>& index) const {
    return network.condition_width == 0
               ? at::zeros({static_cast<std::int64_t>(kBatch), 0}, at::kDouble)
               : one_hot(index, static_cast<std::int64_t>(network.condition_width));
  }
  // The masks of one section; `sections` lie in every layer.
  std::vector<at::Tensor> masks(std::int64_t section, std::int64_t sections) const {
    std::vector<at::Tensor> result;
    const float* values = dropout.data();
    const auto rows = static_cast<std::int64_t>(groups);
    for (const auto n : config.discriminator_dims) {
      result.push_back(at::from_blob(const_cast<float*>(values) + section * rows * n, {rows, n})
                           .to(at::kDouble));
      values += sections * rows * n;
    }
    return result;
  }
  // The inner gradients in the public layout.
  Tensors outside(std::vector<float> generator, std::vector<float> discriminator) const {
    generator.resize(network.generator_size);
    discriminator.resize(network.discriminator_size);
    Tensors tensors{network.specs, std::vector<float>(parameters.values.size())};
    store(network,
          {std::move(generator),
           std::move(discriminator),
           std::vector<float>(network.statistics_size)},
          tensors.values);
    return tensors;
  }

  tabular::Layout layout;
  CtganConfig config;
  Network network;
  Tensors parameters;
  Weights weights;
  std::size_t groups = 0;
  std::vector<float> z, exponentials, share, dropout;
  std::vector<std::uint32_t> fake_condition, real_condition;
};

void check_generator(Bench bench) {
  Generator generator(bench.network, kBatch);
  Discriminator discriminator(bench.network, bench.groups);
  bench.put_latent(generator);
  generator.forward(bench.generator_input(), bench.weights.statistics);

  auto w = leaves(bench.parameters);
  const auto fake = testing::generator(
      w,
      bench.config,
      bench.layout,
      bench.oracle_input(),
      matrix(bench.exponentials, kBatch, static_cast<std::int64_t>(bench.network.width)));
  const std::vector<float> rows(generator.rows().data,
                                generator.rows().data + kBatch * bench.network.width);
  const auto own = matrix(rows, kBatch, static_cast<std::int64_t>(bench.network.width));
  CHECK((own - fake.rows).abs().max().item<double>() < 2e-5);

  // Running statistics move as torch's do.
  Tensors moved{bench.network.specs, std::vector<float>(bench.parameters.values.size())};
  store(bench.network, bench.weights, moved.values);
  const auto moved_by_name = leaves(moved);
  for (const auto& [name, tensor] : w) {
    if (name.find("running") != std::string::npos) {
      INFO(name);
      CHECK((moved_by_name.at(name) - tensor).abs().max().item<double>() < 1e-5);
    }
  }

  const auto score =
      testing::discriminator(w,
                             bench.config,
                             at::cat({fake.rows, bench.condition(bench.fake_condition)}, 1),
                             bench.masks(0, 1));
  const auto cross_entropy =
      testing::condition_loss(bench.layout, fake.logits, bench.fake_condition);
  auto loss = -score.mean();
  if (bench.network.condition_width > 0) {
    loss = loss + cross_entropy;
  }
  const auto expected = testing::gradients(loss, parameters_of(w, "generator."));

  std::vector<float> row_gradient(kBatch * bench.network.width);
  const Matrix rows_out{row_gradient.data(), kBatch, bench.network.width, bench.network.width};
  const double own_score = discriminator.score_fake(
      {.weights = bench.weights.discriminator,
       .fake = view(generator.rows()),
       .condition = bench.fake_condition,
       .dropout = std::span(bench.dropout).first(bench.dropout.size() / 3)},
      rows_out);
  std::vector<float> gradient(bench.network.generator_size, 99.0F);
  const double own_entropy = generator.backward(bench.generator_input(), rows_out, gradient);
  CHECK_THAT(own_score, WithinAbs(score.mean().item<double>(), 2e-5));
  if (bench.network.condition_width > 0) {
    CHECK_THAT(own_entropy, WithinAbs(cross_entropy.item<double>(), 2e-5));
  }
  CHECK(worst_difference(bench.outside(gradient, {}), w, "generator.", expected) < 20 * kTolerance);
}

void check_discriminator(const Bench& bench) {
  TrainingRows rows =
      TrainingRows::create(bench.network, bench.layout, random_table(bench.layout, 30)).value();
  std::vector<std::uint32_t> drawn = {3, 1, 4, 1, 5, 9, 2, 6};
  RealRows real;
  rows.gather(drawn, real);
  // The same real rows, dense.
  const auto width = static_cast<std::int64_t>(bench.network.width);
  auto dense = at::zeros({static_cast<std::int64_t>(kBatch), width}, at::kDouble);
  const auto table = random_table(bench.layout, 30);
  for (std::size_t r = 0; r < kBatch; ++r) {
    std::int64_t at_column = 0;
    auto row = dense[static_cast<std::int64_t>(r)];
    for (std::size_t c = 0; c < bench.layout.columns.size(); ++c) {
      const auto& column = bench.layout.columns[c];
      if (column.modes == 0) {
        continue;
      }
      if (column.has_value) {
        row[at_column++] = static_cast<double>(table.columns[c].value[drawn[r]]);
      }
      row[at_column + table.columns[c].mode[drawn[r]]] = 1.0;
      at_column += column.modes;
    }
  }
  std::vector<float> fake(kBatch * bench.network.width);
  NoiseStream(Rng(4, RoundId{0}, "", "fake")).uniform(fake);
  Discriminator discriminator(bench.network, bench.groups);
  std::vector<float> gradient(bench.network.discriminator_size, 99.0F);
  const auto losses =
      discriminator.losses({.weights = bench.weights.discriminator,
                            .real = &real,
                            .real_condition = bench.real_condition,
                            .fake = {fake.data(), kBatch, bench.network.width, bench.network.width},
                            .fake_condition = bench.fake_condition,
                            .share = bench.share,
                            .dropout = bench.dropout},
                           gradient);

  auto w = leaves(bench.parameters);
  const auto fake_rows =
      at::cat({matrix(fake, kBatch, width), bench.condition(bench.fake_condition)}, 1);
  const auto real_rows = at::cat({dense, bench.condition(bench.real_condition)}, 1);
  const auto share = matrix(bench.share, static_cast<std::int64_t>(bench.groups), 1)
                         .repeat_interleave(bench.config.pac, 0);
  const auto between = (share * real_rows + (1 - share) * fake_rows).set_requires_grad(true);
  const auto real_score =
      testing::discriminator(w, bench.config, real_rows, bench.masks(0, 3)).mean();
  const auto fake_score =
      testing::discriminator(w, bench.config, fake_rows, bench.masks(1, 3)).mean();
  const auto scores = testing::discriminator(w, bench.config, between, bench.masks(2, 3));
  const auto input_gradient = testing::gradients(scores.sum(), {between}, testing::Keep::kGraph)[0];
  const auto norms =
      input_gradient.reshape({static_cast<std::int64_t>(bench.groups), -1}).norm(2, 1);
  const auto penalty = 10.0 * (norms - 1).pow(2).mean();
  const auto loss = fake_score - real_score + penalty;
  const auto expected = testing::gradients(loss, parameters_of(w, "discriminator."));

  CHECK_THAT(losses.real_score, WithinAbs(real_score.item<double>(), 2e-5));
  CHECK_THAT(losses.fake_score, WithinAbs(fake_score.item<double>(), 2e-5));
  CHECK_THAT(losses.penalty, WithinRel(penalty.item<double>(), 2e-5));
  const double scale = expected[0].abs().max().item<double>() + 1.0;
  CHECK(worst_difference(bench.outside({}, gradient), w, "discriminator.", expected) <
        20 * kTolerance * scale);
}

}  // namespace

TEST_CASE("model: the generator's gradients are those of autograd", "[model]") {
  check_generator(Bench(small_layout()));
}

TEST_CASE("model: the generator's gradients are right without conditional columns", "[model]") {
  check_generator(Bench({{continuous("a", {1, 0, 1}), continuous("b", {1, 1})}}));
}

TEST_CASE("model: the generator's gradients are right with one and with three blocks", "[model]") {
  check_generator(
      Bench(small_layout(),
            {.embedding_dim = 3, .generator_dims = {5}, .discriminator_dims = {4}, .pac = 1}));
  check_generator(Bench(small_layout(),
                        {.embedding_dim = 3,
                         .generator_dims = {5, 4, 6},
                         .discriminator_dims = {6, 5, 4},
                         .pac = 4}));
}

TEST_CASE("model: the discriminator's gradients, penalty included, are those of autograd",
          "[model]") {
  check_discriminator(Bench(small_layout()));
}

TEST_CASE("model: the discriminator's gradients are right without conditional columns", "[model]") {
  check_discriminator(Bench({{continuous("a", {1, 0, 1}), continuous("b", {1, 1})}}));
}

TEST_CASE("model: the discriminator's gradients are right with one and with three layers",
          "[model]") {
  check_discriminator(
      Bench(small_layout(),
            {.embedding_dim = 3, .generator_dims = {5}, .discriminator_dims = {4}, .pac = 1}));
  check_discriminator(Bench(
      small_layout(),
      {.embedding_dim = 3, .generator_dims = {5}, .discriminator_dims = {6, 5, 4}, .pac = 4}));
}

}  // namespace genesis::model
