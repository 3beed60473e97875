#include "common/privacy/cost.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "common/privacy/discrete_gaussian.hpp"
#include "common/privacy/gaussian_noise.hpp"
#include "common/privacy/loss_distribution.hpp"

namespace genesis::privacy {
namespace {

constexpr std::uint64_t kMostTables = 1'000'000;
constexpr std::uint64_t kMostCells = std::uint64_t{1} << 40U;
constexpr std::uint64_t kMostShift = 1'000'000;
constexpr std::uint32_t kMostShares = 100'000;

// How far the sum of `shares` discrete Gaussians of `variance` each is from one of their variance
// together (Kairouz, Liu & Steinke 2021, theorem 1).
double distance_of_sum(std::uint32_t shares, double variance) {
  double sum = 0;
  for (std::uint32_t k = 1; k < shares; ++k) {
    sum += std::exp(-2 * std::numbers::pi * std::numbers::pi * variance * k / (k + 1.0));
  }
  return 10 * sum;
}

constexpr std::uint64_t kMostUnits = std::uint64_t{1} << 60U;

}  // namespace

Status check(const Cost& cost) {
  const auto within =
      [](const char* name, std::uint64_t value, std::uint64_t low, std::uint64_t high) -> Status {
    if (value >= low && value <= high) {
      return {};
    }
    return fail(Errc::kInvalidArgument,
                std::string(name) + ": " + std::to_string(value) + " is outside [" +
                    std::to_string(low) + ", " + std::to_string(high) + "]");
  };
  GENESIS_RETURN_IF_ERROR(within("tables", cost.tables, 1, kMostTables));
  GENESIS_RETURN_IF_ERROR(within("cells", cost.cells, 1, kMostCells));
  GENESIS_RETURN_IF_ERROR(within("shift", cost.shift, 1, kMostShift));
  GENESIS_RETURN_IF_ERROR(within("shares", cost.shares, 1, kMostShares));
  GENESIS_RETURN_IF_ERROR(within("extraDelta", cost.extra_delta, 0, kMostUnits));
  GENESIS_RETURN_IF_ERROR(within("distance", cost.distance, 0, kMostUnits));
  GENESIS_RETURN_IF_ERROR(within("sampling", cost.sampling, 0, kMostSampling));
  if (cost.is_training() && (cost.shift != 1 || cost.shares != 1)) {
    return fail(Errc::kInvalidArgument,
                "sampling: steps of training have units of one row, and each site's own noise");
  }
  if (cost.shares > 1 && cost.variance.value() < kLeastSharedVariance) {
    return fail(Errc::kInvalidArgument,
                "variance: noise that several sites share must have at least 4 at each");
  }
  return {};
}

Result<Cost> cost_of(std::uint64_t tables,
                     std::uint64_t cells,
                     NoiseVariance variance,
                     std::uint64_t shift) {
  Cost cost{.tables = tables, .cells = cells, .variance = variance, .shift = shift};
  GENESIS_RETURN_IF_ERROR(check(cost));
  const double distance = DiscreteGaussian(variance).distance() * static_cast<double>(cells);
  cost.distance = static_cast<std::uint64_t>(std::ceil(distance / kDistanceUnit));
  return cost;
}

Result<Cost> training_cost(std::uint64_t steps,
                           std::uint64_t values,
                           NoiseVariance variance,
                           double sampling) {
  if (!(sampling > 0 && sampling <= 1)) {
    return fail(Errc::kInvalidArgument, "sampling: expected a rate in (0, 1]");
  }
  Cost cost{.tables = steps, .cells = steps * values, .variance = variance};
  cost.sampling = static_cast<std::uint64_t>(std::ceil(sampling / kSamplingUnit));
  GENESIS_RETURN_IF_ERROR(check(cost));
  const double distance = kGaussianDistance * static_cast<double>(cost.cells);
  cost.distance = static_cast<std::uint64_t>(std::ceil(distance / kDistanceUnit));
  GENESIS_RETURN_IF_ERROR(check(cost));
  return cost;
}

std::uint64_t squared_mu(const Cost& cost, Adversary adversary) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  if (cost.is_training()) {
    const double rate = static_cast<double>(cost.sampling) * kSamplingUnit;
    const double units = std::ceil(rate * rate * static_cast<double>(cost.tables) *
                                   std::expm1(1 / cost.variance.value()) * 0x1p40);
    return units < 0x1p64 ? static_cast<std::uint64_t>(units) : kMost;
  }
  // tables shift^2 2^20 2^40 / (shares units), at most 2^20 * 2^40 * 2^60 / 2^18 before it is cut.
  __extension__ using Wide = unsigned __int128;
  const Wide shares = adversary == Adversary::kClaimed ? cost.shares : 1;
  const Wide noise = shares * cost.variance.units();
  const Wide amount = (Wide{cost.tables} * cost.shift * cost.shift) << 60U;
  const Wide units = (amount + noise - 1) / noise;
  return units > kMost ? kMost : static_cast<std::uint64_t>(units);
}

Result<Epsilon> epsilon_of(std::span<const Cost> costs, Delta delta, Adversary adversary) {
  if (costs.empty()) {
    return Epsilon{0};
  }
  double left = delta.value;
  double distance = 0;
  std::map<std::pair<double, std::uint64_t>, std::uint64_t> tables;        // by noise and shift
  std::map<std::pair<NoiseVariance, std::uint64_t>, std::uint64_t> steps;  // by noise and sampling
  for (const auto& cost : costs) {
    const double shares = adversary == Adversary::kClaimed ? cost.shares : 1;
    if (cost.is_training()) {
      GENESIS_RETURN_IF_ERROR(check(cost));
      steps[{cost.variance, cost.sampling}] += cost.tables;
    } else {
      tables[{cost.variance.value() * shares, cost.shift}] += cost.tables;
    }
    left -= static_cast<double>(cost.extra_delta) * kDeltaUnit;
    distance += static_cast<double>(cost.distance) * kDistanceUnit;
    if (shares > 1) {
      distance +=
          static_cast<double>(cost.cells) * distance_of_sum(cost.shares, cost.variance.value());
    }
  }
  std::vector<Mechanism> mechanisms;
  for (const auto& [noise, count] : tables) {
    mechanisms.emplace_back(
        NoisyCounts{.tables = count, .variance = noise.first, .shift = noise.second});
  }
  for (const auto& [of, count] : steps) {
    mechanisms.emplace_back(
        SubsampledGaussian{.sampling_rate = static_cast<double>(of.second) * kSamplingUnit,
                           .noise_multiplier = std::sqrt(of.first.value()),
                           .steps = count});
  }
  GENESIS_ASSIGN(const auto loss, LossDistribution::compose(mechanisms));
  // What the distance takes from delta grows with epsilon, so epsilon is approached from below.
  Epsilon epsilon = loss.epsilon(Delta{left});
  for (int i = 0; i < 100 && std::isfinite(epsilon.value); ++i) {
    const Epsilon next = loss.epsilon(Delta{left - distance_delta(distance, 1, epsilon.value)});
    if (next <= epsilon) {
      return epsilon;
    }
    epsilon = next;
  }
  return Epsilon{std::numeric_limits<double>::infinity()};
}

}  // namespace genesis::privacy
