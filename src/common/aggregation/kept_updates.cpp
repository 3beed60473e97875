#include "common/aggregation/kept_updates.hpp"

#include <string>

#include "common/aggregation/validity.hpp"
#include "common/aggregation/weights.hpp"

namespace genesis::aggregation {

Result<KeptUpdates> KeptUpdates::create(std::string_view strategy, const FoldBounds& bounds) {
  if (bounds.size == 0 || bounds.max_updates == 0) {
    return fail(Errc::kInvalidArgument,
                std::string(strategy) + ": needs at least 1 value an update and 1 update");
  }
  if (bounds.max_updates > kMaxKeptUpdates) {
    return fail(Errc::kResourceExhausted,
                std::string(strategy) + ": " + std::to_string(bounds.max_updates) +
                    " updates exceed " + std::to_string(kMaxKeptUpdates) +
                    "; lower rounds.maxClients or take a mean");
  }
  return KeptUpdates(bounds);
}

Status KeptUpdates::add(std::span<const float> update, std::uint64_t rows) {
  GENESIS_RETURN_IF_ERROR(check_shape(update.size(), size_, rows));
  if (values_.size() == max_updates_) {
    return fail(Errc::kResourceExhausted,
                "update: the round holds the " + std::to_string(max_updates_) +
                    " updates that were announced");
  }
  if (const auto bad = first_invalid(update)) {
    return invalid_value(*bad, update[*bad]);
  }
  values_.emplace_back(update.begin(), update.end());
  rows_.push_back(rows);
  return {};
}

std::vector<std::uint64_t> KeptUpdates::weights() const {
  auto weights = up_to_median(rows_);
  if (are_equal(weights)) {
    weights.assign(weights.size(), 1);
  }
  return weights;
}

}  // namespace genesis::aggregation
