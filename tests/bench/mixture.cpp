// The mixture from counts to rows without a network: the processor time of each part, and rows for
// a judge.
//   bench_mixture MU TARGET OUT ROWS SEED SITE.csv... [-- number=MIN:MAX[:DECIMALS]...]
// MU is the Gaussian privacy of the release (0: no noise); every site adds the whole noise, rounded
// to integers. Not for release: its noise comes from a seeded generator.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/mixture/fit.hpp"
#include "common/mixture/model.hpp"
#include "common/mixture/sampler.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/tables.hpp"
#include "common/tabular/table.hpp"

namespace {

using namespace genesis;
using namespace genesis::mixture;

template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(*result);
}

// Processor time, so that other work on the machine does not count.
class Watch {
 public:
  double lap() {
    const auto now = std::clock();
    const double seconds = static_cast<double>(now - last_) / CLOCKS_PER_SEC;
    last_ = now;
    return seconds;
  }

 private:
  std::clock_t last_ = std::clock();
};

Schema schema_of(const std::vector<tabular::Table>& sites,
                 const std::map<std::string, std::string>& numbers) {
  Schema schema;
  for (const auto& first : sites[0].columns) {
    Column column;
    column.name = first.name;
    if (const auto found = numbers.find(first.name); found != numbers.end()) {
      double minimum = 0;
      double maximum = 0;
      const int read =
          std::sscanf(found->second.c_str(), "%lf:%lf:%d", &minimum, &maximum, &column.precision);
      column.kind = read == 3 ? tabular::Kind::kDecimal : tabular::Kind::kInteger;
      column.missing = Missing::kNever;
      if (auto done = set_bounds(column, minimum, maximum); !done) {
        std::fprintf(stderr, "%s\n", done.error().message.c_str());
        std::exit(1);
      }
    } else if (tabular::is_continuous(first.kind)) {
      column.kind = tabular::Kind::kDecimal;
      column.has_precision = false;
    } else {
      std::set<std::string> all;
      for (const auto& site : sites) {
        for (const auto& other : site.columns) {
          if (other.name == first.name) {
            all.insert(other.categories.begin(), other.categories.end());
          }
        }
      }
      column.categories.assign(all.begin(), all.end());
      column.missing = Missing::kNever;
    }
    schema.push_back(std::move(column));
  }
  return schema;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    return 2;
  }
  const double mu = std::atof(argv[1]);
  const std::string target = argv[2];
  const auto rows = static_cast<std::size_t>(std::atoll(argv[4]));
  const auto seed = static_cast<std::uint64_t>(std::atoll(argv[5]));
  std::vector<tabular::Table> sites;
  std::map<std::string, std::string> numbers;
  std::vector<std::string> files;
  for (int i = 6; i < argc; ++i) {
    const std::string word = argv[i];
    if (const auto at = word.find('='); at != std::string::npos) {
      numbers[word.substr(0, at)] = word.substr(at + 1);
    } else {
      files.push_back(word);
    }
  }
  for (const auto& file : files) {
    sites.push_back(must(tabular::read_csv(file)));
  }
  const auto schema = schema_of(sites, numbers);
  std::optional<std::size_t> target_at;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    if (schema[c].name == target) {
      target_at = c;
    }
  }
  const auto factor = std::sqrt(static_cast<double>(sites.size()));
  std::mt19937_64 engine(seed + 1000);
  const auto collect = [&](const auto& count, double share, std::size_t tables) {
    Measured sum;
    const double sigma = mu > 0 ? std::sqrt(static_cast<double>(tables) / (share * mu * mu)) : 0.0;
    sum.sigma = sigma * factor;
    for (const auto& site : sites) {
      const Counts counts = must(count(site));
      sum.counts.resize(counts.size());
      std::normal_distribution<double> noise(0.0, sigma > 0 ? sigma : 1.0);
      for (std::size_t i = 0; i < counts.size(); ++i) {
        sum.counts[i] +=
            static_cast<std::int64_t>(counts[i]) + (sigma > 0 ? std::llround(noise(engine)) : 0);
      }
    }
    return sum;
  };
  Watch watch;
  const auto fine = collect(
      [&](const auto& site) { return count_fine(site, schema); }, 0.08, counted_columns(schema));
  const double fine_seconds = watch.lap();
  const auto zoom = plan_zoom(schema, fine.counts, fine.sigma);
  const std::size_t zoomed = zoomed_columns(zoom.ranges);
  const auto close = collect(
      [&](const auto& site) { return count_zoom(site, zoom.schema, zoom.ranges); }, 0.04, zoomed);
  Model model;
  model.schema = zoom.schema;
  model.marginals = marginals_of(schema, fine, zoom, close);
  model.binnings = bin(zoom.schema, model.marginals, {16, target_at});
  const auto plan =
      plan_tables(model.binnings,
                  target_at ? std::optional(static_cast<std::uint32_t>(*target_at)) : std::nullopt);
  watch.lap();
  const auto tables = collect(
      [&](const auto& site) { return count_tables(site, zoom.schema, model.binnings, plan, 2); },
      zoomed > 0 ? 0.88 : 0.92,
      plan.pairs.size());
  const double table_seconds = watch.lap();
  std::vector<std::vector<double>> masses_of;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    masses_of.push_back(masses(model.marginals.columns[c], model.binnings[c]));
  }
  FitOptions options;
  options.seed = seed;
  options.components = Settings().components;
  options.threads = std::getenv("THREADS") != nullptr ? 2 : 1;
  watch.lap();
  model.components = fit(plan, tables, model.marginals.rows, masses_of, options);
  const double fit_seconds = watch.lap();
  if (std::getenv("VERBOSE") != nullptr) {
    for (std::size_t c = 0; c < schema.size(); ++c) {
      std::printf("%s: %u bins, %zu atoms, %llu units from %g\n",
                  schema[c].name.c_str(),
                  model.binnings[c].bins,
                  model.marginals.columns[c].atoms.size(),
                  static_cast<unsigned long long>(zoom.schema[c].units),
                  zoom.schema[c].minimum);
    }
  }
  std::printf(
      "rows=%.1f width=%zu cells=%zu pairs=%zu/%zu sigma=%.1f/%.1f/%.1f zoomed=%zu "
      "fine_s=%.3f tables_s=%.3f fit_s=%.2f",
      model.marginals.rows,
      model.components.width(),
      plan.cells(),
      plan.pairs.size(),
      plan.all_pairs(),
      fine.sigma,
      close.sigma,
      tables.sigma,
      zoomed,
      fine_seconds,
      table_seconds,
      fit_seconds);
  const Sampler sampler(std::move(model));
  watch.lap();
  constexpr std::size_t kBlocks = 100;
  double checksum = 0.0;
  for (std::size_t b = 0; b < kBlocks; ++b) {
    checksum += static_cast<double>(must(sampler.block(seed, b, Sampler::kBlockRows, {})).rows);
  }
  std::printf(" sampled_rows_per_s=%.0f\n", checksum / watch.lap());
  std::ofstream out(argv[3]);
  for (std::size_t first = 0; first < rows; first += Sampler::kBlockRows) {
    const auto table = must(sampler.block(
        seed, first / Sampler::kBlockRows, std::min(Sampler::kBlockRows, rows - first), {}));
    std::string text =
        first == 0 ? tabular::csv_header(table, tabular::TextCells::kRaw) : std::string();
    tabular::append_csv_rows(table, text, tabular::TextCells::kRaw);
    out << text;
  }
  return 0;
}
