#include "common/model/parameters.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/ids.hpp"
#include "common/base/rng.hpp"

namespace genesis::model {
namespace {

constexpr std::string_view kGeneratorPrefix = "generator.";
constexpr std::int64_t kMaxWidth = 1 << 22;  // of any one layer: products of two stay in 64 bits

Status check_width(std::string_view field, std::int64_t width) {
  if (width < 1 || width > kMaxWidth) {
    return fail(Errc::kInvalidArgument,
                "model." + std::string(field) + ": " + std::to_string(width) + " is not in 1 to " +
                    std::to_string(kMaxWidth));
  }
  return {};
}

Status check(const CtganConfig& config, const tabular::Layout& layout) {
  GENESIS_RETURN_IF_ERROR(check_width("embeddingDim", config.embedding_dim));
  GENESIS_RETURN_IF_ERROR(check_width("pac", config.pac));
  for (const auto& [field, dims] : {std::pair{"generatorDims", &config.generator_dims},
                                    std::pair{"discriminatorDims", &config.discriminator_dims}}) {
    if (dims->empty()) {
      return fail(Errc::kInvalidArgument,
                  "model." + std::string(field) + ": is empty; give at least one layer");
    }
    for (const auto width : *dims) {
      GENESIS_RETURN_IF_ERROR(check_width(field, width));
    }
  }
  if (layout.width() == 0) {
    return fail(Errc::kInvalidArgument,
                "table: no column that a model can learn; identifiers are left out of training");
  }
  GENESIS_RETURN_IF_ERROR(
      check_width("columns (encoded width)", static_cast<std::int64_t>(layout.width())));
  return {};
}

// Appends tensors and refuses to pass kMaxParameters.
class SpecList {
 public:
  void add(std::string name, std::vector<std::int64_t> shape) {
    specs_.push_back({std::move(name), std::move(shape)});
    count_ += specs_.back().element_count();
  }
  void add_linear(const std::string& name, std::int64_t outputs, std::int64_t inputs) {
    add(name + ".weight", {outputs, inputs});
    add(name + ".bias", {outputs});
  }
  Result<std::vector<TensorSpec>> take() && {
    if (count_ > kMaxParameters) {
      return fail(
          Errc::kResourceExhausted,
          "model: " + std::to_string(count_) + " parameters exceed the " +
              std::to_string(kMaxParameters) +
              " allowed; fewer categories, narrower layers or a smaller pac make it smaller");
    }
    return std::move(specs_);
  }

 private:
  std::vector<TensorSpec> specs_;
  std::size_t count_ = 0;
};

void fill_uniform(float* values, std::size_t count, double bound, Rng rng) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>((2.0 * rng.uniform() - 1.0) * bound);
  }
}

}  // namespace

Status check_private(const CtganConfig& config) {
  return config.pac == 1 ? Status()
                         : fail(Errc::kInvalidArgument,
                                "model.pac: is " + std::to_string(config.pac) +
                                    "; with differentialPrivacy set it to 1, since a row that is "
                                    "judged together with others changes what they bring");
}

Result<std::vector<TensorSpec>> parameter_specs(const CtganConfig& config,
                                                const tabular::Layout& layout) {
  GENESIS_RETURN_IF_ERROR(check(config, layout));
  const auto width = static_cast<std::int64_t>(layout.width());
  const auto condition_width = static_cast<std::int64_t>(layout.condition_width());
  SpecList specs;

  std::int64_t inputs = config.embedding_dim + condition_width;
  for (std::size_t i = 0; i < config.generator_dims.size(); ++i) {
    const std::int64_t outputs = config.generator_dims[i];
    const std::string block = "generator.blocks." + std::to_string(i);
    specs.add_linear(block + ".linear", outputs, inputs);
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
      specs.add(block + ".norm" + part, {outputs});
    }
    inputs += outputs;  // concat(h, x)
  }
  specs.add_linear("generator.output", width, inputs);

  inputs = config.pac * (width + condition_width);
  for (std::size_t i = 0; i < config.discriminator_dims.size(); ++i) {
    const std::int64_t outputs = config.discriminator_dims[i];
    specs.add_linear("discriminator.layers." + std::to_string(i), outputs, inputs);
    inputs = outputs;
  }
  specs.add_linear("discriminator.output", 1, inputs);
  return std::move(specs).take();
}

Result<Tensors> initial_parameters(const CtganConfig& config,
                                   const tabular::Layout& layout,
                                   std::uint64_t seed) {
  Tensors tensors;
  GENESIS_ASSIGN(tensors.specs, parameter_specs(config, layout));
  tensors.values.resize(element_count(tensors.specs));
  float* values = tensors.values.data();
  double bound = 0.0;  // of the current linear layer: its bias follows its weight
  for (const auto& spec : tensors.specs) {
    const std::string_view name = spec.name;
    const std::size_t count = spec.element_count();
    if (name.find(".norm.") == std::string_view::npos) {
      if (spec.shape.size() == 2) {
        bound = 1.0 / std::sqrt(static_cast<double>(spec.shape[1]));
      }
      fill_uniform(values, count, bound, Rng(seed, RoundId{0}, "", name));
    } else if (name.ends_with(".weight") || name.ends_with(".running_var")) {
      std::fill_n(values, count, 1.0F);
    }
    values += count;
  }
  return tensors;
}

Tensors generator_of(const Tensors& parameters) {
  Tensors generator;
  auto values = parameters.values.begin();
  for (const auto& spec : parameters.specs) {
    const auto end = values + static_cast<std::ptrdiff_t>(spec.element_count());
    if (spec.name.starts_with(kGeneratorPrefix)) {
      generator.specs.push_back(spec);
      generator.values.insert(generator.values.end(), values, end);
    }
    values = end;
  }
  return generator;
}

}  // namespace genesis::model
