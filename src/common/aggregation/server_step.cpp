#include "common/aggregation/server_step.hpp"

#include "common/base/check.hpp"
#include "common/base/overloaded.hpp"

namespace genesis::aggregation {

void apply(const ServerStep& step, std::span<float> parameters, std::span<const float> aggregate) {
  GENESIS_CHECK(parameters.size() == aggregate.size(), "one value for each parameter");
  std::visit(Overloaded{[&](const AddMean&) {
               for (std::size_t i = 0; i < parameters.size(); ++i) {
                 parameters[i] += aggregate[i];
               }
             }},
             step);
}

}  // namespace genesis::aggregation
