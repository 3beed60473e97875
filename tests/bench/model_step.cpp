// Milliseconds of a training step and rows a second of sampling on a table shaped like UCI Adult,
// beside what the matrix library reaches on the same shapes in the same run. One thread.
//   bench_model_step [repetitions]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "common/model/ctgan.hpp"
#include "common/model/matrix.hpp"
#include "common/model/threads.hpp"
#include "tests/unit/model/model_fixtures.hpp"

namespace {

using genesis::RoundId;
namespace model = genesis::model;

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double best_of(int repetitions, const auto& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    best = std::min(best, seconds_of(work));
  }
  return best;
}

// A product (m, k) x (k, n) as the step has it, and how often.
struct Product {
  enum class Form { kPlain, kLeftTransposed, kRightTransposed };
  Form form;
  std::size_t m, n, k, count;
};

struct Limit {
  double seconds = 0.0;
  double flop = 0.0;
};

Limit limit_of(const std::vector<Product>& products, int repetitions) {
  Limit limit;
  for (const auto& p : products) {
    std::vector<float> a(p.m * p.k, 0.01F), b(p.k * p.n, 0.02F), c(p.m * p.n);
    const bool left = p.form == Product::Form::kLeftTransposed;
    const bool right = p.form == Product::Form::kRightTransposed;
    const model::ConstMatrix am = left ? transpose(model::ConstMatrix{a.data(), p.k, p.m, p.m})
                                       : model::ConstMatrix{a.data(), p.m, p.k, p.k};
    const model::ConstMatrix bm = right ? transpose(model::ConstMatrix{b.data(), p.n, p.k, p.k})
                                        : model::ConstMatrix{b.data(), p.k, p.n, p.n};
    const double seconds = best_of(repetitions, [&] {
      model::multiply(am, bm, {c.data(), p.m, p.n, p.n});
    });
    limit.seconds += static_cast<double>(p.count) * seconds;
    limit.flop += static_cast<double>(p.count) * 2.0 * static_cast<double>(p.m * p.n * p.k);
  }
  return limit;
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 50;
  model::use_one_thread();
  const auto layout = model::testing::adult_layout();
  const model::CtganConfig config;
  constexpr std::size_t kRows = 2000;  // four steps an epoch: short enough for a quiet moment
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
