#include "common/privacy/noisy_counts.hpp"

#include "common/base/check.hpp"

namespace genesis::privacy {

std::vector<std::int64_t> add_noise(std::span<const std::uint64_t> counts,
                                    const DiscreteGaussian& gaussian,
                                    NoiseBits& bits) {
  constexpr std::uint64_t kMostCount = std::uint64_t{1} << 53U;
  std::vector<std::int64_t> noisy(counts.size());
  gaussian.draw(bits, noisy);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    GENESIS_CHECK(counts[i] <= kMostCount, "a count is at most 2^53");
    noisy[i] += static_cast<std::int64_t>(counts[i]);
  }
  return noisy;
}

}  // namespace genesis::privacy
