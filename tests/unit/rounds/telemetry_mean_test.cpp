#include "common/rounds/telemetry_mean.hpp"

#include "tests/support/catch.hpp"

using namespace genesis::rounds;

TEST_CASE("rounds: telemetry is weighed by rows, each number over those who told it", "[rounds]") {
  TelemetryMean mean;
  CHECK(mean.mean().empty());
  mean.add({{"loss", 1.0}, {"norm", 3.0}}, 300);
  mean.add({{"loss", 5.0}}, 100);
  CHECK(mean.mean() == Telemetry{{"loss", 2.0}, {"norm", 3.0}});
  TelemetryMean of_nobody;
  of_nobody.add({{"loss", 7.0}}, 0);
  CHECK(of_nobody.mean() == Telemetry{{"loss", 0.0}});
}
