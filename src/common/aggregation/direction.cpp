#include "common/aggregation/direction.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace genesis::aggregation {
namespace {

constexpr std::size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;  // interleaved partial sums, which vectorise

double total(const Lanes& lanes) {
  return std::accumulate(lanes.begin(), lanes.end(), 0.0);
}

struct Products {
  double squares = 0.0;  // a . a
  double product = 0.0;  // a . b
};

Products products(std::span<const float> a, std::span<const float> b) {
  Lanes squares{};
  Lanes product{};
  const auto add = [&](std::size_t lane, std::size_t i) {
    const auto x = static_cast<double>(a[i]);
    squares[lane] += x * x;
    product[lane] += x * static_cast<double>(b[i]);
  };
  const std::size_t whole = a.size() - a.size() % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      add(lane, i + lane);
    }
  }
  for (std::size_t i = whole; i < a.size(); ++i) {
    add(i - whole, i);
  }
  return {total(squares), total(product)};
}

}  // namespace

double norm(std::span<const float> values) {
  return std::sqrt(products(values, values).squares);
}

void Compass::point(std::vector<float> step) {
  step_ = std::move(step);
  norm_ = norm(step_);
}

Direction Compass::of(std::span<const float> update) const {
  if (update.size() != step_.size()) {
    return {norm(update), std::nullopt};
  }
  const auto found = products(update, step_);
  Direction direction{std::sqrt(found.squares), std::nullopt};
  if (const double lengths = direction.norm * norm_; lengths > 0.0) {
    direction.divergence = 1.0 - std::clamp(found.product / lengths, -1.0, 1.0);
  }
  return direction;
}

}  // namespace genesis::aggregation
