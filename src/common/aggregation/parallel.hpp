#pragma once
// A loop over [0, size) cut into one range a thread. What runs on the ranges must not depend on the
// cuts.
#include <algorithm>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace genesis::aggregation {

/// Below this many values a thread costs more than it brings.
inline constexpr std::size_t kMinValuesPerThread = std::size_t{64} << 10;

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// At most `threads` ranges that cover [0, size), cut at multiples of a cache line of floats.
[[nodiscard]] inline std::vector<Range> split(std::size_t size, unsigned threads) {
  constexpr std::size_t kAlignment = 64;
  const std::size_t most = std::max<std::size_t>(1, size / kMinValuesPerThread);
  const std::size_t parts = std::clamp<std::size_t>(threads, 1, most);
  const std::size_t step = (size / parts + kAlignment) / kAlignment * kAlignment;
  std::vector<Range> ranges;
  for (std::size_t begin = 0; begin < size; begin += step) {
    ranges.push_back({begin, std::min(size, begin + step)});
  }
  return ranges;
}

/// body(part) for each part in [0, parts), the first on the caller's thread; returns when all are
/// done. Where the system gives no thread, the caller's does the work. `body` must not throw.
template <typename Body>
void run_parts(std::size_t parts, const Body& body) {
  std::vector<std::thread> others;
  std::size_t started = 1;
  try {
    for (; started < parts; ++started) {
      others.emplace_back(body, started);
    }
  } catch (const std::system_error&) {
    for (std::size_t part = started; part < parts; ++part) {
      body(part);
    }
  }
  if (parts > 0) {
    body(0);
  }
  for (std::thread& other : others) {
    other.join();
  }
}

}  // namespace genesis::aggregation
