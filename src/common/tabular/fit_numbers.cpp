#include "common/tabular/fit_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "common/tabular/grid.hpp"
#include "common/tabular/mixture.hpp"
#include "common/tabular/partition.hpp"

namespace genesis::tabular {
namespace {

// A spike's count is at least so many times what is usual around it, and no accident of few rows.
constexpr double kSpikeHeight = 3.0;
constexpr std::uint64_t kLeastSpike = 10;
constexpr std::uint64_t kSpikeShare = 100;  // of all rows: one in so many
constexpr int kNeighbours = 5;              // steps on each side
// The same for a value far from all others, such as 999999999 for "not stated".
constexpr std::uint64_t kLeastSentinel = 16;
constexpr std::uint64_t kSentinelShare = 512;
constexpr double kLeastModeShare = 0.005;  // of all rows, for a Gaussian mode (CTGAN's threshold)
// Nats a row of all rows that a Gaussian mode must add to the likelihood.
constexpr double kLeastModeGain = 1e-3;
// Rows behind a gap wider than the body of the column are a mode of their own, unless so few.
constexpr double kLeastCluster = 8.0;
constexpr std::size_t kMostClusters = 5;
// A column may be learnt on another scale than its own where its extreme thousandths are so many
// times as far apart as its quartiles (4.6 times in a normal distribution), and is where that gains
// so much likelihood.
constexpr double kHeavyTails = 12.0;
constexpr double kScaleGain = 0.02;  // nats a row

// Rows between two values.
struct Piece {
  double low = 0.0;
  double high = 0.0;
  double count = 0.0;

  [[nodiscard]] double middle() const { return low + (high - low) / 2; }
};

double total_of(const std::vector<Piece>& pieces) {
  return std::accumulate(pieces.begin(), pieces.end(), 0.0, [](double sum, const Piece& piece) {
    return sum + piece.count;
  });
}

// The value below which a share of the rows lies; rows lie evenly within their piece.
double quantile(const std::vector<Piece>& pieces, double share) {
  double left = share * total_of(pieces);
  for (const auto& piece : pieces) {
    if (left <= piece.count) {
      return piece.low + (piece.high - piece.low) * (left / piece.count);
    }
    left -= piece.count;
  }
  return pieces.back().high;
}

// The cells that hold values around `value` within the domain, and how many rows a step.
double usual_around(const std::vector<Cell>& cells,
                    const Step& step,
                    const Bounds& bounds,
                    double value) {
  const double size = step.size(value);
  std::vector<double> around;
  for (int offset = -kNeighbours; size > 0.0 && offset <= kNeighbours; ++offset) {
    const double near = step.rounded(value + offset * size);
    if (offset == 0 || near < bounds.minimum || near > bounds.maximum) {
      continue;
    }
    const auto above = std::upper_bound(
        cells.begin(), cells.end(), near, [](double x, const Cell& cell) { return x < cell.low; });
    double rows = 0.0;
    if (above != cells.begin() && near < std::prev(above)->high) {
      const Cell& cell = *std::prev(above);
      const double steps = cell.is_single ? 1.0 : std::max(1.0, (cell.high - cell.low) / size);
      rows = static_cast<double>(cell.count) / steps;
    }
    around.push_back(rows);
  }
  if (around.empty()) {
    return 0.0;
  }
  // The median, not the mean: a spike's neighbour may be a spike too (45 and 50 beside 40 hours a
  // week).
  const auto middle = around.begin() + static_cast<std::ptrdiff_t>(around.size() / 2);
  std::nth_element(around.begin(), middle, around.end());
  return *middle;
}

// Rows lie within half a step of their values; cells reach no further than the domain.
std::vector<Piece> pieces_of(const std::vector<Cell>& cells,
                             const std::vector<bool>& taken,
                             const Step& step,
                             const Bounds& bounds) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (taken[i]) {
      continue;
    }
    const Cell& cell = cells[i];
    // A summary may count rows where the sites have told that there are none.
    const auto inside = [&](double x) { return std::clamp(x, bounds.minimum, bounds.maximum); };
    const double low = inside(cell.is_single ? cell.value : cell.low);
    const double high = inside(cell.is_single ? cell.value : cell.high);
    const double half = step.size(low) / 2;
    constexpr double kNoWidth = 1e-12;
    const double least = std::max(kNoWidth * std::abs(low), std::numeric_limits<double>::min());
    Piece piece{
        low - half, high + (cell.is_single ? half : -half), static_cast<double>(cell.count)};
    if (!cell.is_single && high == bounds.maximum) {
      piece.high = high + half;
    }
    piece.high = std::max(piece.high, piece.low + least);
    pieces.push_back(piece);
  }
  return pieces;
}

// Which cells become exact modes.
std::vector<bool> choose_exact(const std::vector<Cell>& cells,
                               const Step& step,
                               const Bounds& bounds,
                               std::uint64_t rows) {
  const auto stands_out = [&](const Cell& cell, std::uint64_t least, std::uint64_t share) {
    return cell.is_single && cell.value >= bounds.minimum && cell.value <= bounds.maximum &&
           cell.count >= least && cell.count * share >= rows &&
           static_cast<double>(cell.count) >=
               kSpikeHeight * usual_around(cells, step, bounds, cell.value);
  };
  std::vector<bool> exact(cells.size(), false);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    exact[i] = stands_out(cells[i], kLeastSpike, kSpikeShare);
  }
  const auto body = pieces_of(cells, exact, step, bounds);
  if (body.empty()) {
    return exact;
  }
  const double low = quantile(body, 0.05);
  const double high = quantile(body, 0.95);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool is_far = cells[i].value > high + (high - low) || cells[i].value < low - (high - low);
    exact[i] = exact[i] || (is_far && stands_out(cells[i], kLeastSentinel, kSentinelShare));
  }
  return exact;
}

// Two bars have the mean and variance of rows that lie evenly in a piece.
void add_bars(double low, double high, double count, std::vector<Bar>& bars) {
  constexpr double kOffset = 0.28867513459481287;  // 1 / (2 sqrt 3)
  const double middle = low + (high - low) / 2;
  bars.push_back({middle - kOffset * (high - low), count / 2});
  bars.push_back({middle + kOffset * (high - low), count / 2});
}

// Groups of pieces without a gap between them that is wider than the middle four fifths of all
// rows; small ones are left out. The order is that of the pieces.
std::vector<std::vector<Piece>> clusters_of(const std::vector<Piece>& pieces) {
  const double body = quantile(pieces, 0.9) - quantile(pieces, 0.1);
  std::vector<std::vector<Piece>> clusters(1);
  for (const auto& piece : pieces) {
    if (!clusters.back().empty() && piece.low - clusters.back().back().high > body) {
      clusters.emplace_back();
    }
    clusters.back().push_back(piece);
  }
  std::vector<double> sizes;
  std::transform(clusters.begin(), clusters.end(), std::back_inserter(sizes), total_of);
  auto largest = sizes;
  std::sort(largest.begin(), largest.end(), std::greater<>());
  const double least =
      std::min(largest.front(),
               std::max(kLeastCluster, largest[std::min(largest.size(), kMostClusters) - 1]));
  std::vector<std::vector<Piece>> kept;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    if (sizes[i] >= least && kept.size() < kMostClusters) {
      kept.push_back(std::move(clusters[i]));
    }
  }
  return kept;
}

// Modes that each cluster may have: one or its share, and what remains for the largest.
std::vector<std::size_t> quotas_of(const std::vector<double>& sizes) {
  const double total = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  const auto largest =
      static_cast<std::size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
  std::vector<std::size_t> quotas(sizes.size(), 0);
  std::size_t others = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (i != largest) {
      quotas[i] = std::max<std::size_t>(
          1, static_cast<std::size_t>(static_cast<double>(kMaxModes) * sizes[i] / total));
      others += quotas[i];
    }
  }
  quotas[largest] = kMaxModes > others ? kMaxModes - others : 1;
  return quotas;
}

// Gaussians on one scale, and how well they tell the rows.
struct Fitted {
  Scale scale;
  std::vector<Gaussian> modes;  // weights sum to 1
  double likelihood = 0.0;      // nats a row
};

std::vector<Gaussian> fit_cluster(const std::vector<Piece>& cluster,
                                  double rows,
                                  std::size_t quota,
                                  double half_step) {
  const double first = cluster.front().low;
  // Another scale may hold no difference between its ends.
  const double range = std::max(cluster.back().high - first, std::numeric_limits<double>::min());
  std::vector<Bar> bars;
  for (const auto& piece : cluster) {
    add_bars((piece.low - first) / range, (piece.high - first) / range, piece.count, bars);
  }
  const double share = total_of(cluster) / rows;
  constexpr double kResolution = 1.0 / 8192;
  MixtureBounds bounds;
  bounds.deviation = std::min(0.5, std::max(half_step / range, kResolution));
  bounds.weight = std::min(1.0, kLeastModeShare / share);
  bounds.gain = kLeastModeGain / share;
  bounds.modes = quota;
  auto modes = fit_mixture(bars, bounds);
  for (auto& mode : modes) {
    mode.mean = first + mode.mean * range;
    mode.deviation *= range;
  }
  return modes;
}

double likelihood_of(const std::vector<Gaussian>& modes, const std::vector<Piece>& pieces) {
  constexpr double kLeast = -30.0;  // nats: so that one far row does not decide on the scale
  double sum = 0.0;
  for (const auto& piece : pieces) {
    const double width = std::log(std::max(piece.high - piece.low, 1e-300));
    sum += piece.count * std::max(kLeast, log_density(modes, piece.middle()) + width);
  }
  return sum / total_of(pieces);
}

Fitted fit_on(const Scale& scale, std::vector<Piece> pieces, double rows, double step) {
  for (auto& piece : pieces) {
    piece.low = scale.forward(piece.low);
    piece.high = scale.forward(piece.high);
  }
  const auto clusters = clusters_of(pieces);
  std::vector<double> sizes;
  std::transform(clusters.begin(), clusters.end(), std::back_inserter(sizes), total_of);
  const double kept = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  const auto quotas = quotas_of(sizes);
  Fitted fitted;
  fitted.scale = scale;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    const double half_step = scale.unit > 0.0 ? 0.0 : step / 2;
    for (auto mode : fit_cluster(clusters[i], rows, quotas[i], half_step)) {
      mode.weight *= sizes[i] / kept;
      fitted.modes.push_back(mode);
    }
  }
  fitted.likelihood = likelihood_of(fitted.modes, pieces);
  return fitted;
}

// Scales that a column with heavy tails may be better told on: orders of magnitude from zero, with
// the smallest twentieth or the smaller half of the magnitudes as "near zero", or from the median.
std::vector<Scale> other_scales(const std::vector<Piece>& pieces) {
  std::vector<Piece> magnitudes;
  for (const auto& piece : pieces) {
    const double magnitude = std::abs(piece.middle());
    magnitudes.push_back({magnitude, magnitude, piece.count});
  }
  std::sort(magnitudes.begin(), magnitudes.end(), [](const auto& a, const auto& b) {
    return a.low < b.low;
  });
  const double quarter = quantile(pieces, 0.75) - quantile(pieces, 0.25);
  std::vector<Scale> scales;
  for (const Scale& scale : {Scale{0.0, quantile(magnitudes, 0.05)},
                             Scale{0.0, quantile(magnitudes, 0.5)},
                             Scale{quantile(pieces, 0.5), quarter / 2}}) {
    if (scale.unit > std::numeric_limits<double>::min()) {
      scales.push_back(scale);
    }
  }
  return scales;
}

Fitted fit_pieces(const std::vector<Piece>& pieces, double rows, double step) {
  Fitted best = fit_on(Scale{}, pieces, rows, step);
  const double extremes = quantile(pieces, 0.999) - quantile(pieces, 0.001);
  const double quartiles = quantile(pieces, 0.75) - quantile(pieces, 0.25);
  if (extremes <= kHeavyTails * quartiles) {
    return best;
  }
  double least = best.likelihood + kScaleGain;
  for (const auto& scale : other_scales(pieces)) {
    auto fitted = fit_on(scale, pieces, rows, step);
    if (fitted.likelihood > least) {
      least = fitted.likelihood;
      best = std::move(fitted);
    }
  }
  return best;
}

void add_exact(double value, std::uint64_t count, double rows, EncodedColumnSpec& spec) {
  Mode mode;
  mode.type = Mode::Type::kExact;
  mode.mean = value;
  mode.weight = static_cast<double>(count) / rows;
  spec.modes.push_back(mode);
}

// Of the exact cells those that hold the most rows stay so; of equal ones the first.
void keep_heaviest(const std::vector<Cell>& cells, std::size_t most, std::vector<bool>& exact) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (exact[i]) {
      chosen.push_back(i);
    }
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
    return cells[a].count > cells[b].count;
  });
  for (std::size_t i = most; i < chosen.size(); ++i) {
    exact[chosen[i]] = false;
  }
}

}  // namespace

std::vector<double> exact_values(std::span<const ValueCount> told,
                                 const Step& step,
                                 const Bounds& bounds,
                                 std::uint64_t present) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  std::vector<Cell> cells;
  for (const auto& [value, count] : told) {
    const double end = std::max(value + step.size(value), std::nextafter(value, kLargest));
    cells.push_back({value, end, count, true, value});
  }
  const auto exact = choose_exact(cells, step, bounds, present);
  std::vector<double> values;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (exact[i]) {
      values.push_back(cells[i].value);
    }
  }
  return values;
}

Status fit_numbers(const ColumnPlan& plan,
                   const ColumnSummary& total,
                   std::uint64_t rows,
                   EncodedColumnSpec& spec) {
  const auto all = static_cast<double>(rows);
  for (std::size_t i = 0; i < plan.values.size(); ++i) {
    add_exact(plan.values[i], total.values[i], all, spec);
  }
  if (plan.few_values) {
    return {};
  }
  GENESIS_ASSIGN(const Step step, step_of(plan.kind, plan.rounding, plan.format));
  const Bounds bounds{spec.minimum, spec.maximum};
  const auto cells = cells_of(plan.edges, total.bins, step);
  auto exact = choose_exact(cells, step, bounds, rows);
  keep_heaviest(cells, plan.most_exact, exact);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (exact[i]) {
      add_exact(cells[i].value, cells[i].count, all, spec);
    }
  }
  const auto pieces = pieces_of(cells, exact, step, bounds);
  if (pieces.empty()) {
    return {};
  }
  const auto fitted = fit_pieces(pieces, all, step.significant == 0 ? step.size(0.0) : 0.0);
  spec.scale = fitted.scale;
  const double share = total_of(pieces) / all;
  const double low = spec.scale.forward(spec.minimum);
  const double high = spec.scale.forward(spec.maximum);
  for (const auto& gaussian : fitted.modes) {
    Mode mode;
    mode.type = Mode::Type::kGaussian;
    mode.mean = std::clamp(gaussian.mean, low, high);
    mode.deviation = gaussian.deviation;
    mode.weight = gaussian.weight * share;
    spec.modes.push_back(mode);
  }
  return {};
}

}  // namespace genesis::tabular
