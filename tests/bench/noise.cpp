// Times the noise of differential privacy: draws a second on one core, by standard deviation.
#include <chrono>
#include <cstdio>
#include <vector>

#include "common/privacy/discrete_gaussian.hpp"

using namespace genesis::privacy;
using Clock = std::chrono::steady_clock;

int main() {
  NoiseBits bits;
  for (const double sigma : {0.5, 5.0, 14.1, 37.9, 100.0, 10'000.0}) {
    const auto variance = NoiseVariance::at_least(sigma * sigma);
    if (!variance) {
      std::fprintf(stderr, "%s\n", variance.error().message.c_str());
      return 1;
    }
    const DiscreteGaussian gaussian(*variance);
    std::vector<std::int64_t> noise(1 << 20U);
    double best = 1e9;
    for (int run = 0; run < 5; ++run) {
      const auto begin = Clock::now();
      gaussian.draw(bits, noise);
      best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
    }
    std::printf("sigma %8.1f: %6.1f million draws/s\n",
                sigma,
                static_cast<double>(noise.size()) / best / 1e6);
  }
  return 0;
}
