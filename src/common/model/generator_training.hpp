#pragma once
// The generator's side of a step: rows from fresh noise, and a step against a discriminator. No row
// of a table is in it but through the discriminator and the conditions that it is given. Private to
// this folder.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/ids.hpp"
#include "common/model/discriminator.hpp"
#include "common/model/generator.hpp"
#include "common/model/network.hpp"
#include "common/model/noise.hpp"
#include "common/model/optimizer.hpp"

namespace genesis::model {

/// The random streams of the generator in one round at one site.
struct GeneratorNoise {
  GeneratorNoise(std::uint64_t seed, RoundId round, const std::string& client)
      : latent(Rng(seed, round, client, "latent")), gumbel(Rng(seed, round, client, "gumbel")) {}
  NoiseStream latent, gumbel;
};

class GeneratorTraining {
 public:
  /// `network` outlives this.
  GeneratorTraining(const Network& network, std::size_t batch);

  /// Soft rows for `condition`, from fresh noise; moves the running statistics of `weights`.
  Generator::Input generate(GeneratorNoise& noise,
                            std::span<const std::uint32_t> condition,
                            Weights& weights);
  /// (batch, width) of the last generate().
  [[nodiscard]] const Matrix& rows() const { return generator_.rows(); }

  struct Step {
    double learning_rate = 0.0;
    GradientRules rules = {};
    std::span<const float> anchor = {};   // the global generator
    std::span<const float> dropout = {};  // the discriminator's, for fake rows
  };
  /// One step of Adam after generate(); returns the loss.
  double step(const Step& step,
              const Generator::Input& input,
              Discriminator& discriminator,
              Moments& moments,
              Weights& weights);

 private:
  std::size_t batch_;
  std::size_t width_;
  Generator generator_;
  std::vector<Extent> extents_;
  std::vector<float> gradient_, gumbel_, row_gradient_;
};

}  // namespace genesis::model
