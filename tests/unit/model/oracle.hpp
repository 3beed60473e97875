#pragma once
// CTGAN once more in plain LibTorch, in double precision, with autograd: what the hand-written
// gradients are compared with. It is written from the paper and shares no code with the library.
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>
// Debian's LibTorch brings glog, whose CHECK is not Catch's.
#undef CHECK

#include "common/base/tensors.hpp"
#include "common/model/discriminator.hpp"
#include "common/model/parameters.hpp"
#include "common/tabular/layout.hpp"
#include "tests/support/catch.hpp"

namespace genesis::model::testing {

using Named = std::map<std::string, at::Tensor>;

/// Leaf tensors in double, requiring gradients.
inline Named leaves(const Tensors& tensors) {
  Named named;
  const float* values = tensors.values.data();
  for (const auto& spec : tensors.specs) {
    auto tensor = at::from_blob(const_cast<float*>(values), spec.shape, at::kFloat).to(at::kDouble);
    named[spec.name] = tensor.set_requires_grad(spec.name.find("running") == std::string::npos);
    values += spec.element_count();
  }
  return named;
}

inline at::Tensor matrix(const std::vector<float>& values,
                         std::int64_t rows,
                         std::int64_t columns) {
  return at::from_blob(const_cast<float*>(values.data()), {rows, columns}, at::kFloat)
      .to(at::kDouble);
}

inline at::Tensor one_hot(const std::vector<std::uint32_t>& index, std::int64_t width) {
  auto result = at::zeros({static_cast<std::int64_t>(index.size()), width}, at::kDouble);
  for (std::size_t i = 0; i < index.size(); ++i) {
    result[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(index[i])] = 1.0;
  }
  return result;
}

inline at::Tensor linear(const Named& w, const std::string& name, const at::Tensor& x) {
  return at::matmul(x, w.at(name + ".weight").t()) + w.at(name + ".bias");
}

struct GeneratorOutput {
  at::Tensor logits, rows;
};

/// x = concat(z, condition); the running statistics in `w` are moved as torch's batch norm does.
inline GeneratorOutput generator(Named& w,
                                 const CtganConfig& config,
                                 const tabular::Layout& layout,
                                 at::Tensor x,
                                 const at::Tensor& exponentials) {
  for (std::size_t i = 0; i < config.generator_dims.size(); ++i) {
    const std::string block = "generator.blocks." + std::to_string(i);
    const auto h = at::batch_norm(linear(w, block + ".linear", x),
                                  w.at(block + ".norm.weight"),
                                  w.at(block + ".norm.bias"),
                                  w.at(block + ".norm.running_mean"),
                                  w.at(block + ".norm.running_var"),
                                  true,
                                  0.1,
                                  1e-5,
                                  false);
    x = at::cat({at::relu(h), x}, 1);
  }
  GeneratorOutput out;
  out.logits = linear(w, "generator.output", x);
  const auto gumbel = -exponentials.log();
  std::vector<at::Tensor> parts;
  std::int64_t at_column = 0;
  for (const auto& column : layout.columns) {
    const std::int64_t first = at_column + (column.has_value ? 1 : 0);
    const std::int64_t modes = column.modes;
    if (modes == 0) {
      continue;
    }
    const auto soft =
        at::softmax((out.logits.narrow(1, first, modes) + gumbel.narrow(1, first, modes)) / 0.2, 1);
    if (column.has_value) {
      auto gate = at::zeros({modes}, at::kDouble);
      for (std::int64_t k = 0; k < modes; ++k) {
        gate[k] = static_cast<double>(column.mode_has_value[static_cast<std::size_t>(k)]);
      }
      const auto open = at::matmul(soft, gate).unsqueeze(1);
      parts.push_back(at::tanh(out.logits.narrow(1, at_column, 1)) * open);
    }
    parts.push_back(soft);
    at_column = first + modes;
  }
  out.rows = at::cat(parts, 1);
  return out;
}

/// Mean over rows of -log softmax(conditioned column's logits)[category].
inline at::Tensor condition_loss(const tabular::Layout& layout,
                                 const at::Tensor& logits,
                                 const std::vector<std::uint32_t>& condition) {
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (std::size_t r = 0; r < condition.size(); ++r) {
    std::int64_t at_column = 0;
    std::int64_t at_condition = 0;
    for (const auto& column : layout.columns) {
      const std::int64_t modes = column.modes;
      at_column += column.has_value ? 1 : 0;
      if (column.conditional) {
        const std::int64_t k = static_cast<std::int64_t>(condition[r]) - at_condition;
        if (k >= 0 && k < modes) {
          sum = sum - at::log_softmax(
                          logits[static_cast<std::int64_t>(r)].narrow(0, at_column, modes), 0)[k];
        }
        at_condition += modes;
      }
      at_column += modes;
    }
  }
  return sum / static_cast<double>(condition.size());
}

/// Scores (groups, 1) of rows (batch, width + condition_width); one dropout mask a layer.
inline at::Tensor discriminator(const Named& w,
                                const CtganConfig& config,
                                const at::Tensor& rows,
                                const std::vector<at::Tensor>& dropout) {
  auto x = rows.reshape({rows.size(0) / config.pac, rows.size(1) * config.pac});
  for (std::size_t i = 0; i < config.discriminator_dims.size(); ++i) {
    x = at::leaky_relu(linear(w, "discriminator.layers." + std::to_string(i), x), 0.2) * dropout[i];
  }
  return linear(w, "discriminator.output", x);
}

/// d output / d inputs, by way of Tensor::backward and .grad: needs no header beyond ATen's. Inputs
/// that take no part get zeros. With kGraph the gradients can be differentiated again.
enum class Keep { kNothing, kGraph };
inline std::vector<at::Tensor> gradients(const at::Tensor& output,
                                         const std::vector<at::Tensor>& inputs,
                                         Keep keep = Keep::kNothing) {
  output.backward({}, true, keep == Keep::kGraph, inputs);
  std::vector<at::Tensor> result;
  for (const auto& input : inputs) {
    result.push_back(input.grad().defined() ? input.grad() : at::zeros_like(input));
    input.mutable_grad().reset();
  }
  return result;
}

inline std::vector<at::Tensor> parameters_of(const Named& w, const std::string& prefix) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : w) {
    if (name.starts_with(prefix) && tensor.requires_grad()) {
      tensors.push_back(tensor);
    }
  }
  return tensors;
}

/// The largest difference between `tensors` (public layout) and the oracle's gradients by name.
inline double worst_difference(const Tensors& actual,
                               const Named& w,
                               const std::string& prefix,
                               const std::vector<at::Tensor>& reference) {
  Named expected;
  std::size_t i = 0;
  for (const auto& [name, tensor] : w) {
    if (name.starts_with(prefix) && tensor.requires_grad()) {
      expected[name] = reference[i++];
    }
  }
  double worst = 0.0;
  const float* values = actual.values.data();
  for (const auto& spec : actual.specs) {
    if (const auto found = expected.find(spec.name); found != expected.end()) {
      const auto own =
          at::from_blob(const_cast<float*>(values), spec.shape, at::kFloat).to(at::kDouble);
      worst = std::max(worst, (own - found->second).abs().max().item<double>());
    }
    values += spec.element_count();
  }
  return worst;
}

}  // namespace genesis::model::testing
