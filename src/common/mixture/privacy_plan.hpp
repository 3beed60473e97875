#pragma once
// What a training of the mixture is going to ask under differential privacy, and the noise that
// follows: both halves compute it from the spec alone. Pure.
#include <vector>

#include "common/base/error.hpp"
#include "common/mixture/protection.hpp"
#include "common/mixture/settings.hpp"
#include "common/privacy/guarantee.hpp"
#include "common/privacy/query_plan.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::mixture {

/// The three collections for the columns that the spec names; cells of the tables for bins as many
/// as there may be. Errors: kInvalidArgument names the field of spec.model or spec.table.
[[nodiscard]] Result<privacy::QueryPlan> query_plan(const spec::FederatedTraining& training);

/// Each column's own counts and the names of values alone, for methods that have another use for
/// the rest of the budget. Errors: as above.
[[nodiscard]] Result<privacy::QueryPlan> marginal_plan(const spec::FederatedTraining& training);

/// What query_plan() would be if the spec declared the categories that it leaves open, and then the
/// bounds too, of numbers with so few values that the fine counts have a cell for each; none where
/// nothing is open. Errors: those of query_plan().
[[nodiscard]] Result<std::vector<privacy::DeclaredPlan>> plans_if_declared(
    const spec::FederatedTraining& training);

/// Of spec.privacy.differentialPrivacy, which must be there. Errors: kInvalidArgument.
[[nodiscard]] Result<privacy::Guarantee> guarantee_of(const spec::FederatedTraining& training);

/// What the names of one column may cost of delta: a tenth of it is for all of them.
[[nodiscard]] double names_delta(const Settings& settings, const privacy::Guarantee& guarantee);

/// How sites protect their counts: by noise of their own that suffices alone or, in masked sums,
/// together with that of others. Errors: as above, and kInvalidArgument where no noise keeps the
/// guarantee.
[[nodiscard]] Result<Protection> protection_of(const spec::FederatedTraining& training);

}  // namespace genesis::mixture
