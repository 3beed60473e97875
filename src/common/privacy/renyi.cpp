#include "common/privacy/renyi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "common/base/check.hpp"

namespace genesis::privacy {
namespace {

tl::unexpected<Error> out_of_range(const char* name, double value, const char* range) {
  std::ostringstream text;
  text << name << ": " << value << " is outside " << range;
  return fail(Errc::kInvalidArgument, text.str());
}

// log of E[((1 - q) + q e^((2x - 1) / (2 sigma^2)))^order] for x ~ N(0, sigma^2), by the
// trapezoidal rule: the integrand is analytic in a strip of half-width pi sigma^2 around the line,
// so that the error falls like e^(-2 pi^2 sigma^2 / step).
double log_moment(double q, double sigma, double order) {
  constexpr double kReach = 12;  // standard deviations beyond both modes, x = 0 and x = order
  const double step = sigma * std::min(1.0, sigma) / 12;
  const double first = -kReach * sigma;
  const double last = order + kReach * sigma;
  const auto count = static_cast<std::int64_t>((last - first) / step) + 1;
  const double variance = sigma * sigma;
  const auto log_term = [&](double x) {
    const double exponent = (2 * x - 1) / (2 * variance);
    // log(1 - q + q e^exponent), without overflow on the right and without loss around 0
    const double loss = exponent > 30
                            ? std::log(q) + exponent + std::log1p((1 - q) / q * std::exp(-exponent))
                            : std::log1p(q * std::expm1(exponent));
    return order * loss - x * x / (2 * variance);
  };
  double most = -std::numeric_limits<double>::infinity();
  double sum = 0;  // of exp(term - most)
  for (std::int64_t i = 0; i < count; ++i) {
    const double term = log_term(first + static_cast<double>(i) * step);
    if (term > most) {
      sum = sum * std::exp(most - term) + 1;
      most = term;
    } else {
      sum += std::exp(term - most);
    }
  }
  return most + std::log(sum * step) - std::log(sigma * std::sqrt(2 * std::acos(-1.0)));
}

}  // namespace

Status check(const SubsampledGaussian& mechanism) {
  if (!(mechanism.sampling_rate > 0 && mechanism.sampling_rate <= 1)) {
    return out_of_range("sampling rate", mechanism.sampling_rate, "(0, 1]");
  }
  if (!(mechanism.noise_multiplier >= 0.1 && mechanism.noise_multiplier <= 1e6)) {
    return out_of_range("noise multiplier", mechanism.noise_multiplier, "[0.1, 1e6]");
  }
  if (mechanism.steps < 1 || mechanism.steps > 10'000'000) {
    return out_of_range("steps", static_cast<double>(mechanism.steps), "[1, 1e7]");
  }
  return {};
}

double renyi_divergence(const SubsampledGaussian& mechanism, double order) {
  GENESIS_CHECK(order > 1, "Renyi orders are above 1");
  const double sigma = mechanism.noise_multiplier;
  const auto steps = static_cast<double>(mechanism.steps);
  if (mechanism.sampling_rate == 1) {
    return steps * order / (2 * sigma * sigma);
  }
  const double moment = log_moment(mechanism.sampling_rate, sigma, order);
  return steps * std::max(0.0, moment) / (order - 1);
}

std::vector<double> default_orders() {
  std::vector<double> orders;
  for (int tenth = 11; tenth < 110; ++tenth) {
    orders.push_back(tenth / 10.0);
  }
  for (int order = 11; order < 64; ++order) {
    orders.push_back(order);
  }
  orders.insert(orders.end(), {128, 256, 512});
  return orders;
}

RenyiEpsilon epsilon_of(const SubsampledGaussian& mechanism,
                        Delta delta,
                        std::span<const double> orders) {
  RenyiEpsilon best{Epsilon{std::numeric_limits<double>::infinity()}, 0};
  for (const double order : orders) {
    const double epsilon = renyi_divergence(mechanism, order) + std::log1p(-1 / order) -
                           (std::log(delta.value) + std::log(order)) / (order - 1);
    if (epsilon < best.epsilon.value) {
      best = {Epsilon{std::max(0.0, epsilon)}, order};
    }
  }
  return best;
}

}  // namespace genesis::privacy
