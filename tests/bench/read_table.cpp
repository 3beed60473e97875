// Times reading a table: bench_read TABLE prints, as one line of JSON, the best of three runs, the
// bytes of the compact table (8 a number, 4 a code, the texts of categories) and the peak resident
// memory.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>

#include <sys/resource.h>

#include "common/tabular/table.hpp"

using namespace genesis;

namespace {

std::uint64_t compact_bytes(const tabular::Table& table) {
  std::uint64_t bytes = 0;
  for (const auto& column : table.columns) {
    bytes += column.numbers.size() * sizeof(double) + column.codes.size() * sizeof(std::uint32_t);
    for (const auto& category : column.categories) {
      bytes += category.size();
    }
  }
  return bytes;
}

long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_read TABLE\n");
    return 2;
  }
  constexpr int kRuns = 3;
  double best = 1e9;
  std::uint64_t compact = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    const auto table = tabular::read_csv(argv[1]);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    if (!table) {
      std::fprintf(stderr, "%s\n", table.error().message.c_str());
      return 1;
    }
    best = std::min(best, taken.count());
    compact = compact_bytes(*table);
  }
  std::printf("{\"seconds\": %.3f, \"compact_bytes\": %llu, \"peak_bytes\": %llu}\n",
              best,
              static_cast<unsigned long long>(compact),
              static_cast<unsigned long long>(peak_kib()) * 1024);
  return 0;
}
