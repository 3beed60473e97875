#include "common/model/generator_training.hpp"

#include "common/model/training_state.hpp"

namespace genesis::model {
namespace {

constexpr double kDecay = 1e-6;

}  // namespace

GeneratorTraining::GeneratorTraining(const Network& network, std::size_t batch)
    : batch_(batch),
      width_(network.width),
      generator_(network, batch),
      extents_(extents_of(network, Placement::Area::kGenerator)),
      gradient_(network.generator_size),
      gumbel_(batch * network.width),
      row_gradient_(batch * network.width) {}

Generator::Input GeneratorTraining::generate(GeneratorNoise& noise,
                                             std::span<const std::uint32_t> condition,
                                             Weights& weights) {
  const Matrix z = generator_.latent();
  for (std::size_t r = 0; r < batch_; ++r) {
    noise.latent.normal({z.data + r * z.stride, z.columns});
  }
  noise.gumbel.exponential(gumbel_);
  const Generator::Input input{
      .weights = weights.generator, .condition = condition, .noise = gumbel_};
  generator_.forward(input, weights.statistics);
  return input;
}

double GeneratorTraining::step(const Step& step,
                               const Generator::Input& input,
                               Discriminator& discriminator,
                               Moments& moments,
                               Weights& weights) {
  const Matrix gradient{row_gradient_.data(), batch_, width_, width_};
  const double score = discriminator.score_fake({.weights = weights.discriminator,
                                                 .fake = view(generator_.rows()),
                                                 .condition = input.condition,
                                                 .dropout = step.dropout},
                                                gradient);
  const double cross_entropy = generator_.backward(input, gradient, gradient_);
  model::step({.learning_rate = step.learning_rate, .weight_decay = kDecay},
              step.rules,
              extents_,
              step.anchor,
              gradient_,
              moments,
              weights.generator);
  return cross_entropy - score;
}

}  // namespace genesis::model
