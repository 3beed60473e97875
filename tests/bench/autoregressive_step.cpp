// Milliseconds of a training step and rows a second of sampling of an autoregressive network on a
// table shaped like UCI Adult, beside what the matrix library reaches on the same shapes in the
// same run; and of a step under differential privacy, whose batches have as many rows on average.
// One thread.
//   bench_autoregressive_step [repetitions]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "common/autoregressive/sampler.hpp"
#include "common/autoregressive/trainer.hpp"
#include "common/model/threads.hpp"
#include "common/privacy/cost.hpp"
#include "tests/bench/products.hpp"

namespace {

using namespace genesis::bench;
namespace autoregressive = genesis::autoregressive;
using genesis::RoundId;

constexpr std::size_t kBatch = 500;

autoregressive::CodedTable random_rows(const autoregressive::Shape& shape, std::size_t rows) {
  genesis::Rng rng(1, RoundId{0}, "", "random rows");
  autoregressive::CodedTable table;
  table.rows = rows;
  for (const auto codes : shape.codes) {
    auto& column = table.codes.emplace_back();
    for (std::size_t r = 0; r < rows; ++r) {
      column.push_back(static_cast<std::uint32_t>(rng.below(codes)));
    }
  }
  return table;
}

// The hidden and output layers of all columns; the first layers gather.
std::vector<Product> products(const autoregressive::Shape& shape, std::size_t rows, bool backward) {
  using enum Product::Form;
  std::vector<Product> all{{kRightTransposed, rows, shape.hidden, shape.hidden, shape.columns()}};
  if (backward) {
    all.push_back({kLeftTransposed, shape.hidden, shape.hidden, rows, shape.columns()});
    all.push_back({kPlain, rows, shape.hidden, shape.hidden, shape.columns()});
  }
  for (const std::size_t codes : shape.codes) {
    all.push_back({kRightTransposed, rows, codes, shape.hidden, 1});
    if (backward) {
      all.push_back({kLeftTransposed, codes, shape.hidden, rows, 1});
      all.push_back({kPlain, rows, shape.hidden, codes, 1});
    }
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 50;
  genesis::model::use_one_thread();
  const autoregressive::Shape shape{
      12, 128, {50, 9, 50, 16, 16, 7, 15, 6, 5, 2, 50, 50, 50, 42, 2}};
  autoregressive::TrainingConfig config;
  config.order.resize(shape.columns());
  for (const auto codes : shape.codes) {
    config.site_logits.emplace_back(codes, 0.0F);
  }
  std::iota(config.order.begin(), config.order.end(), 0U);
  auto trainer = autoregressive::Trainer::create(config, shape, random_rows(shape, 4 * kBatch));
  auto parameters = autoregressive::initial_parameters(shape, 7);
  if (!trainer || !parameters) {
    std::fprintf(stderr, "the shape is refused\n");
    return 1;
  }
  constexpr double kSteps = 4.0;  // an epoch: short enough for a quiet moment
  std::uint32_t round = 0;
  const double epoch = best_of(repetitions, [&] {
    *parameters = std::move(trainer->train(*parameters, RoundId{++round}, 2e-4)->parameters);
  });
  const double step = epoch / kSteps;
  const Limit training = limit_of(products(shape, kBatch, true), repetitions);
  std::printf("training step      %6.2f ms\n", step * 1e3);
  std::printf("  its products     %6.2f ms  (%.2f GFLOP at %.1f GFLOP/s)\n",
              training.seconds * 1e3,
              training.flop * 1e-9,
              training.flop / training.seconds * 1e-9);
  std::printf("  step / products  %6.2f\n", step / training.seconds);

  const genesis::privacy::PrivateSteps private_steps{
      .steps = static_cast<std::uint64_t>(kSteps),
      .sampling = genesis::privacy::kMostSampling / 4,
      .max_grad_norm = 1.0,
      .multiplier = 1.0};
  genesis::privacy::NoiseBits bits;
  const double private_epoch = best_of(repetitions, [&] {
    *parameters =
        std::move(trainer->train_privately(*parameters, RoundId{++round}, 2e-4, private_steps, bits)
                      ->parameters);
  });
  std::printf("private step       %6.2f ms\n", private_epoch / kSteps * 1e3);
  std::printf("  private / plain  %6.2f\n", private_epoch / epoch);

  const auto sampler = autoregressive::Sampler::create(shape, config.order, std::move(*parameters));
  if (!sampler) {
    std::fprintf(stderr, "%s\n", sampler.error().message.c_str());
    return 1;
  }
  constexpr std::size_t kBlock = autoregressive::Sampler::kBlockRows;
  std::uint64_t block = 0;
  const double sampling =
      best_of(repetitions, [&] { (void)sampler->block(1, block++, kBlock, {}); });
  const Limit limit = limit_of(products(shape, kBlock, false), repetitions);
  const auto rows = static_cast<double>(kBlock);
  std::printf("sampling           %6.0f rows/s\n", rows / sampling);
  std::printf("  its products     %6.0f rows/s  (%.1f GFLOP/s)\n",
              rows / limit.seconds,
              limit.flop / limit.seconds * 1e-9);
  std::printf("  products' share  %6.2f\n", limit.seconds / sampling);
  return 0;
}
