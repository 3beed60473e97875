// Milliseconds of a training step and rows a second of sampling on a table shaped like UCI Adult,
// beside what the matrix library reaches on the same shapes in the same run. One thread.
//   bench_model_step [repetitions]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "common/base/clock.hpp"
#include "common/model/ctgan.hpp"
#include "common/model/private_trainer.hpp"
#include "common/model/threads.hpp"
#include "common/privacy/cost.hpp"
#include "tests/bench/products.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace {

using genesis::RoundId;
namespace model = genesis::model;
using namespace genesis::bench;

constexpr std::size_t kRows = 2000;  // four steps an epoch: short enough for a quiet moment

// Seconds of a step, the least of all repetitions; `train` takes a round's number and gives its
// result.
template <typename Train>
double step_seconds(int repetitions, genesis::Tensors parameters, const Train& train) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    const genesis::Elapsed elapsed;
    auto result = train(parameters, RoundId{static_cast<std::uint32_t>(i + 1)});
    if (!result) {
      std::fprintf(stderr, "%s\n", result.error().message.c_str());
      std::exit(1);
    }
    least = std::min(least, elapsed.seconds() / static_cast<double>(result->metrics.steps));
    parameters = std::move(result->parameters);
  }
  return least;
}

// A private step of pac 1 takes one row of four by chance, as a plain one takes its batch.
void print_private_step(int repetitions, const genesis::tabular::Layout& layout, double plain) {
  const auto table = model::testing::random_table(layout, kRows);
  model::TrainingConfig config;
  config.client = "bench";
  config.ctgan.pac = 1;
  const auto parameters = model::initial_parameters(config.ctgan, layout, 7).value();
  auto alone = model::Trainer::create(config, layout, table).value();
  const double plain_alone =
      step_seconds(repetitions, parameters, [&](const auto& from, RoundId round) {
        return alone.train(from, round, 2e-4);
      });
  auto trainer =
      model::PrivateTrainer::create(config, layout, table, static_cast<double>(kRows)).value();
  genesis::privacy::NoiseBits bits;
  const genesis::privacy::PrivateSteps steps{
      .steps = 6, .sampling = genesis::privacy::kMostSampling / 4, .multiplier = 1.0};
  const double seconds =
      step_seconds(repetitions, parameters, [&](const auto& from, RoundId round) {
        return trainer.train_privately(from, round, 2e-4, steps, bits);
      });
  std::printf("private step       %6.2f ms\n", seconds * 1e3);
  std::printf("  private / plain  %6.2f\n", seconds / plain);
  std::printf("  the same, pac 1  %6.2f  (%.2f ms)\n", seconds / plain_alone, plain_alone * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 50;
  model::use_one_thread();
  const auto layout = model::testing::adult_layout();
  const model::CtganConfig config;
  model::TrainingConfig training_config;
  training_config.client = "bench";
  auto trainer =
      model::Trainer::create(training_config, layout, model::testing::random_table(layout, kRows));
  if (!trainer) {
    std::fprintf(stderr, "%s\n", trainer.error().message.c_str());
    return 1;
  }
  auto parameters = model::initial_parameters(config, layout, 7).value();
  double step = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    auto result = trainer->train(parameters, RoundId{static_cast<std::uint32_t>(i + 1)}, 2e-4);
    if (!result) {
      std::fprintf(stderr, "%s\n", result.error().message.c_str());
      return 1;
    }
    step = std::min(step, result->metrics.step_seconds);
    parameters = std::move(result->parameters);
  }

  using enum Product::Form;
  const Limit training = limit_of(
      {
          // the generator forward, twice
          {kPlain, 500, 256, 128, 2},
          {kPlain, 500, 256, 384, 2},
          {kPlain, 500, 156, 640, 2},
          // the generator backward
          {kLeftTransposed, 640, 156, 500, 1},
          {kRightTransposed, 500, 512, 156, 1},
          {kLeftTransposed, 384, 256, 500, 1},
          {kRightTransposed, 500, 256, 256, 1},
          {kLeftTransposed, 128, 256, 500, 1},
          // the discriminator on fake rows, twice; its gradients, with the penalty's
          {kPlain, 50, 256, 1560, 2},
          {kPlain, 150, 256, 256, 1},
          {kPlain, 50, 256, 256, 2},
          {kRightTransposed, 150, 256, 256, 1},
          {kRightTransposed, 50, 256, 256, 1},
          {kRightTransposed, 50, 1560, 256, 1},
          {kRightTransposed, 50, 2600, 256, 1},
          {kPlain, 50, 256, 2600, 1},
          {kLeftTransposed, 1560, 256, 100, 1},
          {kLeftTransposed, 1040, 256, 50, 1},
          {kLeftTransposed, 256, 256, 150, 1},
      },
      repetitions);
  std::printf("training step      %6.2f ms\n", step * 1e3);
  std::printf("  its products     %6.2f ms  (%.2f GFLOP at %.1f GFLOP/s)\n",
              training.seconds * 1e3,
              training.flop * 1e-9,
              training.flop / training.seconds * 1e-9);
  std::printf("  step / products  %6.2f\n", step / training.seconds);

  print_private_step(repetitions, layout, step);

  auto sampler = model::Sampler::create(config, layout, parameters);
  if (!sampler) {
    std::fprintf(stderr, "%s\n", sampler.error().message.c_str());
    return 1;
  }
  constexpr std::size_t kBlock = model::Sampler::kBlockRows;
  std::uint64_t block = 0;
  const double sampling =
      best_of(repetitions, [&] { (void)sampler->sample_block(1, block++, kBlock); });
  const Limit limit = limit_of(
      {{kPlain, 256, 256, 128, 16}, {kPlain, 256, 256, 384, 16}, {kPlain, 256, 156, 640, 16}},
      repetitions);
  const auto rows = static_cast<double>(kBlock);
  std::printf("sampling           %6.0f rows/s\n", rows / sampling);
  std::printf("  its products     %6.0f rows/s  (%.1f GFLOP/s)\n",
              rows / limit.seconds,
              limit.flop / limit.seconds * 1e-9);
  std::printf("  products' share  %6.2f\n", limit.seconds / sampling);
  return 0;
}
