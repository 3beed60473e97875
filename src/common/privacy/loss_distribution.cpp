#include "common/privacy/loss_distribution.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <complex>
#include <limits>
#include <sstream>
#include <string>

#include "common/base/check.hpp"
#include "common/base/overloaded.hpp"
#include "common/privacy/fft.hpp"
#include "common/privacy/loss_grid.hpp"

namespace genesis::privacy {
namespace {

// Probability that the composition may leave outside of its window, on either side.
constexpr double kTail = 1e-13;
// Points of the window: the grid's step follows from it. Error of epsilon against formulas that are
// known: below 1e-4 relative (tests/unit/privacy/loss_distribution_test.cpp).
constexpr std::size_t kPoints = 30'000;
constexpr std::size_t kMostSize = std::size_t{1} << 23U;  // of a transform
constexpr double kMostPoints = 1 << 20U;                  // of one execution's losses
constexpr double kMostLoss = 1e4;
// A factor of the transform below this, after all executions, is nothing.
constexpr double kNegligible = 1e-40;

using Complex = std::complex<double>;

Status check(const NoisyCounts& counts) {
  if (counts.tables < 1 || counts.tables > 1'000'000'000 || counts.shift < 1 ||
      counts.shift > 1'000'000 || !(counts.variance >= 0.25 && counts.variance <= 1e16)) {
    std::ostringstream text;
    text << "noisy counts: expected 1 to 1e9 tables, a shift of 1 to 1e6 and a variance of 0.25 to "
            "1e16, got "
         << counts.tables << ", " << counts.shift << " and " << counts.variance;
    return fail(Errc::kInvalidArgument, text.str());
  }
  return {};
}

Status check(GaussianPrivacy gaussian) {
  if (!(gaussian.mu >= 1e-6 && gaussian.mu <= 1e3)) {
    std::ostringstream text;
    text << "mu: " << gaussian.mu << " is outside [1e-6, 1e3]";
    return fail(Errc::kInvalidArgument, text.str());
  }
  return {};
}

Status check_mechanism(const Mechanism& mechanism) {
  return std::visit([](const auto& m) { return check(m); }, mechanism);
}

double mean_of(const GridLoss& grid, double step) {
  double mean = 0;
  for (std::size_t i = 0; i < grid.probabilities.size(); ++i) {
    mean += grid.probabilities[i] * static_cast<double>(grid.first + static_cast<std::int64_t>(i));
  }
  return mean * step;
}

double variance_of(const GridLoss& grid, double step, double mean) {
  double variance = 0;
  for (std::size_t i = 0; i < grid.probabilities.size(); ++i) {
    const double loss = static_cast<double>(grid.first + static_cast<std::int64_t>(i)) * step;
    variance += grid.probabilities[i] * (loss - mean) * (loss - mean);
  }
  return variance;
}

// log of E[e^(t loss)] over the finite losses, from the end where the terms are largest.
double log_moment(const GridLoss& grid, double step, double t) {
  const double factor = std::exp(-std::abs(t) * step);
  double power = 1;
  double sum = 0;
  const std::size_t n = grid.probabilities.size();
  for (std::size_t i = 0; i < n && power > 0; ++i) {
    sum += power * grid.probabilities[t > 0 ? n - 1 - i : i];
    power *= factor;
  }
  const auto end = t > 0 ? grid.first + static_cast<std::int64_t>(n) - 1 : grid.first;
  return t * static_cast<double>(end) * step + std::log(sum);
}

// Where the sum of all losses lies but for kTail on either side, by Chernoff's bound at the best of
// some exponents t.
LossRange window_of(const std::vector<GridLoss>& grids, double step) {
  LossRange window;  // all that is possible
  double variance = 0;
  for (const auto& grid : grids) {
    const auto count = static_cast<double>(grid.count);
    const auto last = grid.first + static_cast<std::int64_t>(grid.probabilities.size()) - 1;
    window.least += count * static_cast<double>(grid.first) * step;
    window.most += count * static_cast<double>(last) * step;
    variance += count * variance_of(grid, step, mean_of(grid, step));
  }
  const double deviation = std::sqrt(variance);
  // Around 1 / deviation for what is nearly normal; from 0.02 for losses that are rare and large,
  // whose moments are finite for t below 1.
  for (double t = std::min(0.02, 0.02 / deviation); t < 30 / deviation; t *= 1.3) {
    double right = 0;
    double left = 0;
    for (const auto& grid : grids) {
      right += static_cast<double>(grid.count) * log_moment(grid, step, t);
      left += static_cast<double>(grid.count) * log_moment(grid, step, -t);
    }
    window.most = std::min(window.most, (right - std::log(kTail)) / t);
    window.least = std::max(window.least, (std::log(kTail) - left) / t);
  }
  return window;
}

std::vector<GridLoss> all_on_grid(std::span<const Mechanism> mechanisms,
                                  Direction direction,
                                  double step) {
  double executed = 0;
  for (const auto& mechanism : mechanisms) {
    executed += static_cast<double>(executions(mechanism));
  }
  std::vector<GridLoss> grids;
  grids.reserve(mechanisms.size());
  for (const auto& mechanism : mechanisms) {
    grids.push_back(on_grid(mechanism, direction, step, kTail / executed));
  }
  return grids;
}

// `step` or a little less, so that the losses of counts lie on the grid where its step is finer
// than they are apart: of few tables, each loss is an outcome that counts.
double aligned(std::span<const Mechanism> mechanisms, double step) {
  double apart = 0;
  for (const auto& mechanism : mechanisms) {
    if (const auto* counts = std::get_if<NoisyCounts>(&mechanism)) {
      apart = std::max(apart, static_cast<double>(counts->shift) / (2 * counts->variance));
    }
  }
  return apart > step ? apart / std::ceil(apart / step) : step;
}

// value^count, or 0 where it would be smaller than anything that matters.
Complex power(Complex value, std::uint64_t count) {
  if (std::norm(value) <= 0 ||
      static_cast<double>(count) * std::log(std::norm(value)) < 2 * std::log(kNegligible)) {
    return 0;
  }
  Complex result = 1;
  while (true) {
    if ((count & 1U) != 0) {
      result = {result.real() * value.real() - result.imag() * value.imag(),
                result.real() * value.imag() + result.imag() * value.real()};
    }
    count >>= 1U;
    if (count == 0) {
      return result;
    }
    value = {value.real() * value.real() - value.imag() * value.imag(),
             2 * value.real() * value.imag()};
  }
}

// The transform of a real signal repeats itself in the upper half.
void mirror(std::vector<Complex>& spectrum) {
  const std::size_t n = spectrum.size();
  for (std::size_t k = n / 2 + 1; k < n; ++k) {
    spectrum[k] = std::conj(spectrum[n - k]);
  }
}

}  // namespace

Result<LossDistribution> LossDistribution::compose(std::span<const Mechanism> mechanisms) {
  GENESIS_CHECK(!mechanisms.empty(), "a composition has mechanisms");
  bool symmetric = true;
  double executed = 0;
  for (const auto& mechanism : mechanisms) {
    GENESIS_RETURN_IF_ERROR(check_mechanism(mechanism));
    symmetric = symmetric && is_symmetric(mechanism);
    executed += static_cast<double>(executions(mechanism));
  }
  LossRange single;
  for (const auto& mechanism : mechanisms) {
    const auto range = loss_range(mechanism, kTail / executed);
    single = {std::min(single.least, range.least), std::max(single.most, range.most)};
  }
  if (single.most > kMostLoss) {
    return fail(Errc::kInvalidArgument,
                "the noise is too weak to be accounted for: one answer alone may have a privacy "
                "loss above 10,000; raise the noise");
  }
  // A first grid says how wide the composition is; the grid follows from that, and from one
  // execution's losses, which it has to resolve however many executions there are.
  const double range = single.most - single.least;
  double step = range / 2048;
  for (int i = 0; i < 2; ++i) {
    const auto window = window_of(all_on_grid(mechanisms, Direction::kRemove, step), step);
    const double probed = step;
    step = std::min((window.most - window.least) / static_cast<double>(kPoints), range / 160);
    if (step > probed / 2) {
      break;
    }
  }
  // Losses that are possible but too rare to widen the window still need a place on the grid.
  step = std::max(step, range / kMostPoints);
  step = aligned(mechanisms, step);
  LossDistribution result;
  for (const auto direction : {Direction::kRemove, Direction::kAdd}) {
    if (direction == Direction::kAdd && symmetric) {
      break;
    }
    const auto grids = all_on_grid(mechanisms, direction, step);
    const auto window = window_of(grids, step);
    if (window.most - window.least > static_cast<double>(kMostSize) * step) {
      return fail(Errc::kInvalidArgument,
                  "these answers together can't be accounted for: their privacy losses are of too "
                  "different sizes; account for them apart");
    }
    const auto needed =
        static_cast<std::size_t>(std::ceil((window.most - window.least) / step)) + 2;
    std::size_t size = std::bit_ceil(needed);
    for (const auto& grid : grids) {
      size = std::max(size, std::bit_ceil(grid.probabilities.size()));
    }
    const Fft fft(size);
    std::vector<Complex> total(size, 1.0);
    Side side{.step = step,
              .first = static_cast<std::int64_t>(std::floor(window.least / step)),
              .probabilities = {},
              .infinite = 2 * kTail + kNumericalDelta};
    double finite = 1;
    std::int64_t first = 0;  // of the convolution, before it is wrapped into the window
    for (const auto& grid : grids) {
      std::vector<Complex> spectrum(size);
      std::ranges::copy(grid.probabilities, spectrum.begin());
      fft.forward(spectrum);
      for (std::size_t k = 0; k <= size / 2; ++k) {
        total[k] *= power(spectrum[k], grid.count);
      }
      first += grid.first * static_cast<std::int64_t>(grid.count);
      finite *= std::pow(1 - grid.infinite, static_cast<double>(grid.count));
    }
    side.infinite += 1 - finite;
    mirror(total);
    fft.inverse(total);
    // Point i of the transform is the loss (first + i) * step, up to multiples of the size.
    side.probabilities.resize(size);
    const auto period = static_cast<std::int64_t>(size);
    for (std::int64_t i = 0; i < period; ++i) {
      const std::int64_t from = (((side.first + i - first) % period) + period) % period;
      side.probabilities[static_cast<std::size_t>(i)] =
          std::max(0.0, total[static_cast<std::size_t>(from)].real());
    }
    result.sides_.push_back(std::move(side));
  }
  return result;
}

double LossDistribution::delta_of_side(const Side& side, double epsilon) {
  double delta = side.infinite;
  for (std::size_t i = side.probabilities.size(); i-- > 0;) {
    const double loss = static_cast<double>(side.first + static_cast<std::int64_t>(i)) * side.step;
    if (loss <= epsilon) {
      break;
    }
    delta += side.probabilities[i] * -std::expm1(epsilon - loss);
  }
  return std::min(1.0, delta);
}

// Between two points of the grid delta is a - b e^epsilon, with sums a and b over the losses above.
double LossDistribution::epsilon_of_side(const Side& side, double delta) {
  if (delta <= side.infinite) {
    return std::numeric_limits<double>::infinity();
  }
  double above = side.infinite;
  double weighted = 0;  // sum of p e^(loss of point i - loss), rescaled from point to point
  const double factor = std::exp(-side.step);
  for (std::size_t i = side.probabilities.size(); i-- > 0;) {
    const double loss = static_cast<double>(side.first + static_cast<std::int64_t>(i)) * side.step;
    above += side.probabilities[i];
    weighted = weighted * factor + side.probabilities[i];
    // For epsilon in [loss - step, loss): delta(epsilon) = above - weighted e^(epsilon - loss).
    if (above - weighted * factor >= delta) {
      return above <= delta ? loss : loss + std::log((above - delta) / weighted);
    }
    if (loss - side.step < 0) {
      break;
    }
  }
  return 0;
}

Delta LossDistribution::delta(Epsilon epsilon) const {
  double most = 0;
  for (const auto& side : sides_) {
    most = std::max(most, delta_of_side(side, epsilon.value));
  }
  return Delta{most};
}

Epsilon LossDistribution::epsilon(Delta delta) const {
  double most = 0;
  for (const auto& side : sides_) {
    most = std::max(most, epsilon_of_side(side, delta.value));
  }
  return Epsilon{most};
}

}  // namespace genesis::privacy
