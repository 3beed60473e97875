#include "common/privacy/loss_grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "common/base/overloaded.hpp"
#include "common/privacy/normal.hpp"

namespace genesis::privacy {
namespace {

// A standard normal variable exceeds this with a probability of at most `tail`.
double reach(double tail) {
  return std::sqrt(-2 * std::log(tail));
}

// ---- Subsampled Gaussian: with the row, x ~ (1 - q) N(0, s^2) + q N(1, s^2); without, N(0, s^2).

double loss_at(const SubsampledGaussian& m, double x) {
  const double exponent = (2 * x - 1) / (2 * m.noise_multiplier * m.noise_multiplier);
  if (m.sampling_rate == 1) {
    return exponent;
  }
  return exponent > 30
             ? std::log(m.sampling_rate) + exponent +
                   std::log1p((1 - m.sampling_rate) / m.sampling_rate * std::exp(-exponent))
             : std::log1p(m.sampling_rate * std::expm1(exponent));
}

// The x at which the loss is `loss`; -inf where all losses are larger.
double outcome_at(const SubsampledGaussian& m, double loss) {
  const double variance = m.noise_multiplier * m.noise_multiplier;
  if (m.sampling_rate == 1) {
    return variance * loss + 0.5;
  }
  if (loss > 30) {
    const double exponent =
        loss - std::log(m.sampling_rate) + std::log1p(-(1 - m.sampling_rate) * std::exp(-loss));
    return variance * exponent + 0.5;
  }
  const double ratio = std::expm1(loss) / m.sampling_rate;
  if (ratio <= -1) {
    return -std::numeric_limits<double>::infinity();
  }
  return variance * std::log1p(ratio) + 0.5;
}

LossRange range_of(const SubsampledGaussian& m, double tail) {
  const double far = reach(tail) * m.noise_multiplier;
  return {loss_at(m, -far), loss_at(m, 1 + far)};
}

// Outcomes with a loss in [l, l + step) have a probability p under the one neighbour and r under
// the other. Their probability is divided between l and l + step so that both stay what they are:
// low + high = p and low e^-l + high e^-(l + step) = r.
void divide(GridLoss& grid, std::size_t lower, double p, double high) {
  high = std::clamp(high, 0.0, p);
  grid.probabilities[lower] += p - high;
  grid.probabilities[lower + 1] += high;
}

GridLoss grid_of(const SubsampledGaussian& m, Direction direction, double step, double tail) {
  const double q = m.sampling_rate;
  const double sigma = m.noise_multiplier;
  const LossRange range = range_of(m, tail);
  // Edges in the loss of the neighbour with the row, which grows with x.
  const auto low = static_cast<std::int64_t>(std::floor(range.least / step));
  const auto high = static_cast<std::int64_t>(std::ceil(range.most / step));
  const auto intervals = static_cast<std::size_t>(high - low);
  GridLoss grid;
  grid.count = m.steps;
  grid.first = direction == Direction::kRemove ? low : -high;
  grid.probabilities.assign(intervals + 1, 0.0);
  const double scale = -std::expm1(-step);
  const double first_outcome = outcome_at(m, static_cast<double>(low) * step);
  double begin = first_outcome;
  for (std::size_t i = 0; i < intervals; ++i) {
    const double loss = static_cast<double>(low + static_cast<std::int64_t>(i)) * step;
    const double end = outcome_at(m, loss + step);
    const double without = normal_between(begin / sigma, end / sigma);
    const double difference =
        q * (normal_between((begin - 1) / sigma, (end - 1) / sigma) - without);
    if (direction == Direction::kRemove) {
      divide(grid, i, without + difference, (difference - without * std::expm1(loss)) / scale);
    } else {
      const double mirrored = -(loss + step);
      divide(grid,
             intervals - 1 - i,
             without,
             (-without * std::expm1(mirrored) - difference * std::exp(mirrored)) / scale);
    }
    begin = end;
  }
  // Outcomes left of all edges are there for q = 1 alone; those right of all edges always.
  const double left = first_outcome / sigma;
  const double right = begin / sigma;
  if (direction == Direction::kRemove) {
    grid.probabilities.front() += (1 - q) * normal_cdf(left) + q * normal_cdf(left - 1 / sigma);
    grid.infinite = (1 - q) * normal_tail(right) + q * normal_tail(right - 1 / sigma);
  } else {
    grid.probabilities.front() += normal_tail(right);
    grid.infinite = normal_cdf(left);
  }
  return grid;
}

// ---- Counts: the loss of one cell is (shift^2 - 2 shift y) / (2 variance), y ~ N_Z(0, variance).

std::int64_t farthest(const NoisyCounts& m, double tail) {
  return static_cast<std::int64_t>(std::ceil(reach(tail) * std::sqrt(m.variance))) + 1;
}

double cell_loss(const NoisyCounts& m, std::int64_t noise) {
  const auto shift = static_cast<double>(m.shift);
  return shift * (shift - 2 * static_cast<double>(noise)) / (2 * m.variance);
}

LossRange range_of(const NoisyCounts& m, double tail) {
  const std::int64_t far = farthest(m, tail);
  return {cell_loss(m, far), cell_loss(m, -far)};
}

GridLoss grid_of(const NoisyCounts& m, double step, double tail) {
  const std::int64_t far = farthest(m, tail);
  const LossRange range = range_of(m, tail);
  const auto low = static_cast<std::int64_t>(std::floor(range.least / step));
  const auto high = static_cast<std::int64_t>(std::floor(range.most / step)) + 1;
  GridLoss grid;
  grid.count = m.tables;
  grid.first = low;
  grid.probabilities.assign(static_cast<std::size_t>(high - low) + 1, 0.0);
  double total = 0;
  for (std::int64_t y = far; y >= 1; --y) {
    total += 2 * std::exp(-static_cast<double>(y * y) / (2 * m.variance));
  }
  total += 1;
  const double scale = -std::expm1(-step);
  for (std::int64_t y = -far; y <= far; ++y) {
    const double p = std::exp(-static_cast<double>(y * y) / (2 * m.variance)) / total;
    const double loss = cell_loss(m, y);
    const auto lower =
        std::clamp(static_cast<std::int64_t>(std::floor(loss / step)), low, high - 1);
    const double above = loss - static_cast<double>(lower) * step;
    divide(grid, static_cast<std::size_t>(lower - low), p, p * -std::expm1(-above) / scale);
  }
  // What is beyond `far` on the side of large losses; the other side is the normalisation's.
  grid.infinite = tail;
  return grid;
}

// From a standard deviation of 8192 on, the integers are too close together to matter: delta
// differs from that of continuous noise by some 1 / variance of itself, which 1e-6 less noise more
// than pays for. The lattice would have as many points as the deviation is wide.
constexpr double kLatticeVariance = 0x1p26;

SubsampledGaussian as_continuous(const NoisyCounts& m) {
  const double deviation = std::sqrt(m.variance) * (1 - 1e-6);
  return {.sampling_rate = 1,
          .noise_multiplier = deviation / static_cast<double>(m.shift),
          .steps = m.tables};
}

SubsampledGaussian as_subsampled(GaussianPrivacy m) {
  return {.sampling_rate = 1, .noise_multiplier = 1 / m.mu, .steps = 1};
}

}  // namespace

LossRange loss_range(const Mechanism& mechanism, double tail) {
  return std::visit(
      Overloaded{[&](const NoisyCounts& m) {
                   return m.variance < kLatticeVariance ? range_of(m, tail)
                                                        : range_of(as_continuous(m), tail);
                 },
                 [&](const SubsampledGaussian& m) { return range_of(m, tail); },
                 [&](const GaussianPrivacy& m) { return range_of(as_subsampled(m), tail); }},
      mechanism);
}

GridLoss on_grid(const Mechanism& mechanism, Direction direction, double step, double tail) {
  return std::visit(
      Overloaded{[&](const NoisyCounts& m) {
                   return m.variance < kLatticeVariance
                              ? grid_of(m, step, tail)
                              : grid_of(as_continuous(m), direction, step, tail);
                 },
                 [&](const SubsampledGaussian& m) { return grid_of(m, direction, step, tail); },
                 [&](const GaussianPrivacy& m) {
                   return grid_of(as_subsampled(m), direction, step, tail);
                 }},
      mechanism);
}

std::uint64_t executions(const Mechanism& mechanism) {
  return std::visit(Overloaded{[](const NoisyCounts& m) { return m.tables; },
                               [](const SubsampledGaussian& m) { return m.steps; },
                               [](const GaussianPrivacy&) { return std::uint64_t{1}; }},
                    mechanism);
}

bool is_symmetric(const Mechanism& mechanism) {
  return std::visit(Overloaded{[](const NoisyCounts&) { return true; },
                               [](const SubsampledGaussian& m) { return m.sampling_rate == 1; },
                               [](const GaussianPrivacy&) { return true; }},
                    mechanism);
}

}  // namespace genesis::privacy
