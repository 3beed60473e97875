// Times the accountant: bench_accountant Q SIGMA STEPS DELTA prints epsilon and the milliseconds of
// one composition, the median of eleven runs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "common/privacy/loss_distribution.hpp"

using namespace genesis::privacy;
using Clock = std::chrono::steady_clock;

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: bench_accountant Q SIGMA STEPS DELTA\n");
    return 2;
  }
  const std::vector<Mechanism> mechanisms{SubsampledGaussian{
      std::atof(argv[1]), std::atof(argv[2]), std::strtoull(argv[3], nullptr, 10)}};
  constexpr int kRuns = 11;
  std::vector<double> milliseconds;
  double epsilon = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto begin = Clock::now();
    const auto loss = LossDistribution::compose(mechanisms);
    if (!loss) {
      std::fprintf(stderr, "%s\n", loss.error().message.c_str());
      return 1;
    }
    epsilon = loss->epsilon(Delta{std::atof(argv[4])}).value;
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::ranges::nth_element(milliseconds, milliseconds.begin() + kRuns / 2);
  std::printf("%.6f %.3f\n", epsilon, milliseconds[kRuns / 2]);
  return 0;
}
