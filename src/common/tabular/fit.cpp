// From the summed counts to modes (encoder.hpp).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/tabular/encoder.hpp"
#include "common/tabular/encoder_layout.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/mixture.hpp"
#include "common/tabular/summary_shape.hpp"

namespace genesis::tabular {
namespace {

// A spike's count is at least so many times what is usual around it, and no accident of few rows.
constexpr double kSpikeHeight = 3.0;
constexpr std::uint64_t kLeastSpike = 10;
constexpr std::uint32_t kNeighbours = 5;   // bins on each side
constexpr double kLeastModeShare = 0.005;  // of all rows, for a Gaussian mode (CTGAN's threshold)
// Nats a row of all rows that a Gaussian mode must add to the likelihood.
constexpr double kLeastModeGain = 1e-3;

std::uint64_t sum_of(const std::vector<std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

// Median count of the bins around `bin`, without it. The median, not the mean: a spike's neighbour
// may be a spike too (45 and 50 beside 40 hours a week).
double usual_around(const std::vector<std::uint64_t>& bins, std::uint32_t bin) {
  const auto size = static_cast<std::uint32_t>(bins.size());
  const std::uint32_t first = bin > kNeighbours ? bin - kNeighbours : 0;
  const std::uint32_t last = std::min(size, bin + kNeighbours + 1);
  std::vector<std::uint64_t> around;
  for (std::uint32_t i = first; i < last; ++i) {
    if (i != bin) {
      around.push_back(bins[i]);
    }
  }
  if (around.empty()) {
    return 0.0;
  }
  const auto middle = around.begin() + static_cast<std::ptrdiff_t>(around.size() / 2);
  std::nth_element(around.begin(), middle, around.end());
  return static_cast<double>(*middle);
}

// Which candidates become exact modes. Only counts of the sum are used, and of values so heavy that
// they are candidates however the rows are split.
std::vector<bool> choose_exact(const ColumnPlan& plan,
                               const ColumnSummary& total,
                               const Grid& grid,
                               std::uint64_t rows) {
  std::vector<bool> exact(plan.candidates.size(), plan.bins == 0);
  if (plan.bins == 0) {
    return exact;
  }
  std::vector<std::uint64_t> everything = total.bins;
  for (std::size_t i = 0; i < plan.candidates.size(); ++i) {
    everything[grid.bin_of(plan.candidates[i])] += total.candidates[i];
  }
  for (std::size_t i = 0; i < plan.candidates.size(); ++i) {
    const std::uint64_t count = total.candidates[i];
    const double usual = usual_around(everything, grid.bin_of(plan.candidates[i]));
    exact[i] = count >= kLeastSpike && count * kSpikeRows >= rows &&
               static_cast<double>(count) >= kSpikeHeight * usual;
  }
  return exact;
}

void add_missing(const ColumnSummary& total, double rows, EncodedColumnSpec& spec) {
  if (total.missing > 0) {
    Mode mode;
    mode.type = Mode::Type::kMissing;
    mode.weight = static_cast<double>(total.missing) / rows;
    spec.modes.push_back(mode);
  }
}

void add_gaussians(const std::vector<std::uint64_t>& bins,
                   const Grid& grid,
                   double rows,
                   EncodedColumnSpec& spec) {
  std::vector<Bar> bars;
  for (std::uint32_t i = 0; i < bins.size(); ++i) {
    if (bins[i] > 0) {
      bars.push_back({grid.middle(i), static_cast<double>(bins[i])});
    }
  }
  if (bars.empty()) {
    return;
  }
  const double share = static_cast<double>(sum_of(bins)) / rows;
  const double range = spec.maximum - spec.minimum;
  const double scale = range > 0.0 ? range : 1.0;
  MixtureBounds bounds;
  bounds.deviation = 0.5 * grid.width();
  bounds.weight = std::min(1.0, kLeastModeShare / share);
  bounds.gain = kLeastModeGain / share;
  for (const auto& gaussian : fit_mixture(bars, bounds)) {
    Mode mode;
    mode.type = Mode::Type::kGaussian;
    mode.mean = std::clamp(spec.minimum + gaussian.mean * range, spec.minimum, spec.maximum);
    mode.deviation = gaussian.deviation * scale;
    mode.weight = gaussian.weight * share;
    spec.modes.push_back(mode);
  }
}

Status fit_numbers(const ColumnPlan& plan,
                   const ColumnSummary& total,
                   std::uint64_t rows,
                   EncodedColumnSpec& spec) {
  GENESIS_ASSIGN(const Step step, step_of(plan.kind, plan.resolution, plan.format));
  const Grid grid(plan.minimum, plan.maximum, step);
  const auto exact = choose_exact(plan, total, grid, rows);
  std::vector<std::uint64_t> bins = total.bins;
  for (std::size_t i = 0; i < plan.candidates.size(); ++i) {
    if (exact[i]) {
      Mode mode;
      mode.type = Mode::Type::kExact;
      mode.mean = plan.candidates[i];
      mode.weight = static_cast<double>(total.candidates[i]) / static_cast<double>(rows);
      spec.modes.push_back(mode);
    } else {
      bins[grid.bin_of(plan.candidates[i])] += total.candidates[i];
    }
  }
  add_gaussians(bins, grid, static_cast<double>(rows), spec);
  return {};
}

void fit_categories(const ColumnPlan& plan,
                    const ColumnSummary& total,
                    double rows,
                    EncodedColumnSpec& spec) {
  for (std::size_t i = 0; i < plan.categories.size(); ++i) {
    Mode mode;
    mode.weight = static_cast<double>(total.categories[i]) / rows;
    mode.category = plan.categories[i];
    spec.modes.push_back(std::move(mode));
  }
  if (plan.other && total.categories.back() > 0) {
    Mode mode;
    mode.type = Mode::Type::kOther;
    mode.weight = static_cast<double>(total.categories.back()) / rows;
    mode.category = plan.other_text;
    spec.modes.push_back(std::move(mode));
  }
}

}  // namespace

Result<Encoder> fit(const Plan& plan, const Summary& total) {
  GENESIS_RETURN_IF_ERROR(check_shape(total, plan));
  if (total.rows == 0) {
    return fail(Errc::kInvalidArgument, "an encoder needs at least one row");
  }
  const auto rows = static_cast<double>(total.rows);
  Encoder encoder;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    const auto& column = plan.columns[i];
    EncodedColumnSpec spec;
    spec.name = column.name;
    spec.kind = column.kind;
    spec.precision = column.precision;
    spec.resolution = column.resolution;
    spec.format = column.format;
    spec.minimum = column.minimum;
    spec.maximum = column.maximum;
    if (is_continuous(column.kind)) {
      GENESIS_RETURN_IF_ERROR(fit_numbers(column, total.columns[i], total.rows, spec));
    } else {
      fit_categories(column, total.columns[i], rows, spec);
    }
    if (column.kind != Kind::kIdentifier) {
      add_missing(total.columns[i], rows, spec);
    }
    encoder.columns_.push_back(std::move(spec));
  }
  encoder.layout_ = layout_of(encoder.columns_);
  return encoder;
}

}  // namespace genesis::tabular
