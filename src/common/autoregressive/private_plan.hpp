#pragma once
// What a training under differential privacy is going to ask of a site's rows, and the noise that
// follows: each site computes it from the spec alone. For every network that is trained on noisy
// counts' codes and by DP-SGD. Pure.
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/mixture/protection.hpp"
#include "common/privacy/cost.hpp"
#include "common/privacy/query_plan.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::autoregressive {

/// A private network of more weights is refused: the noise in all of them would leave nothing.
inline constexpr std::size_t kMaxPrivateParameters = std::size_t{4} << 20;

/// About how many rows a participant has, as everybody may know: participants.maxRows. Errors:
/// kInvalidArgument where the spec does not say.
[[nodiscard]] Result<std::uint64_t> declared_rows(const spec::FederatedTraining& training,
                                                  std::string_view client);

/// The steps of one round.
struct RoundSteps {
  std::uint64_t steps = 1;  // so many epochs of the declared rows as the spec says
  double sampling = 1.0;    // local.batchSize over the declared rows
};
[[nodiscard]] Result<RoundSteps> steps_of(const spec::FederatedTraining& training,
                                          std::uint64_t rows);

/// Each column's own counts, and the steps of all rounds of the site that needs most noise: the one
/// with the fewest declared rows. Errors: kInvalidArgument names the field.
[[nodiscard]] Result<privacy::QueryPlan> query_plan(const spec::FederatedTraining& training);
/// Of a spec for which nothing else could be declared.
[[nodiscard]] Result<std::vector<privacy::DeclaredPlan>> plans_if_declared(
    const spec::FederatedTraining& training);

/// How one site's answers are protected.
struct SiteTraining {
  mixture::Protection counts;
  privacy::Cost round;  // of one round's steps
};
/// Errors: as those of query_plan(), and kInvalidArgument where no noise keeps the guarantee.
[[nodiscard]] Result<SiteTraining> site_training(const spec::FederatedTraining& training,
                                                 std::string_view client);

/// Of the counts alone, which is the same at every site and at the server.
[[nodiscard]] Result<mixture::Protection> protection_of(const spec::FederatedTraining& training);

}  // namespace genesis::autoregressive
