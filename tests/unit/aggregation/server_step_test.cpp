#include "common/aggregation/server_step.hpp"

#include <vector>

#include "tests/support/catch.hpp"

using namespace genesis::aggregation;

TEST_CASE("aggregation: federated averaging adds the mean to the parameters", "[aggregation]") {
  std::vector<float> parameters{1.0F, -2.0F};
  const std::vector<float> mean{0.5F, 2.0F};
  apply(AddMean{}, parameters, mean);
  CHECK(parameters == std::vector<float>{1.5F, 0.0F});
}
