#pragma once
// Private to this folder: the same work on parts of an index range, each in a thread of its own.
#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace genesis::secure {

/// Calls work(begin, end) on disjoint ranges that cover [0, count), of whole `grain`s.
template <typename Work>
void in_parallel(std::size_t count, std::size_t grain, unsigned threads, const Work& work) {
  const std::size_t grains = (count + grain - 1) / grain;
  const std::size_t workers = std::max<std::size_t>(1, std::min<std::size_t>(threads, grains));
  const auto part = [&](std::size_t worker) {
    return std::min(count, grains * worker / workers * grain);
  };
  std::vector<std::jthread> others;
  for (std::size_t worker = 1; worker < workers; ++worker) {
    others.emplace_back([&, worker] { work(part(worker), part(worker + 1)); });
  }
  work(part(0), part(1));
}

}  // namespace genesis::secure
