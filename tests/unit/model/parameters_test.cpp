#include "common/model/parameters.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <span>
#include <sstream>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace genesis::model {
namespace {

using namespace genesis::model::testing;

std::span<const float> values_of(const Tensors& tensors, const std::string& name) {
  std::size_t offset = 0;
  for (const auto& spec : tensors.specs) {
    if (spec.name == name) {
      return std::span(tensors.values).subspan(offset, spec.element_count());
    }
    offset += spec.element_count();
  }
  return {};
}

}  // namespace

TEST_CASE("model: names and shapes for a table like Adult are the golden ones", "[model][golden]") {
  std::ifstream file(source_file("tests/golden/model/adult_shapes.txt"));
  std::ostringstream golden;
  golden << file.rdbuf();
  std::ostringstream actual;
  const auto specs = parameter_specs(CtganConfig{}, adult_layout());
  REQUIRE(specs.has_value());
  for (const auto& spec : *specs) {
    actual << spec.name;
    for (const auto extent : spec.shape) {
      actual << ' ' << extent;
    }
    actual << '\n';
  }
  CHECK(actual.str() == golden.str());
}

TEST_CASE("model: initial weights are uniform in one over the root of their layer's inputs",
          "[model]") {
  const auto tensors = initial_parameters(CtganConfig{}, adult_layout(), 7).value();
  REQUIRE(tensors.values.size() == element_count(tensors.specs));
  for (const auto& [name, inputs] : {std::pair{"generator.blocks.1.linear.weight", 488.0},
                                     std::pair{"discriminator.layers.0.weight", 2600.0}}) {
    const double bound = 1.0 / std::sqrt(inputs);
    double sum = 0.0, squares = 0.0, largest = 0.0;
    const auto values = values_of(tensors, name);
    for (const float value : values) {
      const auto v = static_cast<double>(value);
      sum += v;
      squares += v * v;
      largest = std::max(largest, std::abs(v));
    }
    const auto count = static_cast<double>(values.size());
    INFO(name);
    CHECK(largest <= bound);
    CHECK(largest > 0.99 * bound);
    CHECK_THAT(sum / count, WithinAbs(0.0, 0.01 * bound));
    CHECK_THAT(squares / count, WithinRel(bound * bound / 3.0, 0.02));
  }
  // A bias has the bound of its layer, not of its own length.
  for (const float value : values_of(tensors, "discriminator.layers.0.bias")) {
    CHECK(std::abs(value) <= 1.0F / std::sqrt(2600.0F));
  }
}

TEST_CASE("model: batch norms begin as the identity", "[model]") {
  const auto tensors = initial_parameters(small_config(), small_layout(), 7).value();
  for (const auto& [part, expected] : {std::pair{"weight", 1.0F},
                                       std::pair{"bias", 0.0F},
                                       std::pair{"running_mean", 0.0F},
                                       std::pair{"running_var", 1.0F}}) {
    const auto values = values_of(tensors, std::string("generator.blocks.0.norm.") + part);
    REQUIRE(values.size() == 6);
    CHECK(std::ranges::all_of(values, [&](float v) { return v == expected; }));
  }
}

TEST_CASE("model: initial weights are named by their seed", "[model]") {
  const auto make = [](std::uint64_t seed) {
    return initial_parameters(small_config(), small_layout(), seed).value();
  };
  CHECK(make(7) == make(7));
  CHECK(make(7).values != make(8).values);
}

TEST_CASE("model: a released model holds the generator alone", "[model]") {
  const auto tensors = initial_parameters(small_config(), small_layout(), 7).value();
  const auto generator = generator_of(tensors);
  CHECK(generator.values.size() == element_count(generator.specs));
  CHECK(std::ranges::all_of(generator.specs,
                            [](const auto& spec) { return spec.name.starts_with("generator."); }));
  CHECK(generator.specs.size() == 2 * 6 + 2);
  CHECK(std::ranges::equal(values_of(generator, "generator.output.bias"),
                           values_of(tensors, "generator.output.bias")));
}

TEST_CASE("model: impossible sizes are refused with the field's name", "[model]") {
  auto config = small_config();
  config.generator_dims.clear();
  CHECK_THAT(parameter_specs(config, small_layout()).error().message,
             ContainsSubstring("generatorDims"));
  config = small_config();
  config.discriminator_dims = {16, 0};
  CHECK_THAT(parameter_specs(config, small_layout()).error().message,
             ContainsSubstring("discriminatorDims: 0"));
  config = small_config();
  config.pac = -1;
  CHECK_THAT(parameter_specs(config, small_layout()).error().message, ContainsSubstring("pac"));
  const auto no_columns = parameter_specs(small_config(), {{identifier("id")}});
  CHECK(no_columns.error().code == Errc::kInvalidArgument);
  CHECK_THAT(no_columns.error().message, ContainsSubstring("no column"));
}

TEST_CASE("model: a hundred thousand categories are refused before anything is allocated",
          "[model]") {
  const auto huge = parameter_specs(CtganConfig{}, {{discrete("id", std::vector<double>(100000))}});
  REQUIRE_FALSE(huge.has_value());
  CHECK(huge.error().code == Errc::kResourceExhausted);
  CHECK_THAT(huge.error().message, ContainsSubstring("fewer categories"));
  // And sizes whose product does not fit 64 bits.
  CtganConfig config;
  config.pac = std::int64_t{1} << 60;
  CHECK_FALSE(parameter_specs(config, adult_layout()).has_value());
  config.pac = std::int64_t{1} << 21;
  config.discriminator_dims = {std::int64_t{1} << 22};
  CHECK_FALSE(parameter_specs(config, adult_layout()).has_value());
}

}  // namespace genesis::model
