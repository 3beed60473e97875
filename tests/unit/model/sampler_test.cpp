#include <array>
#include <cmath>
#include <map>

#include "common/model/ctgan.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;

Sampler untrained(std::uint64_t seed = 7) {
  return Sampler::create(small_config(),
                         small_layout(),
                         initial_parameters(small_config(), small_layout(), seed).value())
      .value();
}

void set(Tensors& tensors, const std::string& name, std::vector<float> values) {
  float* place = tensors.values.data();
  for (const auto& spec : tensors.specs) {
    if (spec.name == name) {
      REQUIRE(values.size() == spec.element_count());
      std::ranges::copy(values, place);
      return;
    }
    place += spec.element_count();
  }
  FAIL("no tensor " << name);
}

}  // namespace

TEST_CASE("model: sampled rows depend on seed, block and place alone", "[model]") {
  const auto sampler = untrained();
  const auto whole = sampler.sample_block(1, 5, Sampler::kBlockRows);
  for (const std::size_t rows : {1UL, 255UL, 256UL, 1000UL}) {
    const auto part = sampler.sample_block(1, 5, rows);
    REQUIRE(part.rows == rows);
    for (std::size_t c = 0; c < whole.columns.size(); ++c) {
      const auto& a = part.columns[c];
      const auto& b = whole.columns[c];
      CHECK(std::equal(a.mode.begin(), a.mode.end(), b.mode.begin()));
      CHECK(std::equal(a.value.begin(), a.value.end(), b.value.begin()));
    }
  }
  CHECK(sampler.sample_block(1, 6, 300).columns[0].mode !=
        sampler.sample_block(1, 5, 300).columns[0].mode);
  CHECK(sampler.sample_block(2, 5, 300).columns[0].mode !=
        sampler.sample_block(1, 5, 300).columns[0].mode);
  CHECK(sampler.sample_block(1, 5, 0).rows == 0);
}

TEST_CASE("model: sampled rows fit the layout", "[model]") {
  const auto layout = small_layout();
  const auto table = untrained().sample_block(1, 0, 2000);
  REQUIRE(table.columns.size() == layout.columns.size());
  for (std::size_t c = 0; c < layout.columns.size(); ++c) {
    const auto& column = layout.columns[c];
    CHECK(table.columns[c].mode.size() == (column.modes > 0 ? 2000 : 0));
    CHECK(table.columns[c].value.size() == (column.has_value ? 2000 : 0));
    for (std::size_t r = 0; r < table.columns[c].mode.size(); ++r) {
      REQUIRE(table.columns[c].mode[r] < column.modes);
      if (column.has_value) {
        REQUIRE(std::abs(table.columns[c].value[r]) <= 1.0F);
        if (column.mode_has_value[table.columns[c].mode[r]] == 0) {
          REQUIRE(table.columns[c].value[r] == 0.0F);
        }
      }
    }
  }
}

TEST_CASE("model: every row that is given has allowed modes alone", "[model]") {
  const auto sampler = untrained();
  // A discrete column, a continuous one's spike, and both with another discrete one.
  const std::vector<std::vector<Allowed>> choices = {
      {{0, {0, 0, 1}}}, {{1, {0, 1}}}, {{1, {0, 1}}, {0, {1, 1, 0}}, {3, {1, 0}}}};
  for (const auto& allowed : choices) {
    std::size_t rows = 0;
    for (std::uint64_t attempt = 0; attempt < 20; ++attempt) {
      const auto table = sampler.sample_allowed(3, attempt, allowed);
      rows += table.rows;
      for (const auto& [column, modes] : allowed) {
        REQUIRE(table.columns[column].mode.size() == table.rows);
        for (const auto drawn : table.columns[column].mode) {
          REQUIRE(modes.at(drawn) == 1);
        }
      }
      for (std::size_t r = 0; r < table.rows; ++r) {  // a spike's value stays 0, others may move
        const bool spike = table.columns[1].mode[r] == 1;
        REQUIRE((!spike || table.columns[1].value[r] == 0.0F));
      }
    }
    CHECK(rows > 0);
  }
  const std::vector<Allowed> colour = {{0, {0, 0, 1}}};
  const auto again = sampler.sample_allowed(3, 5, colour);
  CHECK(again.columns[4].value == sampler.sample_allowed(3, 5, colour).columns[4].value);
  CHECK(again.columns[4].value != sampler.sample_allowed(3, 6, colour).columns[4].value);
}

TEST_CASE("model: a mode that the generator never makes gives no row", "[model]") {
  auto parameters = initial_parameters(small_config(), small_layout(), 7).value();
  std::vector<float> bias(14, 0.0F);
  bias[0] = 80.0F;  // colour is always its first category
  set(parameters, "generator.output.bias", bias);
  const auto sampler = Sampler::create(small_config(), small_layout(), parameters).value();
  const std::vector<Allowed> never = {{0, {0, 0, 1}}};
  CHECK(sampler.sample_allowed(1, 0, never).rows == 0);
  const std::vector<Allowed> always = {{0, {1, 0, 0}}};
  CHECK(sampler.sample_allowed(1, 0, always).rows == Sampler::kCandidates);
}

TEST_CASE("model: the rarest of the asked columns is the condition", "[model]") {
  // The conditional vector passes straight to the logits of its column.
  const tabular::Layout layout{{discrete("a", {0.9, 0.1}), discrete("b", {0.99, 0.01})}};
  const CtganConfig config{
      .embedding_dim = 1, .generator_dims = {1}, .discriminator_dims = {1}, .pac = 1};
  auto parameters = initial_parameters(config, layout, 7).value();
  std::vector<float> output(4 * 6, 0.0F);  // inputs: h, z, condition
  for (std::size_t k = 0; k < 4; ++k) {
    output[k * 6 + 2 + k] = 50.0F;
  }
  set(parameters, "generator.output.weight", output);
  // Unless they are asked for, both have the shares of the table.
  set(parameters, "generator.output.bias", {0.0F, 0.0F, 20.0F, 0.0F});
  const auto sampler = Sampler::create(config, layout, parameters).value();
  const std::vector<Allowed> both = {{0, {0, 1}}, {1, {0, 1}}};
  const auto table = sampler.sample_allowed(1, 0, both);
  // One row in 10 of those with b's second category; were a the condition, it would be one in 100.
  CHECK(table.rows > Sampler::kCandidates / 20);
  const std::vector<Allowed> one = {{1, {0, 1}}};
  CHECK(sampler.sample_allowed(1, 0, one).rows == Sampler::kCandidates);
}

TEST_CASE("model: sampling uses the running statistics", "[model]") {
  // One column with a scalar, one hidden unit that sees only its bias: h = relu(gamma (b - mean) /
  // sqrt(var + eps) + beta), scalar = tanh(w h + c).
  const tabular::Layout layout{{continuous("a", {1, 1})}};
  const CtganConfig config{
      .embedding_dim = 1, .generator_dims = {1}, .discriminator_dims = {1}, .pac = 1};
  auto parameters = initial_parameters(config, layout, 7).value();
  set(parameters, "generator.blocks.0.linear.weight", {0.0F});
  set(parameters, "generator.blocks.0.linear.bias", {0.9F});
  set(parameters, "generator.blocks.0.norm.weight", {1.5F});
  set(parameters, "generator.blocks.0.norm.bias", {0.1F});
  set(parameters, "generator.blocks.0.norm.running_mean", {0.4F});
  set(parameters, "generator.blocks.0.norm.running_var", {4.0F});
  set(parameters, "generator.output.weight", {0.7F, 0.0F, 2.0F, 0.0F, -2.0F, 0.0F});
  set(parameters, "generator.output.bias", {-0.2F, 0.0F, 0.0F});
  const auto sampler = Sampler::create(config, layout, parameters).value();
  const auto table = sampler.sample_block(1, 0, 4096);
  const double h = 1.5 * 0.5 / std::sqrt(4.0 + 1e-5) + 0.1;
  std::size_t first = 0;
  for (std::size_t r = 0; r < table.rows; ++r) {
    REQUIRE_THAT(static_cast<double>(table.columns[0].value[r]),
                 WithinAbs(std::tanh(0.7 * h - 0.2), 1e-6));
    first += table.columns[0].mode[r] == 0 ? 1U : 0U;
  }
  // The logits differ by 4 h; modes have the shares of the table all the same.
  CHECK_THAT(static_cast<double>(first) / 4096.0, WithinAbs(0.5, 0.02));
}

TEST_CASE("model: shares of modes are those of the table, and rows keep what tells them apart",
          "[model][statistical]") {
  // The conditional vector decides colour; b follows colour, but is its first category too often.
  const tabular::Layout layout{{discrete("colour", {0.5, 0.5}), discrete("b", {0.3, 0.7})}};
  const CtganConfig config{
      .embedding_dim = 1, .generator_dims = {1}, .discriminator_dims = {1}, .pac = 1};
  auto parameters = initial_parameters(config, layout, 7).value();
  std::vector<float> output(4 * 6, 0.0F);  // inputs: h, z, condition
  output[0 * 6 + 2] = 50.0F;
  output[1 * 6 + 3] = 50.0F;
  output[2 * 6 + 2] = 2.0F;  // b's first category where colour's first was asked for
  set(parameters, "generator.output.weight", output);
  set(parameters, "generator.output.bias", {0.0F, 0.0F, 1.0F, 0.0F});
  const auto sampler = Sampler::create(config, layout, parameters).value();
  const auto table = sampler.sample_block(1, 0, 4096);
  std::array<std::array<double, 2>, 2> counts{};
  for (std::size_t r = 0; r < table.rows; ++r) {
    counts.at(table.columns[0].mode[r]).at(table.columns[1].mode[r]) += 1.0;
  }
  // 4,096 rows: a share's standard deviation is below 0.008, so 0.03 errs once in 5,000 times.
  CHECK_THAT((counts[0][0] + counts[1][0]) / 4096.0, WithinAbs(0.3, 0.03));
  CHECK(counts[0][0] > 1.5 * counts[1][0]);
}

TEST_CASE("model: few rows have the table's share of missing cells too, independently by column",
          "[model][statistical]") {
  // Whether a is missing depends on the condition of `colour`; b and c are missing at random.
  auto a = discrete("a", {0.5, 0.1, 0.4});
  auto b = continuous("b", {1, 0});
  auto c = continuous("c", {1, 0});
  a.missing = 2;
  a.conditional = false;
  b.missing = 1;
  c.missing = 1;
  const tabular::Layout layout{{discrete("colour", {0.5, 0.5}), a, b, c}};
  const CtganConfig config{
      .embedding_dim = 1, .generator_dims = {1}, .discriminator_dims = {1}, .pac = 1};
  auto parameters = initial_parameters(config, layout, 7).value();
  std::vector<float> output(11 * 4, 0.0F);  // inputs: h, z, condition
  output[0 * 4 + 2] = 50.0F;
  output[1 * 4 + 3] = 50.0F;
  output[4 * 4 + 2] = 2.0F;  // a missing where colour's first was asked for
  set(parameters, "generator.output.weight", output);
  const auto sampler = Sampler::create(config, layout, parameters).value();
  double together = 0.0;
  double by_colour = 0.0;
  constexpr std::size_t kSeeds = 40;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto table = sampler.sample_block(seed, 0, 512);
    std::array<double, 3> missing{};
    for (std::size_t r = 0; r < table.rows; ++r) {
      const bool a_missing = table.columns[1].mode[r] == 2;
      missing[0] += a_missing ? 1.0 : 0.0;
      missing[1] += table.columns[2].mode[r] == 1 ? 1.0 : 0.0;
      missing[2] += table.columns[3].mode[r] == 1 ? 1.0 : 0.0;
      together += table.columns[2].mode[r] == 1 && table.columns[3].mode[r] == 1 ? 1.0 : 0.0;
      by_colour += a_missing ? (table.columns[0].mode[r] == 0 ? 1.0 : -1.0) : 0.0;
    }
    // Two parts, each a row off at most. Drawn row by row, the standard deviation would be 11.
    CHECK_THAT(missing[0], WithinAbs(0.4 * 512, 2.0));
    CHECK_THAT(missing[1], WithinAbs(0.5 * 512, 2.0));
    CHECK_THAT(missing[2], WithinAbs(0.5 * 512, 2.0));
  }
  // 20,480 rows: 0.25 with a standard deviation of 0.003 if b and c are independent.
  CHECK_THAT(together / (512.0 * kSeeds), WithinAbs(0.25, 0.015));
  CHECK(by_colour > 0.2 * 512.0 * kSeeds * 0.4);  // and the rows are the right ones
}

TEST_CASE("model: conditions are drawn by the table's frequencies", "[model][statistical]") {
  // The conditional vector passes straight to the logits of its column.
  const tabular::Layout layout{{discrete("a", {0.7, 0.2, 0.1})}};
  const CtganConfig config{
      .embedding_dim = 1, .generator_dims = {1}, .discriminator_dims = {1}, .pac = 1};
  auto parameters = initial_parameters(config, layout, 7).value();
  std::vector<float> output(3 * 5, 0.0F);  // inputs: h, z, condition
  for (std::size_t k = 0; k < 3; ++k) {
    output[k * 5 + 2 + k] = 50.0F;
  }
  set(parameters, "generator.output.weight", output);
  const auto sampler = Sampler::create(config, layout, parameters).value();
  std::map<std::uint32_t, double> share;
  for (std::uint64_t block = 0; block < 5; ++block) {
    const auto table = sampler.sample_block(1, block, 4096);
    for (const auto mode : table.columns[0].mode) {
      share[mode] += 1.0 / (5.0 * 4096.0);
    }
  }
  CHECK_THAT(share[0], WithinAbs(0.7, 0.015));
  CHECK_THAT(share[1], WithinAbs(0.2, 0.015));
  CHECK_THAT(share[2], WithinAbs(0.1, 0.01));
}

TEST_CASE("model: a sampler takes the generator alone and refuses another's", "[model]") {
  const auto parameters = initial_parameters(small_config(), small_layout(), 7).value();
  const auto alone = Sampler::create(small_config(), small_layout(), generator_of(parameters));
  REQUIRE(alone.has_value());
  CHECK(alone->sample_block(1, 0, 100).columns[4].value ==
        untrained().sample_block(1, 0, 100).columns[4].value);
  CHECK_FALSE(Sampler::create(CtganConfig{}, small_layout(), parameters).has_value());
  auto bad = parameters;
  bad.values[3] = std::nanf("");
  CHECK_THAT(Sampler::create(small_config(), small_layout(), bad).error().message,
             ContainsSubstring("generator.blocks.0.linear.weight"));
  bad = parameters;
  bad.values.resize(10);
  CHECK_FALSE(Sampler::create(small_config(), small_layout(), bad).has_value());
}

}  // namespace genesis::model
