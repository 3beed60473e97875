#include "common/tabular/mixture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace genesis::tabular {
namespace {

using Modes = std::vector<Gaussian>;

constexpr double kTiny = 1e-300;

double total_count(std::span<const Bar> bars) {
  return std::accumulate(
      bars.begin(), bars.end(), 0.0, [](double sum, const Bar& bar) { return sum + bar.count; });
}

// Equal shares of the histogram, one mode each.
Modes initial_modes(std::span<const Bar> bars, std::size_t count, double least_deviation) {
  const double share = total_count(bars) / static_cast<double>(count);
  Modes modes;
  std::size_t at = 0;
  double left = bars[0].count;
  for (std::size_t i = 0; i < count; ++i) {
    double wanted = share;
    double sum = 0.0;
    double squares = 0.0;
    double mass = 0.0;
    while (wanted > 0.0 && at < bars.size()) {
      const double taken = std::min(wanted, left);
      mass += taken;
      sum += taken * bars[at].middle;
      squares += taken * bars[at].middle * bars[at].middle;
      wanted -= taken;
      left -= taken;
      if (left <= 0.0 && ++at < bars.size()) {
        left = bars[at].count;
      }
    }
    if (mass > 0.0) {
      const double mean = sum / mass;
      const double variance = std::max(0.0, squares / mass - mean * mean);
      modes.push_back(
          {mean, std::max(least_deviation, std::sqrt(variance)), 1.0 / static_cast<double>(count)});
    }
  }
  return modes;
}

// One step of expectation and maximisation; returns the log likelihood a row of `modes` as they
// were.
double improve(std::span<const Bar> bars, double total, double least_deviation, Modes& modes) {
  struct Sums {
    double mass = 0.0;
    double first = 0.0;
    double second = 0.0;
  };
  const std::size_t n = modes.size();
  std::array<Sums, kMaxModes> sums{};
  std::array<double, kMaxModes> factor{};
  std::array<double, kMaxModes> inverse{};
  for (std::size_t k = 0; k < n; ++k) {
    inverse[k] = 1.0 / modes[k].deviation;
    factor[k] = modes[k].weight * inverse[k];
  }
  double log_likelihood = 0.0;
  for (const auto& bar : bars) {
    std::array<double, kMaxModes> density{};
    double sum = kTiny;
    for (std::size_t k = 0; k < n; ++k) {
      const double z = (bar.middle - modes[k].mean) * inverse[k];
      density[k] = factor[k] * std::exp(-0.5 * z * z);
      sum += density[k];
    }
    log_likelihood += bar.count * std::log(sum);
    const double scale = bar.count / sum;
    for (std::size_t k = 0; k < n; ++k) {
      const double mass = density[k] * scale;
      const double offset = bar.middle - modes[k].mean;  // about the old mean: no cancellation
      sums[k].mass += mass;
      sums[k].first += mass * offset;
      sums[k].second += mass * offset * offset;
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    if (sums[k].mass > 0.0) {
      const double shift = sums[k].first / sums[k].mass;
      const double variance = std::max(0.0, sums[k].second / sums[k].mass - shift * shift);
      modes[k].mean += shift;
      modes[k].deviation = std::max(least_deviation, std::sqrt(variance));
    }
    modes[k].weight = sums[k].mass / total;
  }
  return log_likelihood / total;
}

double converge(std::span<const Bar> bars, double total, double least_deviation, Modes& modes) {
  constexpr int kMostSteps = 100;
  constexpr double kEnough = 1e-5;  // nats a row
  double last = -std::numeric_limits<double>::infinity();
  for (int step = 0; step < kMostSteps; ++step) {
    const double now = improve(bars, total, least_deviation, modes);
    if (now - last < kEnough) {
      return now;
    }
    last = now;
  }
  return last;
}

void remove_light(Modes& modes, double least_weight) {
  const auto lightest = std::min_element(
      modes.begin(), modes.end(), [](const auto& a, const auto& b) { return a.weight < b.weight; });
  if (modes.size() > 1 && lightest->weight < least_weight) {
    modes.erase(lightest);
  }
}

Gaussian merged(const Gaussian& a, const Gaussian& b) {
  const double weight = a.weight + b.weight;
  const double mean = (a.weight * a.mean + b.weight * b.mean) / weight;
  const double between = a.weight * b.weight * (a.mean - b.mean) * (a.mean - b.mean) / weight;
  const double within = a.weight * a.deviation * a.deviation + b.weight * b.deviation * b.deviation;
  return {mean, std::sqrt((within + between) / weight), weight};
}

// Bound on the likelihood that merging two modes costs a row (Runnalls 2007, eq. 21).
double cost_of_merging(const Gaussian& a, const Gaussian& b) {
  const Gaussian both = merged(a, b);
  return both.weight * std::log(both.deviation) - a.weight * std::log(a.deviation) -
         b.weight * std::log(b.deviation);
}

void merge_nearest(Modes& modes) {
  std::size_t first = 0;
  std::size_t second = 1;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < modes.size(); ++i) {
    for (std::size_t j = i + 1; j < modes.size(); ++j) {
      const double cost = cost_of_merging(modes[i], modes[j]);
      if (cost < least) {
        least = cost;
        first = i;
        second = j;
      }
    }
  }
  modes[first] = merged(modes[first], modes[second]);
  modes.erase(modes.begin() + static_cast<std::ptrdiff_t>(second));
}

}  // namespace

double log_density(std::span<const Gaussian> modes, double position) {
  constexpr double kRootTwoPi = 2.5066282746310002;
  double sum = kTiny;
  for (const auto& mode : modes) {
    const double z = (position - mode.mean) / mode.deviation;
    sum += mode.weight / (mode.deviation * kRootTwoPi) * std::exp(-0.5 * z * z);
  }
  return std::log(sum);
}

std::vector<Gaussian> fit_mixture(std::span<const Bar> bars, const MixtureBounds& bounds) {
  const double total = total_count(bars);
  constexpr double kParameters = 3.0;  // of a mode: mean, deviation, weight
  const double price = std::max(bounds.gain, 0.5 * kParameters * std::log(total) / total);
  Modes modes =
      initial_modes(bars, std::min({kMaxModes, bounds.modes, bars.size()}), bounds.deviation);
  double likelihood = converge(bars, total, bounds.deviation, modes);
  while (modes.size() > 1) {
    const std::size_t before = modes.size();
    remove_light(modes, bounds.weight);
    if (modes.size() < before) {
      likelihood = converge(bars, total, bounds.deviation, modes);
      continue;
    }
    Modes fewer = modes;
    merge_nearest(fewer);
    const double without = converge(bars, total, bounds.deviation, fewer);
    if (likelihood - without >= price) {
      break;
    }
    modes = std::move(fewer);
    likelihood = without;
  }
  std::sort(modes.begin(), modes.end(), [](const auto& a, const auto& b) {
    return a.mean < b.mean || (a.mean == b.mean && a.deviation < b.deviation);
  });
  const double weights =
      std::accumulate(modes.begin(), modes.end(), 0.0, [](double sum, const auto& mode) {
        return sum + mode.weight;
      });
  for (auto& mode : modes) {
    mode.weight /= weights;
  }
  return modes;
}

}  // namespace genesis::tabular
