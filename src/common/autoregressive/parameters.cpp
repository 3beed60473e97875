#include "common/autoregressive/parameters.hpp"

#include <cmath>
#include <string_view>
#include <utility>

#include "common/base/ids.hpp"
#include "common/base/rng.hpp"

namespace genesis::autoregressive {

Result<std::vector<TensorSpec>> parameter_specs(const Shape& shape) {
  if (shape.codes.empty()) {
    return fail(Errc::kInvalidArgument,
                "table: no column that a model can learn; identifiers are left out of training");
  }
  const auto embedding = static_cast<std::int64_t>(shape.embedding);
  const auto hidden = static_cast<std::int64_t>(shape.hidden);
  const auto columns = static_cast<std::int64_t>(shape.columns());
  std::vector<TensorSpec> specs;
  for (std::size_t i = 0; i < shape.columns(); ++i) {
    specs.push_back({"embedding." + std::to_string(i) + ".weight",
                     {std::int64_t{shape.codes[i]} + 1, embedding}});
  }
  for (std::size_t i = 0; i < shape.columns(); ++i) {
    specs.push_back({"input." + std::to_string(i) + ".weight", {embedding, columns, hidden}});
  }
  specs.push_back({"input.bias", {columns, hidden}});
  for (std::size_t j = 0; j < shape.columns(); ++j) {
    const auto codes = std::int64_t{shape.codes[j]};
    specs.push_back({"hidden." + std::to_string(j) + ".weight", {hidden, hidden}});
    specs.push_back({"hidden." + std::to_string(j) + ".bias", {hidden}});
    specs.push_back({"output." + std::to_string(j) + ".weight", {codes, hidden}});
    specs.push_back({"output." + std::to_string(j) + ".bias", {codes}});
  }
  if (const auto count = element_count(specs); count > kMaxParameters) {
    return fail(Errc::kResourceExhausted,
                "model: " + std::to_string(count) + " parameters exceed the " +
                    std::to_string(kMaxParameters) +
                    " allowed; fewer columns or categories, or a smaller model.hidden make it "
                    "smaller");
  }
  return specs;
}

Result<Tensors> initial_parameters(const Shape& shape, std::uint64_t seed) {
  Tensors tensors;
  GENESIS_ASSIGN(tensors.specs, parameter_specs(shape));
  tensors.values.resize(element_count(tensors.specs));
  const auto inputs = static_cast<double>(shape.embedding * shape.columns());
  float* value = tensors.values.data();
  for (const auto& spec : tensors.specs) {
    const std::string_view name = spec.name;
    Rng rng(seed, RoundId{0}, "", name);
    const double fan_in = name.starts_with("input.") ? inputs : static_cast<double>(shape.hidden);
    const double bound = 1.0 / std::sqrt(fan_in);
    const bool is_embedding = name.starts_with("embedding.");
    for (std::size_t k = spec.element_count(); k > 0; --k) {
      *value++ =
          static_cast<float>(is_embedding ? rng.normal() : (2.0 * rng.uniform() - 1.0) * bound);
    }
  }
  return tensors;
}

Places::Places(const Shape& shape) {
  const auto take = [this](std::size_t count) { return std::exchange(size, size + count); };
  for (const auto codes : shape.codes) {
    embedding.push_back(take((std::size_t{codes} + 1) * shape.embedding));
  }
  for (std::size_t i = 0; i < shape.columns(); ++i) {
    input.push_back(take(shape.embedding * shape.columns() * shape.hidden));
  }
  input_bias = take(shape.columns() * shape.hidden);
  for (const auto codes : shape.codes) {
    hidden.push_back(take(shape.hidden * shape.hidden));
    hidden_bias.push_back(take(shape.hidden));
    output.push_back(take(codes * shape.hidden));
    output_bias.push_back(take(codes));
  }
}

}  // namespace genesis::autoregressive
