// How fast updates fold, against how fast this machine reads memory in the same run.
//   bench_aggregation [clients = 100] [values = 1030000]
// Updates hold distinct numbers and together exceed every cache. Each figure is the best of three.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string_view>
#include <thread>
#include <vector>

#include "common/aggregation/strategy.hpp"
#include "common/base/check.hpp"

namespace {

using genesis::aggregation::FoldBounds;
using Updates = std::vector<std::vector<float>>;

constexpr int kRepeats = 3;
constexpr std::uint64_t kRows = 10000;

template <typename Work>
double best_seconds(const Work& work) {
  double best = INFINITY;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

Updates make_updates(std::size_t clients, std::size_t values) {
  Updates updates(clients, std::vector<float>(values));
  std::uint32_t state = 1;
  for (auto& update : updates) {
    for (float& value : update) {
      state = state * 1664525U + 1013904223U;
      value = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-38F;
    }
  }
  return updates;
}

// Adding up the words is the least that reading them takes.
std::uint64_t sum_words(const std::vector<float>& update) {
  const auto* words = reinterpret_cast<const std::uint32_t*>(update.data());
  return std::accumulate(words, words + update.size(), std::uint32_t{0});
}

double read_seconds(const Updates& updates, unsigned threads) {
  return best_seconds([&] {
    std::vector<std::uint64_t> sums(threads);
    std::vector<std::thread> readers;
    for (unsigned reader = 0; reader < threads; ++reader) {
      readers.emplace_back([&, reader] {
        for (std::size_t i = reader; i < updates.size(); i += threads) {
          sums[reader] += sum_words(updates[i]);
        }
      });
    }
    for (auto& reader : readers) {
      reader.join();
    }
    volatile std::uint64_t kept = std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
    static_cast<void>(kept);
  });
}

// Of clients that all have kRows rows, or each some more than the one before.
double fold_seconds(std::string_view strategy,
                    const Updates& updates,
                    std::uint64_t more,
                    unsigned threads) {
  const FoldBounds bounds{.size = updates.front().size(),
                          .max_updates = updates.size(),
                          .max_total_rows = updates.size() * (kRows + updates.size() * more),
                          .threads = threads};
  return best_seconds([&] {
    auto fold = genesis::aggregation::make_fold(strategy, bounds);
    GENESIS_CHECK(fold.has_value(), "the bounds are sound");
    std::uint64_t rows = kRows;
    for (const auto& update : updates) {
      GENESIS_CHECK((*fold)->add(update, rows).has_value(), "the updates are sound");
      rows += more;
    }
    GENESIS_CHECK((*fold)->aggregate().has_value(), "there are updates");
  });
}

std::size_t argument(int count, char** arguments, int index, std::size_t otherwise) {
  if (index >= count) {
    return otherwise;
  }
  const std::string_view text = arguments[index];
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) {
    std::fprintf(stderr, "bench_aggregation [clients] [values]: \"%s\" is no count\n", text.data());
    std::exit(2);
  }
  return value;
}

}  // namespace

int main(int count, char** arguments) {
  const std::size_t clients = argument(count, arguments, 1, 100);
  const std::size_t values = argument(count, arguments, 2, 1030000);
  const Updates updates = make_updates(clients, values);
  const double gigabytes = static_cast<double>(clients * values * sizeof(float)) / 1e9;
  std::printf("%zu updates of %zu values, %.3f GB\n", clients, values, gigabytes);
  for (const unsigned threads : {1U, 2U}) {
    const double limit = gigabytes / read_seconds(updates, threads);
    std::printf("%u thread(s): memory reads %.1f GB/s\n", threads, limit);
    for (const auto& strategy : genesis::aggregation::strategies()) {
      for (const std::uint64_t more : {0U, 10U}) {
        const double rate = gigabytes / fold_seconds(strategy.name, updates, more, threads);
        std::printf("  %-13s%s%6.2f GB/s, %.2f of memory reads\n",
                    strategy.name.data(),
                    more == 0 ? "" : "clients of different rows",
                    rate,
                    rate / limit);
      }
    }
  }
  return 0;
}
