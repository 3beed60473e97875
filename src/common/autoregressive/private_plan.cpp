#include "common/autoregressive/private_plan.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/mixture/exchange.hpp"
#include "common/mixture/privacy_plan.hpp"
#include "common/mixture/settings.hpp"
#include "common/privacy/gaussian.hpp"

namespace genesis::autoregressive {
namespace {

Status check_supported(const spec::FederatedTraining& training) {
  if (training.privacy.unit_column) {
    return fail(Errc::kInvalidArgument,
                "spec.privacy.unitColumn: is not implemented for method " + training.model.method +
                    ", whose unit is one row; remove it or use method mixture");
  }
  if (training.privacy.secure_aggregation) {
    return fail(Errc::kInvalidArgument,
                "spec.privacy.secureAggregation: is not implemented for method " +
                    training.model.method +
                    " with differentialPrivacy, where each site's own noise protects its updates; "
                    "remove it or use method mixture");
  }
  return {};
}

// The queries of a site of so many declared rows; the training is the last.
Result<privacy::QueryPlan> plan_of(const spec::FederatedTraining& training, std::uint64_t rows) {
  GENESIS_RETURN_IF_ERROR(check_supported(training));
  GENESIS_ASSIGN(auto plan, mixture::marginal_plan(training));
  GENESIS_ASSIGN(const auto counts, mixture::settings_of(training));
  // A table may have numbers that the spec does not name, which are looked at closer.
  if (std::ranges::find(plan.queries, mixture::kZoom, &privacy::PlannedQuery::name) ==
      plan.queries.end()) {
    plan.queries.push_back(
        {.name = std::string(mixture::kZoom), .tables = 1, .share = counts.zoom_share});
  }
  GENESIS_ASSIGN(const auto round, steps_of(training, rows));
  const auto steps = round.steps * static_cast<std::uint64_t>(training.rounds.count);
  plan.queries.push_back({.name = "updates",
                          .tables = steps,
                          .cells = steps * kMaxPrivateParameters,
                          .share = 0.0,
                          .is_summed = false,
                          .sampling = round.sampling});
  return plan;
}

}  // namespace

Result<std::uint64_t> declared_rows(const spec::FederatedTraining& training,
                                    std::string_view client) {
  const auto found = std::ranges::find(training.participants, client, &spec::Participant::name);
  if (found == training.participants.end() || !found->max_rows) {
    return fail(Errc::kInvalidArgument,
                "spec.participants[" + std::string(client) +
                    "].maxRows: is absent. With differential privacy, method " +
                    training.model.method +
                    " takes local.batchSize / maxRows of a site's rows in a step; set it to about "
                    "as many rows as the site has, a number that everybody may know");
  }
  return static_cast<std::uint64_t>(*found->max_rows);
}

Result<RoundSteps> steps_of(const spec::FederatedTraining& training, std::uint64_t rows) {
  constexpr std::uint64_t kMostSteps = std::uint64_t{1} << 18U;
  const auto batch = std::min(static_cast<std::uint64_t>(training.local.batch_size), rows);
  const auto epochs = static_cast<std::uint64_t>(training.local.epochs);
  const RoundSteps round{.steps = std::max<std::uint64_t>(1, epochs * ((rows + batch - 1) / batch)),
                         .sampling = static_cast<double>(batch) / static_cast<double>(rows)};
  if (round.steps * static_cast<std::uint64_t>(training.rounds.count) > kMostSteps) {
    return fail(Errc::kInvalidArgument,
                "spec.local.batchSize: with it a site has more than 262144 steps in all rounds; "
                "raise it, or lower local.epochs or rounds.count");
  }
  return round;
}

Result<privacy::QueryPlan> query_plan(const spec::FederatedTraining& training) {
  if (training.participants.empty()) {
    return fail(Errc::kInvalidArgument,
                "spec.participants: is empty; name them, each with about how many rows it has "
                "(maxRows)");
  }
  std::optional<std::uint64_t> fewest;
  std::string smallest;
  for (const auto& participant : training.participants) {
    GENESIS_ASSIGN(const auto rows, declared_rows(training, participant.name));
    if (!fewest || rows < *fewest) {
      fewest = rows;
      smallest = participant.name;
    }
  }
  GENESIS_ASSIGN(auto plan, plan_of(training, *fewest));
  if (training.participants.size() > 1) {
    plan.remarks.push_back("the noise of the training is that of " + smallest +
                           ", which has the fewest rows by participants.maxRows; sites with more "
                           "need less");
  }
  return plan;
}

Result<std::vector<privacy::DeclaredPlan>> plans_if_declared(
    const spec::FederatedTraining& /*training*/) {
  return std::vector<privacy::DeclaredPlan>();
}

Result<mixture::Protection> protection_of(const spec::FederatedTraining& training) {
  GENESIS_RETURN_IF_ERROR(check_supported(training));
  GENESIS_ASSIGN(const auto guarantee, mixture::guarantee_of(training));
  return mixture::Protection{.mu = privacy::calibrate(guarantee).mu, .noisy_sites = 1};
}

Result<SiteTraining> site_training(const spec::FederatedTraining& training,
                                   std::string_view client) {
  GENESIS_ASSIGN(const auto protection, protection_of(training));
  GENESIS_ASSIGN(const auto guarantee, mixture::guarantee_of(training));
  GENESIS_ASSIGN(const auto rows, declared_rows(training, client));
  GENESIS_ASSIGN(const auto plan, plan_of(training, rows));
  GENESIS_ASSIGN(const auto noise, privacy::plan_noise(plan, guarantee, {}));
  GENESIS_ASSIGN(const auto round, steps_of(training, rows));
  GENESIS_ASSIGN(
      auto cost,
      privacy::training_cost(
          round.steps, kMaxPrivateParameters, noise.costs.back().variance, round.sampling));
  return SiteTraining{.counts = protection, .round = cost};
}

}  // namespace genesis::autoregressive
