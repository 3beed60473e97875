// Times reading and encoding of tables: bench_encoder TABLE... reads each, agrees on one encoding
// as the sites of a training do, and encodes all; the best of five runs is printed.
#include "common/tabular/encoder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

using namespace genesis;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Result<double> encode_all(const std::vector<tabular::Table>& tables) {
  const auto begin = Clock::now();
  std::vector<tabular::NamedSketch> sketches;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    sketches.push_back({"site-" + std::to_string(i), tabular::sketch(tables[i])});
  }
  GENESIS_ASSIGN(auto plan, tabular::plan(sketches, {}));
  tabular::Summary total;
  for (const auto& table : tables) {
    GENESIS_ASSIGN(auto summary, tabular::summarize(table, plan));
    GENESIS_RETURN_IF_ERROR(tabular::merge(total, summary, plan));
  }
  GENESIS_ASSIGN(auto encoder, tabular::fit(plan, total));
  for (const auto& table : tables) {
    GENESIS_ASSIGN(auto encoded, encoder.encode(table, Rng(7, RoundId{0}, "", "bench")));
  }
  return seconds_since(begin);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kRuns = 5;
  std::vector<tabular::Table> tables;
  std::size_t rows = 0;
  const auto begin = Clock::now();
  for (int i = 1; i < argc; ++i) {
    auto table = tabular::read_csv(argv[i]);
    if (!table) {
      std::fprintf(stderr, "%s\n", table.error().message.c_str());
      return 1;
    }
    rows += table->rows;
    tables.push_back(std::move(*table));
  }
  const double reading = seconds_since(begin);
  double best = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    const auto time = encode_all(tables);
    if (!time) {
      std::fprintf(stderr, "%s\n", time.error().message.c_str());
      return 1;
    }
    best = std::min(best, *time);
  }
  std::printf(
      "%zu rows: read in %.3f s, encoder fitted and rows encoded in %.3f s\n", rows, reading, best);
  return 0;
}
