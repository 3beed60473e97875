#pragma once
// How the global parameters move by a round's aggregate: a value. AddMean is federated averaging
// (McMahan et al. 2017); server-side optimizers (Reddi et al. 2021, arXiv 2003.00295) are further
// alternatives, with their own state.
#include <span>
#include <variant>

namespace genesis::aggregation {

struct AddMean {
  bool operator==(const AddMean&) const = default;
};
using ServerStep = std::variant<AddMean>;

/// `aggregate` is as long as `parameters`.
void apply(const ServerStep& step, std::span<float> parameters, std::span<const float> aggregate);

}  // namespace genesis::aggregation
