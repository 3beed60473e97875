#include "common/model/optimizer.hpp"

#include <cmath>
#include <vector>

#include "tests/support/catch.hpp"

namespace genesis::model {
namespace {

const std::vector<Extent> kTwoTensors = {{0, 3}, {3, 2}};

struct Adam {
  std::vector<float> weights = {0.5F, -0.25F, 1.0F, 0.0F, -2.0F};
  std::vector<float> anchor = {0.4F, -0.5F, 1.5F, 0.25F, -1.0F};
  Moments moments{std::vector<float>(5), std::vector<float>(5), 0};

  void apply(std::vector<float> gradient, const GradientRules& rules, AdamOptions options) {
    step(options, rules, kTwoTensors, anchor, gradient, moments, weights);
  }
};

double norm(const std::vector<float>& values, const Extent& extent, float factor) {
  double squares = 0.0;
  for (std::size_t i = extent.offset; i < extent.offset + extent.count; ++i) {
    squares += std::pow(static_cast<double>(values[i] * factor), 2);
  }
  return std::sqrt(squares);
}

}  // namespace

TEST_CASE("model: Adam follows its formula with weight decay as L2", "[model]") {
  Adam adam;
  std::vector<double> w(adam.weights.begin(), adam.weights.end()), m(5), v(5);
  for (int t = 1; t <= 7; ++t) {
    std::vector<float> gradient;
    for (int i = 0; i < 5; ++i) {
      gradient.push_back(static_cast<float>(std::sin(t + 3 * i)));
    }
    for (std::size_t i = 0; i < 5; ++i) {
      const double g = static_cast<double>(gradient[i]) + 0.1 * w[i];
      m[i] = 0.5 * m[i] + 0.5 * g;
      v[i] = 0.9 * v[i] + 0.1 * g * g;
      w[i] -= 0.01 * (m[i] / (1.0 - std::pow(0.5, t))) /
              (std::sqrt(v[i] / (1.0 - std::pow(0.9, t))) + 1e-8);
    }
    adam.apply(gradient, {}, {.learning_rate = 0.01, .weight_decay = 0.1});
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK_THAT(static_cast<double>(adam.weights[i]), WithinAbs(w[i], 1e-6));
    }
  }
  CHECK(adam.moments.steps == 7);
}

TEST_CASE("model: FedProx's term adds mu times the distance to the global weights", "[model]") {
  Adam with, by_hand;
  const std::vector<float> gradient = {0.1F, 0.2F, -0.3F, 0.4F, 0.5F};
  std::vector<float> sum = gradient;
  for (std::size_t i = 0; i < 5; ++i) {
    sum[i] += 0.5F * (by_hand.weights[i] - by_hand.anchor[i]);
  }
  with.apply(gradient,
             {.proximal_mu = 0.5, .max_grad_norm = {}, .clip_per_layer = false},
             {.learning_rate = 0.01});
  by_hand.apply(sum, {}, {.learning_rate = 0.01});
  CHECK(with.weights == by_hand.weights);
  CHECK(with.moments.second == by_hand.moments.second);
}

TEST_CASE("model: clipping scales the whole gradient, or each tensor's, to the norm", "[model]") {
  const std::vector<float> gradient = {3.0F, 0.0F, 4.0F, 0.1F, 0.0F};  // norms 5 and 0.1
  const auto global = clip_factors(
      {.proximal_mu = 0, .max_grad_norm = 1.0, .clip_per_layer = false}, kTwoTensors, gradient);
  CHECK(global[0] == global[1]);
  CHECK_THAT(std::hypot(norm(gradient, kTwoTensors[0], global[0]),
                        norm(gradient, kTwoTensors[1], global[1])),
             WithinAbs(1.0, 1e-5));
  const auto layers = clip_factors(
      {.proximal_mu = 0, .max_grad_norm = 1.0, .clip_per_layer = true}, kTwoTensors, gradient);
  CHECK_THAT(norm(gradient, kTwoTensors[0], layers[0]), WithinAbs(1.0, 1e-5));
  CHECK(layers[1] == 1.0F);  // short enough already
  CHECK(clip_factors({}, kTwoTensors, gradient) == std::vector<float>{1.0F, 1.0F});
}

TEST_CASE("model: the proximal term is clipped together with the gradient", "[model]") {
  Adam adam;
  const GradientRules rules{.proximal_mu = 1000.0, .max_grad_norm = 1e-3, .clip_per_layer = false};
  adam.apply(std::vector<float>(5), rules, {.learning_rate = 0.01});
  double squares = 0.0;
  for (const float first : adam.moments.first) {  // half of the first gradient
    squares += std::pow(2.0 * static_cast<double>(first), 2);
  }
  CHECK_THAT(std::sqrt(squares), WithinRel(1e-3, 1e-3));
}

}  // namespace genesis::model
