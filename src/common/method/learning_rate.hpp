#pragma once
// The learning rate of a round, for methods that train by rounds: the server says it in the
// parameters of its ask, and a site takes none above the spec's.
#include <cstdint>
#include <string>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/method/site_method.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::method {

/// Parameters of the ask that follows `closed` of `rounds` rounds, by spec.local.lrSchedule.
[[nodiscard]] std::string learning_rate_parameters(const spec::Local& local,
                                                   RoundId closed,
                                                   std::uint32_t rounds);

/// The rate that an assignment asks for, with this site's factor. Errors: kInvalidArgument where
/// there is none, or one above spec.local.learningRate.
[[nodiscard]] Result<double> learning_rate_of(const Assignment& assignment, const SiteSetup& setup);

}  // namespace genesis::method
