#pragma once
// The sum of one collection, as the method wants the answers combined: contributions fold into it
// as they arrive, so that memory does not grow with the number of clients.
#include <cstdint>
#include <memory>
#include <variant>

#include "common/aggregation/count_sum.hpp"
#include "common/aggregation/distribution_fold.hpp"
#include "common/aggregation/strategy.hpp"
#include "common/base/error.hpp"
#include "common/method/server_method.hpp"
#include "common/rounds/contribution.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::aggregator {

/// Whether `body` has the form that `combine` asks for: shapes, finite values within
/// aggregation::kMaxMagnitude, or so many counts. Errors: kInvalidArgument.
[[nodiscard]] Status check_form(const rounds::Body& body, const method::Combine& combine);

/// The largest body that has it, in bytes, header and all.
[[nodiscard]] std::uint64_t max_body_bytes(const method::Combine& combine);

class Summation {
 public:
  /// `max_clients` contributions that weigh at most `max_weight` together. Errors: as the strategy
  /// gives them for these bounds.
  [[nodiscard]] static Result<Summation> start(const method::Combine& combine,
                                               const spec::Aggregation& aggregation,
                                               std::uint64_t max_clients,
                                               std::uint64_t max_weight);

  /// `body` passed check_form; counts weigh what they count.
  [[nodiscard]] Status add(const rounds::Body& body, std::uint64_t weight);
  /// Errors: kFailedPrecondition before the first contribution.
  [[nodiscard]] Result<method::Sum> total() const;

 private:
  using State = std::variant<aggregation::CountSum,
                             aggregation::DistributionFold,
                             std::unique_ptr<aggregation::Fold>>;
  explicit Summation(State state) : state_(std::move(state)) {}
  State state_;
};

}  // namespace genesis::aggregator
