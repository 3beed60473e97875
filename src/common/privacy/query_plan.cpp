#include "common/privacy/query_plan.hpp"

#include <algorithm>
#include <cmath>

#include "common/privacy/gaussian.hpp"

namespace genesis::privacy {
namespace {

// Of DP-SGD: with more noise than this over the norm that rows are clipped to, nothing is learned.
constexpr double kMostMultiplier = 1000.0;
constexpr double kLeastMultiplier = 0.3;
constexpr double kClose = 1.0005;  // of the multiplier that is found to the least one

bool is_training(const Cost& cost) {
  return cost.is_training();
}

// Gives all training the least noise that leaves the whole within the guarantee. Errors:
// kInvalidArgument where none does.
Status calibrate_training(std::vector<Cost>& costs, const Guarantee& guarantee) {
  const auto keeps = [&](double multiplier) -> Result<bool> {
    GENESIS_ASSIGN(const auto variance, NoiseVariance::at_least(multiplier * multiplier));
    for (auto& cost : costs) {
      cost.variance = cost.is_training() ? variance : cost.variance;
    }
    const auto epsilon = epsilon_of(costs, guarantee.delta(), Adversary::kClaimed);
    // Losses that are too large to be accounted for are too large.
    return epsilon.has_value() && *epsilon <= guarantee.epsilon();
  };
  double low = kLeastMultiplier;
  double high = low;
  for (bool is_enough = false; !is_enough; high *= 2) {
    GENESIS_ASSIGN(is_enough, keeps(high));
    if (is_enough) {
      break;
    }
    low = high;
    if (high > kMostMultiplier) {
      return fail(Errc::kInvalidArgument,
                  "no noise on the training keeps this guarantee; raise epsilon or delta, or train "
                  "for fewer steps");
    }
  }
  while (high > kClose * low) {
    const double middle = std::sqrt(low * high);
    GENESIS_ASSIGN(const bool is_enough, keeps(middle));
    (is_enough ? high : low) = middle;
  }
  GENESIS_ASSIGN(const bool is_kept, keeps(high));
  return is_kept ? Status() : fail(Errc::kInternal, "privacy: a noise that was enough is not");
}

Status check(const QueryPlan& plan) {
  double shares = 0;
  for (const auto& query : plan.queries) {
    if (query.sampling > 0) {
      continue;
    }
    if (!(query.share > 0 && query.share <= 1)) {
      return fail(Errc::kInvalidArgument,
                  "query plan: the share of " + query.name + " is not in (0, 1]");
    }
    shares += query.share;
  }
  if (plan.queries.empty() || shares > 1 + 1e-9) {
    return fail(Errc::kInvalidArgument,
                "query plan: it has no queries, or their shares exceed the whole");
  }
  return {};
}

Result<std::vector<Cost>> costs_of(const QueryPlan& plan,
                                   double squared,
                                   const Protection& protection) {
  const auto shift = static_cast<double>(protection.rows_per_unit);
  std::vector<Cost> costs;
  for (const auto& query : plan.queries) {
    if (query.sampling > 0) {
      GENESIS_ASSIGN(const auto most, NoiseVariance::at_least(kMostMultiplier * kMostMultiplier));
      GENESIS_ASSIGN(const auto cost,
                     training_cost(query.tables, query.cells / query.tables, most, query.sampling));
      costs.push_back(cost);
      continue;
    }
    const double all = static_cast<double>(query.tables) * shift * shift / (query.share * squared);
    const auto shares = query.is_summed ? protection.shares : 1;
    const double least = shares > 1 ? kLeastSharedVariance : 0.0;
    GENESIS_ASSIGN(const auto variance, NoiseVariance::at_least(std::max(all / shares, least)));
    GENESIS_ASSIGN(auto cost,
                   cost_of(query.tables, query.cells, variance, protection.rows_per_unit));
    cost.shares = shares;
    cost.extra_delta = query.extra_delta;
    GENESIS_RETURN_IF_ERROR(privacy::check(cost));
    costs.push_back(cost);
  }
  return costs;
}

}  // namespace

Result<PlannedNoise> plan_noise(const QueryPlan& plan,
                                const Guarantee& guarantee,
                                const Protection& protection) {
  GENESIS_RETURN_IF_ERROR(check(plan));
  // The formula of continuous noise is met but for a little: discrete noise on few tables may cost
  // more. So the squares shrink until the accountant agrees.
  const double mu = calibrate(guarantee).mu;
  double squared = mu * mu;
  for (double shrink = 1e-5;; shrink *= 2) {
    GENESIS_ASSIGN(auto costs, costs_of(plan, squared, protection));
    if (std::ranges::any_of(costs, is_training)) {
      GENESIS_RETURN_IF_ERROR(calibrate_training(costs, guarantee));
    }
    GENESIS_ASSIGN(const auto epsilon, epsilon_of(costs, guarantee.delta(), Adversary::kClaimed));
    if (epsilon <= guarantee.epsilon()) {
      GENESIS_ASSIGN(const auto worst, epsilon_of(costs, guarantee.delta(), Adversary::kAllOthers));
      return PlannedNoise{std::move(costs), epsilon, worst};
    }
    if (shrink > 0.5) {
      return fail(Errc::kInvalidArgument, "no noise keeps this guarantee; raise epsilon or delta");
    }
    squared *= 1 - shrink;
  }
}

}  // namespace genesis::privacy
